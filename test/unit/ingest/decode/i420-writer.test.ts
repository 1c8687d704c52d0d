import {
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_SMPTE170M,
  AVCOL_SPC_UNSPECIFIED,
} from 'node-av';
import { expect, test } from 'vitest';
import { colourOf } from '../../../../src/ingest/decode/i420-writer.ts';

test.each([
  ['tagged BT.709 below high definition', AV_PIX_FMT_YUV420P, AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, 480, 'bt709/limited'],
  [
    'tagged BT.601 in high definition',
    AV_PIX_FMT_YUV420P,
    AVCOL_SPC_SMPTE170M,
    AVCOL_RANGE_MPEG,
    1080,
    'bt601/limited',
  ],
  ['untagged high definition', AV_PIX_FMT_YUV420P, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_MPEG, 720, 'bt709/limited'],
  ['untagged below', AV_PIX_FMT_YUV420P, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_MPEG, 719, 'bt601/limited'],
  ['full range by its tag', AV_PIX_FMT_YUV420P, AVCOL_SPC_BT709, AVCOL_RANGE_JPEG, 720, 'bt709/full'],
  ['full range by its format', AV_PIX_FMT_YUVJ420P, AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, 720, 'bt709/full'],
])('%s', (_, format, colorSpace, colorRange, height, expected) => {
  const { matrix, range } = colourOf({ format, colorSpace, colorRange, height });
  expect(`${matrix}/${range}`).toBe(expected);
});

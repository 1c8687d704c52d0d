import { expect, test } from 'vitest';
import { H264, H265, hasRecoveryPoint } from '../../../../src/ingest/rtp/nal-syntax.ts';
import { fastestMs } from '../../../support/timing.ts';

const RECOVERY = [6, 1, 0xc4];
const UNREGISTERED = [5, 17, ...new Array<number>(17).fill(0xaa)];
/** 300 bytes: its size is written as 255 and 45. */
const LONG = [5, 255, 45, ...new Array<number>(300).fill(6)];
const PICTURE_TIMING = [1, 2, 6, 6];
const FAR_TYPE = [255, 6, 1, 9];
const END = 0x80;

test.each([
  ['alone', RECOVERY, true],
  ['behind user data', [...UNREGISTERED, ...RECOVERY], true],
  ['behind a long message', [...LONG, ...RECOVERY], true],
  ['before another', [...RECOVERY, ...UNREGISTERED], true],
  ['behind an empty message', [0, 0, ...RECOVERY], true],
  ['behind a message of type 261', [...FAR_TYPE, ...RECOVERY], true],
  ['behind emulation prevention, which is not counted', [5, 4, 0, 0, 3, 1, 9, ...RECOVERY], true],
  ['that is only the content of another', PICTURE_TIMING, false],
  ['that is only the content of a long one', LONG, false],
  ['of type 261 is none', FAR_TYPE, false],
  ['behind a message that is longer than the NAL unit', [5, 200, 1, ...RECOVERY], false],
  ['cut off before its size', [...UNREGISTERED, 6], false],
  ['absent', [], false],
])('a recovery point %s', (_, messages, found) => {
  expect(hasRecoveryPoint(Uint8Array.from([0x06, ...messages, END]), H264.header)).toBe(found);
  expect(hasRecoveryPoint(Uint8Array.from([0x4e, 1, ...messages, END]), H265.header)).toBe(found);
});

test.each([
  ['empty messages', 0],
  ['sizes without an end', 255],
  ['emulation prevention', 3],
])('an SEI of 16 MiB of %s is read in no time', (_, byte) => {
  const nal = new Uint8Array(16 << 20).fill(byte);
  expect(fastestMs(() => expect(hasRecoveryPoint(nal, 1)).toBe(false))).toBeLessThan(20);
});

test('what opens a frame: first slices of H.264, of H.265’s base layer', () => {
  expect([1, 2, 3, 4, 5].map((type) => H264.opensFrame(type, 0, 0x80))).toEqual([true, true, false, false, true]);
  expect(H264.opensFrame(5, 0, 0x7f)).toBe(false);
  expect([H265.opensFrame(1, 1, 0x80), H265.opensFrame(1, 9, 0x80), H265.opensFrame(1, 1, 0x40)]).toEqual([
    true,
    false,
    false,
  ]);
});

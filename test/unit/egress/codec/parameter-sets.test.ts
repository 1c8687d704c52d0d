import { expect, it } from 'vitest';
import { parameterSetsOf } from '../../../../src/egress/codec/parameter-sets.ts';
import { splitNalUnits } from '../../../../src/egress/rtp/packetizer.ts';
import { h264Clip } from '../../../support/h264-clip.ts';

it.each(['64x64', '120x90', '642x362'])('tells the size of %s, cropped as it is', (size) => {
  const [first] = h264Clip(1, ['-bf', '0'], size);
  const [width, height] = size.split('x').map(Number);
  const sets = parameterSetsOf(Buffer.from(first ?? []));
  expect(sets?.size).toEqual({ width, height });
  expect(splitNalUnits(sets?.annexB ?? Buffer.alloc(0)).map((nal) => (nal[0] ?? 0) & 31)).toEqual([7, 8]);
});

it('has none where sets are missing or broken', () => {
  const slice = Buffer.from([0, 0, 1, 0x65, 1, 2]);
  const pps = Buffer.from([0, 0, 1, 0x68, 0xce, 0x38, 0x80]);
  expect(parameterSetsOf(slice)).toBeUndefined();
  expect(parameterSetsOf(Buffer.concat([Buffer.from([0, 0, 1, 0x67, 0x42]), pps, slice]))).toBeUndefined();
});

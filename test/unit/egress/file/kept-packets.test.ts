import { AV_CODEC_ID_AV1, AV_CODEC_ID_H264, AV_CODEC_ID_HEVC } from 'node-av';
import { describe, expect, it } from 'vitest';
import { startsAnew, withStartCodes } from '../../../../src/egress/file/kept-packets.ts';

describe('withStartCodes', () => {
  it('puts a start code where a length was, for every unit', () => {
    const units = [Buffer.of(0x67), Buffer.alloc(300, 7), Buffer.of(0, 0, 1, 9)];
    const lengths = units.flatMap((unit) => [lengthOf(unit), unit]);
    expect(withStartCodes(Buffer.concat(lengths))).toEqual(
      Buffer.concat(units.flatMap((unit) => [Buffer.of(0, 0, 0, 1), unit])),
    );
  });

  it('changes nothing of what it is given', () => {
    const given = Buffer.of(0, 0, 0, 1, 5);
    withStartCodes(given);
    expect(given).toEqual(Buffer.of(0, 0, 0, 1, 5));
  });
});

describe('startsAnew', () => {
  const [avc, hevc] = [AV_CODEC_ID_H264, AV_CODEC_ID_HEVC];
  it.each([
    ['an IDR slice after its headers', avc, [0x67, 0x68, 0x06, 0x65], true],
    ['an I slice that is no IDR', avc, [0x09, 0x41], false],
    ['a slice before an IDR', avc, [0x41, 0x65], false],
    ['headers alone', avc, [0x67, 0x68], false],
    ['IDR_W_RADL', hevc, [0x40, 0x42, 0x44, 0x26], true],
    ['CRA', hevc, [0x2a], true],
    ['TRAIL_R', hevc, [0x02], false],
    ['another codec', AV_CODEC_ID_AV1, [0x65], undefined],
  ] as const)('%s', (_name, codec, heads, expected) => {
    expect(startsAnew(codec, Buffer.from(heads.flatMap((head) => [0, 0, 1, head, 0x80, 0])))).toBe(expected);
  });
});

function lengthOf(unit: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.length);
  return length;
}

import { describe, expect, it } from 'vitest';
import { assumedConfig, withoutAdts } from '../../../../../src/egress/file/carried/adts.ts';

/** Low complexity, 44.1 kHz, stereo. */
const HEADER = [0xff, 0xf1, 0x50, 0x80, 0x01, 0x5f, 0xfc];

describe('AAC without the header of transport streams', () => {
  it('says once what the header said', () => {
    const frame = withoutAdts(Buffer.from([...HEADER, 1, 2, 3]));
    expect([...(frame?.data ?? [])]).toEqual([1, 2, 3]);
    // AudioSpecificConfig 00010 0100 0010 000.
    expect([...(frame?.config ?? [])]).toEqual([0x12, 0x10]);
    expect(assumedConfig(44_100, 2)).toEqual(frame?.config);
  });

  it('leaves out a checksum', () => {
    const [first = 0, second = 0, ...rest] = HEADER;
    expect([...(withoutAdts(Buffer.from([first, second & ~1, ...rest, 9, 9, 1]))?.data ?? [])]).toEqual([1]);
  });

  it('leaves other bytes alone', () => {
    expect(withoutAdts(Buffer.from([0x21, 1, 2, 3, 4, 5, 6, 7]))).toBeUndefined();
    expect(withoutAdts(Buffer.from(HEADER.slice(0, 5)))).toBeUndefined();
    expect(assumedConfig(12_345, 2)).toBeUndefined();
  });
});

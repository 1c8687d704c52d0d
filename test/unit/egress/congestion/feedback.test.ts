import { describe, expect, it } from 'vitest';
import { RtcpPacketConverter, RtcpTransportLayerFeedback, TransportWideCC } from 'werift';
import { type ArrivalList, arrivalList } from '../../../../src/egress/congestion/feedback.ts';

/** Reads a report as it comes over the wire: base 10, reference time 2 (128 ms). */
function read(count: number, chunks: readonly number[], deltas: readonly number[]): ArrivalList | undefined {
  const bytes = [...chunks.flatMap((chunk) => [chunk >> 8, chunk & 0xff]), ...deltas];
  while (bytes.length % 4 !== 0) bytes.push(0);
  const data = Buffer.alloc(20 + bytes.length);
  data.writeUInt32BE(0x8fcd_0000 + data.length / 4 - 1, 0);
  data.writeUInt16BE(10, 12);
  data.writeUInt16BE(count, 14);
  data.writeUInt32BE(2 << 8, 16);
  data.set(bytes, 20);
  const [packet] = RtcpPacketConverter.deSerialize(data);
  if (!(packet instanceof RtcpTransportLayerFeedback) || !(packet.feedback instanceof TransportWideCC))
    return undefined;
  return arrivalList(packet.feedback);
}

describe('reports of arrivals', () => {
  it('in runs: no packet too many', () => {
    // Three that came, two that did not.
    expect(read(5, [0x2003, 0x0002], [4, 8, 12])).toEqual({
      base: 10,
      arrivals: [129_000, 131_000, 134_000, undefined, undefined],
    });
  });

  it('in vectors of one bit and of two, with deltas below zero', () => {
    // 1 0 1, then eleven beyond the count.
    expect(read(3, [0x8000 | (0b101 << 11)], [4, 4])?.arrivals).toEqual([129_000, undefined, 130_000]);
    // Small, large, missing.
    expect(read(3, [0xc000 | (0b011000 << 8)], [4, 0xff, 0xfc])?.arrivals).toEqual([129_000, 128_000, undefined]);
  });

  it('in runs and vectors mixed', () => {
    expect(read(4, [0x2002, 0x8000 | (0b01 << 12)], [4, 4, 4])?.arrivals).toEqual([
      129_000,
      130_000,
      undefined,
      131_000,
    ]);
  });

  it('that lie about their length tell nothing, and end', () => {
    expect(read(500, [0, 0, 0], [])).toBeUndefined();
    expect(read(60_000, [0x3fff], [1])).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { ARRIVAL_WRAP } from '../../../../src/egress/congestion/feedback.ts';
import { SentPackets } from '../../../../src/egress/congestion/sent-packets.ts';
import { micros } from '../../../../src/time.ts';

function sent(count: number): SentPackets {
  const packets = new SentPackets();
  for (let i = 1; i <= count; i += 1) {
    packets.add({ at: micros(i * 1000), bytes: 1000 + i, probe: undefined, sequence: i });
  }
  return packets;
}

const arrivals = (packets: SentPackets, base: number, list: (number | undefined)[]) =>
  packets.fates({ base, arrivals: list }).map(({ sequence, arrival }) => [sequence, arrival]);

describe('SentPackets', () => {
  it('says what became of each, once: lost first, come later', () => {
    const packets = sent(10);
    expect(arrivals(packets, 1, [100, undefined, 300])).toEqual([
      [1, 100],
      [2, undefined],
      [3, 300],
    ]);
    expect(arrivals(packets, 1, [100, 200, 300])).toEqual([[2, 200]]);
  });

  it('finds its packets across the wrap of 16 bits', () => {
    const packets = sent(70_000);
    expect(packets.next).toBe(70_001 & 0xffff);
    expect(arrivals(packets, 69_999 & 0xffff, [1, 2])).toEqual([
      [69_999, 1],
      [70_000, 2],
    ]);
  });

  it('knows nothing of packets that were never sent, or long ago', () => {
    const packets = sent(9000);
    expect(arrivals(packets, 9001, [1, 2, 3])).toEqual([]);
    expect(arrivals(packets, 100, [1, 2, 3])).toEqual([]);
  });

  it("goes on where the player's clock wraps", () => {
    const packets = sent(4);
    expect(arrivals(packets, 1, [ARRIVAL_WRAP - 1000])).toEqual([[1, ARRIVAL_WRAP - 1000]]);
    expect(arrivals(packets, 2, [500])).toEqual([[2, ARRIVAL_WRAP + 500]]);
  });
});

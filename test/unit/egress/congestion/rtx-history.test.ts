import { describe, expect, it } from 'vitest';
import { RtxHistory } from '../../../../src/egress/congestion/rtx-history.ts';
import { fromMs } from '../../../../src/time.ts';

describe('RtxHistory', () => {
  const packet = (sequence: number) => ({ sequence, timestamp: 0, marker: false, payload: Buffer.alloc(0) });

  it('remembers the last packets across the wrap of the sequence number and forgets the older', () => {
    const history = new RtxHistory();
    for (let i = 0; i < 1500; i += 1) history.add(packet((65_000 + i) % 65_536));
    expect(history.take(65_500, fromMs(0), 0)?.sequence).toBe(65_500);
    expect(history.take(3, fromMs(0), 0)?.sequence).toBe(3);
    expect(history.take(65_400, fromMs(0), 0)).toBeUndefined();
  });

  it('does not give the same packet twice within the pause', () => {
    const history = new RtxHistory();
    history.add(packet(7));
    expect(history.take(7, fromMs(0), 10_000)).toBeDefined();
    expect(history.take(7, fromMs(5), 10_000)).toBeUndefined();
    expect(history.take(7, fromMs(15), 10_000)).toBeDefined();
  });

  it('forgets when a packet was sent again once its number comes around', () => {
    const history = new RtxHistory(8);
    history.add(packet(7));
    history.take(7, fromMs(0), 10_000);
    history.add(packet(15));
    expect(history.take(7, fromMs(5), 10_000)).toBeUndefined();
    expect(history.take(15, fromMs(5), 10_000)?.sequence).toBe(15);
  });
});

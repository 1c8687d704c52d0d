import { describe, expect, it } from 'vitest';
import { ArrivalLog } from './arrival-log.ts';
import { type Arrival, countSlots, gridSlots, judgeArrivals, ON_TIME_MS } from './slots.ts';

const TICKS = 1500;

/** A second of 60 fps from `first` on, each unit `late[i]` ms after its even time. */
function second(first: number, late: Readonly<Record<number, number>> = {}): Arrival[] {
  return Array.from({ length: 60 }, (_, i) => ({
    timestamp: (first + i * TICKS) % 2 ** 32,
    at: 5000 + (i * 1000) / 60 + (late[i] ?? 0),
    complete: true,
  }));
}

describe('countSlots', () => {
  it('calls missing what was not filled', () => {
    expect(countSlots(60, 57, 50)).toEqual({ slots: 60, onTime: 50, late: 7, missing: 3, onTimePercent: 83.333 });
  });

  it('takes more filled slots than the clock knows for slots', () => {
    expect(countSlots(59, 60, 60)).toMatchObject({ slots: 60, missing: 0, onTimePercent: 100 });
  });

  it('has room for whole intervals alone', () => {
    expect(gridSlots(60, 0.999)).toBe(59);
    expect(gridSlots(59.94, 1)).toBe(59);
  });
});

describe('judgeArrivals', () => {
  it('finds an even stream on time, also where its timestamps wrap', () => {
    for (const first of [0, 2 ** 32 - 30 * TICKS]) {
      expect(judgeArrivals(second(first), 60, 1)).toEqual({
        slots: 60,
        onTime: 60,
        late: 0,
        missing: 0,
        incomplete: 0,
        onTimePercent: 100,
        jitterMs: { p50: 0, p95: 0, p99: 0 },
      });
    }
  });

  it('takes up to the tolerance for on time, and not more', () => {
    const seen = judgeArrivals(second(7, { 10: ON_TIME_MS - 0.1, 20: ON_TIME_MS + 0.1, 30: -20 }), 60, 1);
    expect(seen).toMatchObject({ onTime: 59, late: 1, missing: 0 });
    expect(seen.jitterMs.p99).toBeCloseTo(ON_TIME_MS + 0.1, 6);
  });

  it('finds holes at the wrap, and units with packets missing', () => {
    const arrivals = second(2 ** 32 - 30 * TICKS).filter((_, i) => i < 28 || i >= 33);
    const broken = arrivals.map((arrival, i) => ({ ...arrival, complete: i !== 3 }));
    expect(judgeArrivals(broken, 60, 1)).toMatchObject({ slots: 60, onTime: 54, missing: 6, incomplete: 1 });
  });

  it('does not make slots of a cadence that bends', () => {
    let timestamp = 0;
    const arrivals = Array.from({ length: 61 }, (_, i) => {
      timestamp += i === 0 ? 0 : TICKS * 1.05;
      return { timestamp, at: timestamp / 90, complete: true };
    });
    expect(judgeArrivals(arrivals, 60, 1.05)).toMatchObject({ slots: 63, onTime: 61, missing: 2 });
  });

  it('is all missing where nothing came', () => {
    expect(judgeArrivals([], 60, 2)).toMatchObject({ slots: 120, onTime: 0, missing: 120, onTimePercent: 0 });
  });

  it('does not hide a stream that stopped early', () => {
    expect(judgeArrivals(second(0), 60, 2)).toMatchObject({ slots: 120, onTime: 60, missing: 60 });
  });
});

describe('ArrivalLog', () => {
  /** Packets of one unit. */
  function send(log: ArrivalLog, from: number, count: number, timestamp: number, at: number, ssrc = 1): void {
    for (let i = 0; i < count; i++) {
      const sequenceNumber = (from + i) & 0xffff;
      log.packet({ ssrc, sequenceNumber, timestamp, marker: i === count - 1 }, at + i);
    }
  }

  it('notes a unit when its last packet comes, over the wrap of the numbering', () => {
    const log = new ArrivalLog();
    send(log, 65_534, 3, 100, 10);
    send(log, 1, 1, 200, 20);
    expect(log.units).toBe(2);
    expect(log.end()).toEqual([
      { timestamp: 100, at: 12, complete: true },
      { timestamp: 200, at: 20, complete: true },
    ]);
  });

  it('calls incomplete what lost its start, its middle or its end', () => {
    const log = new ArrivalLog();
    send(log, 0, 2, 100, 10);
    send(log, 3, 1, 200, 20);
    log.packet({ ssrc: 1, sequenceNumber: 4, timestamp: 300, marker: false }, 30);
    log.packet({ ssrc: 1, sequenceNumber: 6, timestamp: 300, marker: true }, 31);
    log.packet({ ssrc: 1, sequenceNumber: 7, timestamp: 400, marker: false }, 40);
    send(log, 9, 1, 500, 50);
    send(log, 10, 1, 600, 60);
    expect(log.end().map(({ timestamp, complete }) => [timestamp, complete])).toEqual([
      [100, true],
      [200, false],
      [300, false],
      [400, false],
      [500, false],
      [600, true],
    ]);
  });

  it('leaves other SSRCs out and forgets what came before the beginning', () => {
    const log = new ArrivalLog();
    send(log, 0, 1, 100, 10);
    send(log, 50, 1, 100, 11, 2);
    log.begin();
    send(log, 1, 1, 200, 20);
    expect(log.end()).toEqual([{ timestamp: 200, at: 20, complete: true }]);
    expect(log.units).toBe(2);
  });
});

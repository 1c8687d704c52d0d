import { describe, expect, it } from 'vitest';
import { ArrivalLog } from '../../../../src/ingest/whip/transport-cc.ts';
import { micros } from '../../../../src/time.ts';

describe('ArrivalLog', () => {
  it('reports nothing when nothing arrived', () => {
    expect(new ArrivalLog().take()).toBeUndefined();
  });

  it('reports arrivals in ticks of 250 µs, each from the one before, the first from the reference time', () => {
    const log = new ArrivalLog();
    log.received(100, micros(128_000 + 1000));
    log.received(101, micros(128_000 + 2000));
    log.received(103, micros(128_000 + 1500));
    expect(log.take()).toEqual({ base: 100, reference: 2, deltas: [4, 4, undefined, -2], count: 0 });
  });

  it('does not add up rounding', () => {
    const log = new ArrivalLog();
    for (let i = 0; i < 1000; i += 1) log.received(i, micros(64_000 + i * 333));
    const deltas = log.take()?.deltas ?? [];
    const sum = deltas.reduce((total: number, delta) => total + (delta ?? 0), 0);
    expect(sum).toBe(Math.round((999 * 333) / 250));
  });

  it('goes on across the wrap, and counts its reports', () => {
    const log = new ArrivalLog();
    log.received(65_534, micros(0));
    log.received(0, micros(250));
    expect(log.take()).toMatchObject({ base: 65_534, deltas: [0, undefined, 1], count: 0 });
    log.received(65_535, micros(500));
    log.received(1, micros(750));
    expect(log.take()).toMatchObject({ base: 65_535, deltas: [2, undefined, 1], count: 1 });
  });

  it('leaves out what is 1024 numbers old', () => {
    const log = new ArrivalLog();
    log.received(10, micros(0));
    log.received(5000, micros(250));
    expect(log.take()).toMatchObject({ base: 5000, deltas: [1] });
  });
});

import { describe, expect, it } from 'vitest';
import { NACK_TIMEOUT, NackSchedule } from '../../../../src/ingest/whip/nack.ts';
import { fromMs, type Micros, ZERO } from '../../../../src/time.ts';

/** A schedule that has received these packets at 0. */
function received(...sequences: number[]): NackSchedule {
  const schedule = new NackSchedule();
  for (const sequence of sequences) schedule.received(sequence, ZERO);
  return schedule;
}

const at = (ms: number): Micros => fromMs(ms);

describe('NackSchedule', () => {
  it('asks for nothing while nothing is missing', () => {
    const schedule = received(10, 11, 12);
    expect(schedule.deadline).toBeUndefined();
    expect(schedule.due(at(1000))).toEqual([]);
  });

  it('waits 10 ms for packets that were overtaken', () => {
    const schedule = received(10, 13);
    expect(schedule.due(at(9))).toEqual([]);
    expect(schedule.deadline).toBe(at(10));
    schedule.received(11, at(9));
    expect(schedule.due(at(10))).toEqual([12]);
  });

  it('asks five times at most, 50 ms apart, and has asked for the last time when patience ends', () => {
    const schedule = received(10, 12);
    const asked: number[] = [];
    for (let ms = 0; ms <= 400; ms += 1) if (schedule.due(at(ms)).length > 0) asked.push(ms);
    expect(asked).toEqual([10, 60, 110, 160, 210]);
    expect(at(210)).toBeLessThan(NACK_TIMEOUT);
    expect(schedule.deadline).toBeUndefined();
    expect(schedule.requested).toBe(5);
  });

  it("goes on across the wrap when 65,535 and 0 are lost, where werift's own stops", () => {
    const schedule = received(65_533, 65_534, 1);
    expect(schedule.due(at(10))).toEqual([65_535, 0]);
    schedule.received(0, at(20));
    schedule.received(65_535, at(20));
    schedule.received(3, at(20));
    expect(schedule.due(at(100))).toEqual([2]);
  });

  it('gives up when more is missing than a keyframe would cost, and starts again from there', () => {
    const schedule = received(0, 300);
    expect(schedule.due(at(10))).toEqual([]);
    schedule.received(302, at(10));
    expect(schedule.due(at(20))).toEqual([301]);
  });

  it('follows a sender that starts anew, forwards and backwards', () => {
    const schedule = received(5000, 40_000, 40_002, 100, 102);
    expect(schedule.due(at(10))).toEqual([101]);
  });

  it('never holds more than 256', () => {
    const schedule = received(0);
    for (let sequence = 2; sequence < 4000; sequence += 2) {
      schedule.received(sequence, ZERO);
      const misses = Array.from({ length: 4000 }, (_, i) => i).filter((number) => schedule.misses(number));
      if (sequence % 400 === 0) expect(misses.length).toBeLessThanOrEqual(256);
    }
  });
});

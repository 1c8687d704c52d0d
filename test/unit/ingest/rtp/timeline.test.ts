import { describe, expect, it, test } from 'vitest';
import { Timeline } from '../../../../src/ingest/rtp/timeline.ts';
import { fromMs, type Micros, micros, minus, plus } from '../../../../src/time.ts';

const EPOCH = micros(1.7e15);

/** Places units at `[timestamp, arrival ms]`; wall clock = EPOCH + arrival. */
function place(timeline: Timeline, ...units: [timestamp: number, arrivalMs: number][]) {
  return units.map(([timestamp, arrivalMs]) =>
    timeline.place(timestamp >>> 0, fromMs(arrivalMs), plus(EPOCH, fromMs(arrivalMs))),
  );
}

const ptsOf = (placed: { pts: Micros }[]) => placed.map((p) => p.pts / 1000);
const jumps = (placed: { discontinuity: boolean }[]) => placed.flatMap((p, i) => (p.discontinuity ? [i] : []));

test('the timeline starts at the first arrival and follows the timestamps, not the arrivals', () => {
  const placed = place(new Timeline(), [1000, 500], [4000, 560], [7000, 561]);
  expect(ptsOf(placed)).toEqual([500, 533.333, 566.667]);
  expect(jumps(placed)).toEqual([]);
});

test('the 32-bit wrap is no event', () => {
  const placed = place(new Timeline(), [2 ** 32 - 3000, 0], [0, 33], [3000, 66]);
  expect(ptsOf(placed)).toEqual([0, 33.333, 66.667]);
  expect(jumps(placed)).toEqual([]);
});

test('B-frames step back without a discontinuity', () => {
  const placed = place(new Timeline(), [0, 0], [9000, 33], [3000, 66], [6000, 99], [18_000, 133]);
  expect(ptsOf(placed)).toEqual([0, 100, 33.333, 66.667, 200]);
  expect(jumps(placed)).toEqual([]);
});

test('a gap is a discontinuity at its true length', () => {
  const placed = place(new Timeline(), [0, 0], [3000, 33], [6000, 66], [276_000, 3066], [279_000, 3100]);
  expect(ptsOf(placed).at(3)).toBe(3066.667);
  expect(jumps(placed)).toEqual([3]);
});

test('slow sources are not one long gap', () => {
  const frames = Array.from({ length: 10 }, (_, i): [number, number] => [i * 90_000, i * 1000]);
  expect(jumps(place(new Timeline(), ...frames))).toEqual([]);
});

test('a pulse rate that drops from 30 to 7.5 per second is no gap', () => {
  const fast = Array.from({ length: 30 }, (_, i): [number, number] => [i * 3000, i * 33]);
  const slow = Array.from({ length: 5 }, (_, i): [number, number] => [87_000 + (i + 1) * 12_000, 957 + (i + 1) * 133]);
  expect(jumps(place(new Timeline(), ...fast, ...slow))).toEqual([]);
});

test.each([
  ['back', -90_000 * 3600],
  ['forward', 90_000 * 3600],
])('a jump %s continues the timeline by the time that passed, once', (_, jump) => {
  const placed = place(new Timeline(), [0, 0], [3000, 33], [jump + 6000, 80], [jump + 9000, 113]);
  expect(ptsOf(placed)).toEqual([0, 33.333, 80.333, 113.666]);
  expect(jumps(placed)).toEqual([2]);
});

test('a backlog after a stalled network keeps its times', () => {
  const placed = place(new Timeline(), [0, 0], [3000, 33], [6000, 3000], [9000, 3000], [12_000, 3001]);
  expect(ptsOf(placed)).toEqual([0, 33.333, 66.667, 100, 133.333]);
  expect(jumps(placed)).toEqual([]);
});

test('a new sender is a discontinuity that continues the timeline', () => {
  const timeline = new Timeline();
  place(timeline, [0, 0], [3000, 33]);
  timeline.newSender();
  const placed = place(timeline, [4_000_000_000, 70], [4_000_003_000, 103]);
  expect(ptsOf(placed)).toEqual([70.333, 103.666]);
  expect(jumps(placed)).toEqual([0]);
});

test('capture time comes from sender reports, across the wrap', () => {
  const timeline = new Timeline();
  expect(place(timeline, [0, 1000]).map((p) => p.capture)).toEqual([plus(EPOCH, fromMs(1000))]);
  timeline.senderReport(2 ** 32 - 9000, plus(EPOCH, fromMs(880)));
  expect(place(timeline, [0, 1000]).map((p) => p.capture)).toEqual([plus(EPOCH, fromMs(980))]);
});

test.each([
  ['an hour ago', -3_600_000],
  ['never set (1970)', -1.7e12],
  ['in the future', 5000],
])('a sender clock that is %s is not believed', (_, offsetMs) => {
  const timeline = new Timeline();
  timeline.senderReport(0, plus(EPOCH, fromMs(offsetMs)));
  expect(place(timeline, [0, 0])[0]?.capture).toBe(EPOCH);
});

describe('what belongs to the units', () => {
  it('is placed by the clock of the sender, across jumps of the timestamps', () => {
    const timeline = new Timeline(90_000);
    expect([timeline.at(fromMs(0)), timeline.lag]).toEqual([undefined, undefined]);
    timeline.place(9000, fromMs(500), fromMs(0));
    expect(timeline.at(fromMs(0))).toBeUndefined();
    timeline.senderReport(9000, fromMs(70_000));
    expect(timeline.at(fromMs(70_040))).toBe(fromMs(540));
    timeline.place(12_000, fromMs(540), fromMs(0));
    expect(timeline.at(fromMs(70_040))).toBe(fromMs(540));
    expect(timeline.lag).toBe(minus(fromMs(540), plus(fromMs(500), micros(33_333))));
    timeline.newSender();
    expect(timeline.at(fromMs(70_040))).toBeUndefined();
  });
});

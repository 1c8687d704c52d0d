import { expect, test } from 'vitest';
import { RealtimePacing } from '../../../src/ingest/realtime.ts';
import { fromMs, ManualClock, plus, waitUntil, ZERO } from '../../../src/time.ts';

test('frames are due at the pace of their timestamps, counted from the first', () => {
  const pacing = new RealtimePacing();
  const start = fromMs(1000);
  expect(pacing.due(fromMs(500), start)).toBe(start);
  // A little late each time: the due times do not follow.
  expect(pacing.due(fromMs(540), fromMs(1035))).toBe(fromMs(1040));
  expect(pacing.due(fromMs(573), fromMs(1060))).toBe(fromMs(1073));
  for (let i = 1; i <= 10_000; i += 1) {
    const at = plus(start, fromMs(i * 40));
    expect(pacing.due(fromMs(500 + i * 40), plus(at, fromMs(-5)))).toBe(at);
  }
});

test('a slightly late frame is due at once, and the next one on the old count', () => {
  const pacing = new RealtimePacing();
  pacing.due(ZERO, ZERO);
  expect(pacing.due(fromMs(40), fromMs(90))).toBe(fromMs(90));
  expect(pacing.due(fromMs(120), fromMs(91))).toBe(fromMs(120));
});

test('a late reader starts a new count instead of catching up in a burst', () => {
  const pacing = new RealtimePacing();
  pacing.due(ZERO, ZERO);
  expect(pacing.due(fromMs(40), fromMs(1000))).toBe(fromMs(1000));
  expect(pacing.due(fromMs(80), fromMs(1001))).toBe(fromMs(1040));
});

test('a jump of the timestamps is not waited for', () => {
  const pacing = new RealtimePacing();
  pacing.due(ZERO, ZERO);
  expect(pacing.due(fromMs(3_600_000), fromMs(40))).toBe(fromMs(40));
  expect(pacing.due(fromMs(3_600_040), fromMs(41))).toBe(fromMs(80));
  expect(pacing.due(ZERO, fromMs(200))).toBe(fromMs(200));
});

/**
 * Plays a live source whose frames can be had from `backlog` ms before the start on, with a clock
 * that runs `ppm` fast. @returns how long each frame waited unread, in ms.
 */
function waits(pacing: RealtimePacing, { backlog, ppm, seconds }: Record<'backlog' | 'ppm' | 'seconds', number>) {
  const interval = 40;
  let now = 0;
  return Array.from({ length: seconds * (1000 / interval) }, (_, index) => {
    const came = (index * interval) / (1 + ppm / 1e6) - backlog;
    now = Math.max(now, came);
    now = pacing.due(fromMs(index * interval), fromMs(now)) / 1000;
    return now - came;
  });
}

const worst = (waited: readonly number[]): number => waited.reduce((most, wait) => Math.max(most, wait), 0);

test.each([-200, 0, 50, 200, 1000])(
  'a live source with a clock %i ppm fast is read without falling behind, for hours',
  (ppm) => {
    const waited = waits(new RealtimePacing(1.003), { backlog: 2000, ppm, seconds: 3 * 3600 });
    expect(worst(waited)).toBeLessThanOrEqual(2001);
    expect(worst(waited.slice(-25 * 3600))).toBeLessThan(50);
  },
);

test('at the very pace of its stamps it would', () => {
  const waited = waits(new RealtimePacing(), { backlog: 2000, ppm: 200, seconds: 3 * 3600 });
  expect(waited.at(-1)).toBeGreaterThan(4000);
});

test('waiting ends when due, or when aborted, leaving no timer', async () => {
  const clock = new ManualClock();
  const abort = new AbortController();
  const done: string[] = [];
  const due = waitUntil(fromMs(10), clock, abort.signal).then(() => done.push('due'));
  const aborted = waitUntil(fromMs(1000), clock, abort.signal).then(() => done.push('aborted'));
  clock.advance(fromMs(10));
  await due;
  abort.abort();
  await aborted;
  expect(done).toEqual(['due', 'aborted']);
});

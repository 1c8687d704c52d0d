import { beforeEach, expect, it } from 'vitest';
import { ViewerPath } from '../../../../src/egress/congestion/viewer-path.ts';
import { fromMs, ManualClock, toMs } from '../../../../src/time.ts';

const clock = new ManualClock(fromMs(1000));
let path: ViewerPath;

beforeEach(() => {
  path = new ViewerPath(() => clock.now());
});

/** Sends for `seconds` at 4 Mb/s; every fifth packet may be lost; reports every 50 ms. */
function run(seconds: number, lost: (packet: number) => boolean): number[] {
  const asked: number[] = [];
  let base = path.next;
  let arrivals: (number | undefined)[] = [];
  for (let i = 0; i < seconds * 420; i += 1) {
    if (arrivals.length === 0) base = path.next;
    arrivals.push(lost(i) ? undefined : clock.now() + 5e6);
    path.sent(1120, i);
    clock.advance(fromMs(2.38));
    if (arrivals.length < 21) continue;
    asked.push(...path.report({ base, arrivals }));
    arrivals = [];
    path.tick(undefined);
  }
  return asked;
}

it('knows nothing, and paces nothing, before the player tells', () => {
  path.sent(1120, 1);
  expect([path.estimate, path.pace]).toEqual([undefined, undefined]);
});

it('of a free path says that there is room, and covers no losses', () => {
  expect(run(3, () => false)).toEqual([]);
  expect(path.estimate?.available).toBeGreaterThan(4e6);
  expect(path.estimate?.congested).toBe(false);
  expect([path.playoutDelay, path.copies]).toEqual([0, 1]);
});

it('sends what a report lacks again, twice, and has the player wait for it', () => {
  const asked = run(3, (i) => i % 20 === 7);
  expect(asked.length).toBeGreaterThan(50);
  expect(asked.every((sequence) => sequence % 20 === 7)).toBe(true);
  expect(path.estimate?.loss).toBeCloseTo(0.05, 1);
  expect(path.copies).toBe(2);
  expect(toMs(path.playoutDelay)).toBeGreaterThan(60);
});

it("takes a player's own estimate where it tells no arrivals, and does not where it does", () => {
  path.bound(1e6);
  expect(path.estimate?.congested).toBeUndefined();
  expect(path.estimate?.available).toBeGreaterThan(0.9e6);
  expect(path.estimate?.available).toBeLessThan(1e6);
  expect(path.pace).toBe(1.5e6);
  run(1, () => false);
  path.bound(0.2e6);
  expect(path.estimate?.available).toBeGreaterThan(0.9e6);
});

it('is not told of old losses as of new ones while the path is too full', () => {
  run(1, () => false);
  // Half of it is lost: that is no random loss.
  expect(run(1, (i) => i % 2 === 0).length).toBeLessThan(220);
  expect(path.estimate?.congested).toBe(true);
});

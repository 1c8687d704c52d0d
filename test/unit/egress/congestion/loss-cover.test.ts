import { expect, it } from 'vitest';
import { LossCover } from '../../../../src/egress/congestion/loss-cover.ts';
import { fromMs, type Micros, micros, toMs } from '../../../../src/time.ts';

const at = (seconds: number): Micros => micros(seconds * 1e6);

it('a path that loses nothing costs nothing', () => {
  const cover = new LossCover();
  expect(cover.update(0.004, fromMs(200), at(1))).toBe(false);
  expect([cover.delay, cover.copies]).toEqual([0, 1]);
});

it('a lossy one is covered by more than a round trip, and two copies, until 10 s after the last loss', () => {
  const cover = new LossCover();
  expect(cover.update(0.05, fromMs(200), at(1))).toBe(true);
  expect(toMs(cover.delay)).toBeGreaterThan(250);
  expect(toMs(cover.delay)).toBeLessThan(400);
  expect(cover.copies).toBe(2);
  expect(cover.update(0.001, fromMs(200), at(10))).toBe(false);
  expect(cover.update(0.001, fromMs(200), at(11.5))).toBe(true);
  expect([cover.delay, cover.copies]).toEqual([0, 1]);
});

it('follows the round trip in large steps alone, and never waits for longer than a live picture may', () => {
  const cover = new LossCover();
  cover.update(0.05, fromMs(100), at(1));
  const first = cover.delay;
  expect(cover.update(0.05, fromMs(115), at(2))).toBe(false);
  expect(cover.delay).toBe(first);
  expect(cover.update(0.05, fromMs(3000), at(3))).toBe(true);
  expect(toMs(cover.delay)).toBe(600);
});

it('waits until the round trip is known', () => {
  const cover = new LossCover();
  expect(cover.update(0.05, undefined, at(1))).toBe(false);
  expect(cover.update(0.05, fromMs(50), at(1.1))).toBe(true);
});

import { expect, it } from 'vitest';
import { Backoff } from '../../../../src/web/connection/backoff.js';

it('doubles from failure to failure up to the cap, and begins anew after a success', () => {
  const backoff = new Backoff(500, 4000, () => 0.5);
  expect([1, 2, 3, 4, 5].map(() => backoff.fail())).toEqual([500, 1000, 2000, 4000, 4000]);
  expect(backoff.failures).toBe(5);
  backoff.reset();
  expect(backoff.fail()).toBe(500);
});

it('waits as long as the server wishes, never less, up to half of it or a second more, and a minute at most', () => {
  for (const random of [0, 0.5, 1]) {
    const backoff = new Backoff(500, 4000, () => random);
    // Also when it wishes less than the page would wait by itself after many failures.
    for (let i = 0; i < 6; i += 1) expect(backoff.fail(1000)).toBe(1000 + 500 * random);
    expect([backoff.fail(10_000), backoff.fail(3_600_000)]).toEqual([10_000 + 1000 * random, 60_000 + 1000 * random]);
  }
});

it('spreads the waits by a fifth, so that pages do not return all at once', () => {
  expect(new Backoff(500, 4000, () => 0).fail()).toBe(400);
  expect(new Backoff(500, 4000, () => 1).fail()).toBeCloseTo(600);
});

import { expect, it } from 'vitest';
import { Backoff } from '../../../src/web/backoff.js';

it('doubles from failure to failure up to the cap, and begins anew after a success', () => {
  const backoff = new Backoff(500, 4000, () => 0.5);
  expect([1, 2, 3, 4, 5].map(() => backoff.fail())).toEqual([500, 1000, 2000, 4000, 4000]);
  expect(backoff.failures).toBe(5);
  backoff.reset();
  expect(backoff.fail()).toBe(500);
});

it('waits as long as the server wishes, but never longer than the cap', () => {
  const backoff = new Backoff(500, 4000, () => 0.5);
  expect([backoff.fail(3000), backoff.fail(60_000)]).toEqual([3000, 4000]);
});

it('spreads the waits by a fifth, so that pages do not return all at once', () => {
  expect(new Backoff(500, 4000, () => 0).fail()).toBe(400);
  expect(new Backoff(500, 4000, () => 1).fail()).toBeCloseTo(600);
});

import { expect, it } from 'vitest';
import { KeyframeRequests } from '../../../../src/egress/codec/keyframe-requests.ts';
import { fromMs, ManualClock } from '../../../../src/time.ts';

it('makes the first at once, and one for all that ask within 300 ms of it', () => {
  const clock = new ManualClock(fromMs(10_000));
  const made: number[] = [];
  const requests = new KeyframeRequests(clock, () => made.push(clock.now() / 1000));
  requests.want();
  requests.want();
  clock.advance(fromMs(100));
  requests.want();
  expect(made).toEqual([10_000]);
  clock.advance(fromMs(1000));
  expect(made).toEqual([10_000, 10_300]);
  requests.want();
  expect(made).toEqual([10_000, 10_300, 11_100]);
});

it('makes none once it is closed, those that were asked for included', () => {
  const clock = new ManualClock(fromMs(10_000));
  let made = 0;
  const requests = new KeyframeRequests(clock, () => {
    made += 1;
  });
  requests.want();
  requests.want();
  requests.close();
  requests.close();
  clock.advance(fromMs(1000));
  requests.want();
  expect(made).toBe(1);
});

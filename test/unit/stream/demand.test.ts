import { Observable } from 'rxjs';
import { expect, it } from 'vitest';
import type { Frame } from '../../../src/media/frame.ts';
import { Demand } from '../../../src/stream/demand.ts';
import { fromMs } from '../../../src/time.ts';

const at = (seconds: number) => fromMs(1000 * seconds);

it('is watched while somebody takes what is upconverted; a viewer of the source asks for nothing to be made', () => {
  const demand = new Demand({ onDemand: false, now: at(0) });
  expect(demand.watched).toBe(false);
  demand.change('source', true, at(1));
  expect(demand.watched).toBe(false);
  demand.change('upconverted', true, at(1));
  expect(demand.watched).toBe(true);
  demand.change('upconverted', false, at(2));
  expect(demand.watched).toBe(false);
});

it.each([
  ['never, unless that was asked for', false, [], 100, false],
  ['not at once: what it sends is to be known', true, [], 4, false],
  ['after 5 s without anybody', true, [], 5, true],
  ['not while the source variant is watched', true, [['source', true, 1]], 100, false],
  ['not while the upconverted one is', true, [['upconverted', true, 1]], 100, false],
  [
    'when both have been left',
    true,
    [
      ['source', true, 1],
      ['upconverted', true, 1],
      ['source', false, 7],
      ['upconverted', false, 8],
    ],
    8,
    true,
  ],
] as const)('lets the source sleep %s', (_when, onDemand, changes, seconds, sleeps) => {
  const demand = new Demand({ onDemand, now: at(0) });
  for (const [variant, present, time] of changes) demand.change(variant, present, at(time));
  expect(demand.rest(at(seconds))).toBe(sleeps);
  expect(demand.awake).toBe(!sleeps);
  expect(demand.rest(at(seconds))).toBe(false);
});

it('reads the source anew each time somebody comes, once for all of them, and never while it sleeps', () => {
  const demand = new Demand({ onDemand: true, now: at(0) });
  const log: string[] = [];
  const frames = new Observable<Frame>(() => {
    log.push('start');
    return () => log.push('stop');
  });
  const reading = demand.whileAwake(frames).subscribe();
  expect(demand.rest(at(5))).toBe(true);
  expect(demand.change('source', true, at(6))).toBe(true);
  expect(demand.change('upconverted', true, at(6))).toBe(false);
  demand.change('source', false, at(7));
  expect(demand.rest(at(20))).toBe(false);
  demand.change('upconverted', false, at(21));
  expect(demand.rest(at(21))).toBe(true);
  demand.change('upconverted', true, at(22));
  reading.unsubscribe();
  expect(log).toEqual(['start', 'stop', 'start', 'stop', 'start', 'stop']);
});

it('ends with its source, and does not put to sleep what has ended', () => {
  const demand = new Demand({ onDemand: true, now: at(0) });
  let ended = false;
  demand.whileAwake(new Observable((subscriber) => subscriber.complete())).subscribe({
    complete: () => {
      ended = true;
    },
  });
  expect(ended).toBe(true);
  expect(demand.rest(at(100))).toBe(false);
});

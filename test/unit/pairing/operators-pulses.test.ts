import { Subject } from 'rxjs';
import { expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import type { Frame } from '../../../src/media/frame.ts';
import { onePerPulse } from '../../../src/pairing/operators.ts';
import { fromMs, type Micros } from '../../../src/time.ts';
import { EventLog, flatFrame } from '../../support/frames.ts';

/** A filter that says what it is told to. */
class Script {
  interval: Micros | undefined;
  readonly #kept: readonly boolean[];
  #at = 0;

  constructor(kept: readonly boolean[]) {
    this.#kept = kept;
  }

  keep(): boolean {
    return this.#kept[this.#at++] ?? true;
  }
}

/** The operator between a source and a reader that releases what it gets. */
function run(filter: Script): {
  push: (...ms: number[]) => void;
  passed: Micros[];
  told: (Micros | undefined)[];
  events: EventLog;
  arena: Arena;
  stop: () => void;
} {
  const arena = new Arena(16);
  const source = new Subject<Frame>();
  const events = new EventLog();
  const passed: Micros[] = [];
  const told: (Micros | undefined)[] = [];
  const subscription = source
    .pipe(onePerPulse({ filter, stream: 's', events, onInterval: (interval) => told.push(interval) }))
    .subscribe((frame) => {
      passed.push(frame.pts);
      frame.release();
    });
  const push = (...times: number[]): void => {
    for (const ms of times) {
      const frame = flatFrame(arena, fromMs(ms));
      if (source.observed) source.next(frame);
      else frame.release();
    }
  };
  return { push, passed, told, events, arena, stop: () => subscription.unsubscribe() };
}

it('lets pulses pass, and releases and reports their repetitions', () => {
  const { push, passed, events, arena } = run(new Script([true, false, false, true]));
  push(0, 33, 67, 100);
  expect(passed).toEqual([fromMs(0), fromMs(100)]);
  expect(events.of('pair').map(({ decision }) => decision)).toEqual(['duplicate', 'duplicate']);
  expect(arena.liveFrames).toBe(0);
});

it('tells when pulses are found, come at another rate, or are shown once each, and not of jitter', () => {
  const filter = new Script([]);
  const { push, told } = run(filter);
  for (const ms of [undefined, 133, 133, 140, 67, undefined]) {
    filter.interval = ms === undefined ? undefined : fromMs(ms);
    push(0);
  }
  expect(told).toEqual([fromMs(133), fromMs(67), undefined]);
});

it('holds nothing once its reader has left', () => {
  const { push, passed, arena, stop } = run(new Script([]));
  push(0);
  stop();
  push(33);
  expect(passed).toHaveLength(1);
  expect(arena.liveFrames).toBe(0);
});

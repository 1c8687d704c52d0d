import { Subject } from 'rxjs';
import { expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import type { Frame } from '../../../src/media/frame.ts';
import { inCadence } from '../../../src/pairing/in-cadence.ts';
import type { Scheduled } from '../../../src/pairing/operators.ts';
import { PairPlanner } from '../../../src/pairing/pair-planner.ts';
import { Scheduler } from '../../../src/pairing/scheduler.ts';
import { fromMs, type Micros } from '../../../src/time.ts';
import { type Cartoon, cartoonFrame, heldFor } from '../../support/cartoon.ts';
import { EventLog } from '../../support/frames.ts';

const TWOS: Cartoon = { frames: 72, fps: 24, pictureOf: heldFor(2), grain: 6 };

function run(cartoon: Cartoon, stopAfter = Number.POSITIVE_INFINITY) {
  const arena = new Arena(16);
  const scheduler = new Scheduler({ kind: 'factor', factor: 2 });
  const planner = new PairPlanner({ scheduler, cadence: true, lookAhead: 0, maxGap: fromMs(500) });
  const source = new Subject<Frame>();
  const events = new EventLog();
  const told: (Micros | undefined)[] = [];
  const floors: number[] = [];
  const times: number[] = [];
  const onInterval = (interval: Micros | undefined): void => {
    told.push(interval);
  };
  const subscription = source
    .pipe(inCadence({ planner, scheduler, stream: 's', events, onInterval }))
    .subscribe(({ before, frame, timesteps, show }: Scheduled) => {
      times.push(...timesteps.map(({ pts }) => pts), ...(show === undefined ? [] : [show]));
      floors.push(scheduler.floor);
      before?.release();
      frame.release();
    });
  for (let i = 0; i < cartoon.frames; i++) {
    if (i === stopAfter) subscription.unsubscribe();
    const frame = cartoonFrame(arena, cartoon, i);
    if (source.observed) source.next(frame);
    else frame.release();
  }
  source.complete();
  return { arena, events, told, floors, times };
}

it('interpolates from drawing to drawing, at output times that go on, and waits for it', () => {
  const { arena, events, told, floors, times } = run(TWOS);
  expect(times).toHaveLength(2 * 71 + 1);
  expect(times.every((time, k) => k === 0 || time > (times[k - 1] ?? 0))).toBe(true);
  expect(Math.abs((told[0] ?? 0) - 83_333)).toBeLessThan(5000);
  // Half a frame at twice the rate; and the frame that repeats.
  expect((floors[1] ?? 0) / 1000).toBeCloseTo(20.8, 0);
  expect((floors.at(-1) ?? 0) / 1000).toBeCloseTo(20.8 + 41.7, 0);
  expect(events.of('pair').filter(({ decision }) => decision === 'duplicate').length).toBeGreaterThan(28);
  expect(arena.liveFrames).toBe(0);
});

it('goes back to the floor of single frames when every frame is a drawing again', () => {
  const { told, floors } = run({ ...TWOS, frames: 160, pictureOf: (i) => (i < 60 ? i >> 1 : i) });
  expect(told.at(-1)).toBeUndefined();
  expect((floors.at(-1) ?? 0) / 1000).toBeCloseTo(20.8, 0);
});

it('holds nothing once its reader has left', () => {
  expect(run(TWOS, 40).arena.liveFrames).toBe(0);
});

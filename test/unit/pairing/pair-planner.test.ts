import { describe, expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import type { Scheduled } from '../../../src/pairing/operators.ts';
import { PairPlanner } from '../../../src/pairing/pair-planner.ts';
import { type RateTarget, Scheduler } from '../../../src/pairing/scheduler.ts';
import { type Micros, micros } from '../../../src/time.ts';
import { type Cartoon, cartoonFrame, heldFor, pulledDown } from '../../support/cartoon.ts';

/** What a planner makes of a cartoon: times of all output frames, and the picture that each stands for. */
interface Planned {
  readonly times: number[];
  /** Picture numbers; 1.5 is amid the first and the second. */
  readonly pictures: number[];
  readonly shown: number;
  readonly held: number;
  readonly planner: PairPlanner;
}

const FACTOR_2: RateTarget = { kind: 'factor', factor: 2 };
const LOOK_AHEAD = 64 * 2 ** 20;

function plan(cartoon: Cartoon, target: RateTarget, cadence = true, options: { maxGap?: Micros } = {}): Planned {
  const arena = new Arena(64);
  const scheduler = new Scheduler(target, { fps: cartoon.fps });
  const planner = new PairPlanner({ scheduler, cadence, lookAhead: LOOK_AHEAD, ...options });
  const times: number[] = [];
  const pictures: number[] = [];
  let [shown, held] = [0, 0];
  const pictureAt = (pts: number): number => cartoon.pictureOf(Math.round((pts * cartoon.fps) / 1e6));
  const take = (steps: readonly Scheduled[]): void => {
    for (const { before, frame, decision, timesteps, show } of steps) {
      const [a, b] = [pictureAt(before?.pts ?? frame.pts), pictureAt(frame.pts)];
      for (const { pts, t } of timesteps) {
        times.push(pts);
        pictures.push(decision === 'interpolate' ? a + t * (b - a) : a);
        if (decision !== 'interpolate') held += 1;
      }
      if (show !== undefined) {
        times.push(show);
        pictures.push(b);
        shown += 1;
      }
      before?.release();
      frame.release();
    }
  };
  for (let i = 0; i < cartoon.frames; i++) take(planner.push(cartoonFrame(arena, cartoon, i)));
  take(planner.end());
  planner.close();
  expect(arena.liveFrames).toBe(0);
  return { times, pictures, shown, held, planner };
}

/** How uneven a motion is: the largest deviation of its steps from their mean, as a share of it. */
function unevenness(pictures: readonly number[]): number {
  const steps = pictures.slice(1).map((at, k) => at - (pictures[k] ?? 0));
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  return Math.max(...steps.map((step) => Math.abs(step - mean) / mean));
}

describe('PairPlanner', () => {
  it.each([
    ['twos', 24, heldFor(2), FACTOR_2],
    ['threes', 24, heldFor(3), FACTOR_2],
    ['24 in 30', 30, pulledDown(24, 30), FACTOR_2],
    ['24 in 30, at 60 frames a second', 30, pulledDown(24, 30), { kind: 'fps', fps: 60 } as const],
    ['24 in 30, at 50 frames a second', 30, pulledDown(24, 30), { kind: 'fps', fps: 50 } as const],
    ['24 in 60', 60, pulledDown(24, 60), FACTOR_2],
  ])('moves evenly from picture to picture of %s, at the output times of the source', (_, fps, pictureOf, target) => {
    const cartoon: Cartoon = { frames: 72, fps, pictureOf, grain: 8 };
    const { times, pictures, planner } = plan(cartoon, target);
    const plain = plan(cartoon, target, false);
    expect(times).toEqual(plain.times);
    // Begin and end have nothing before or after them.
    const amid = pictures.slice(6, -6);
    expect(unevenness(amid)).toBeLessThan(0.25);
    expect(unevenness(plain.pictures.slice(6, -6))).toBeGreaterThan(0.8);
    expect(planner.repeats).toBe(72 - new Set(Array.from({ length: 72 }, (_, i) => pictureOf(i))).size);
    expect(planner.drawnFps).toBeCloseTo((pictures.at(-1) ?? 0) / (72 / fps), -1);
  });

  it('shows each drawing of twos bit-exact, at its own time', () => {
    const { shown, times } = plan({ frames: 48, fps: 24, pictureOf: heldFor(2) }, FACTOR_2);
    expect(shown).toBe(24);
    expect(times).toHaveLength(2 * 47 + 1);
  });

  it('holds a drawing that stands for long, instead of drawing its motion out', () => {
    const pictureOf = (i: number): number => (i < 24 ? i >> 1 : i < 40 ? 12 : 12 + ((i - 38) >> 1));
    const { held, pictures } = plan({ frames: 72, fps: 24, pictureOf }, FACTOR_2);
    expect(held).toBeGreaterThan(16);
    expect(pictures.every((at, k) => at >= (pictures[k - 1] ?? 0) - 1e-9)).toBe(true);
  });

  it('changes nothing where every frame is a picture, or no cadence is wanted', () => {
    const cartoon: Cartoon = { frames: 40, fps: 30, pictureOf: (i) => i, grain: 4 };
    const { times, pictures } = plan(cartoon, FACTOR_2);
    const plain = plan(cartoon, FACTOR_2, false);
    expect({ times, pictures }).toEqual({ times: plain.times, pictures: plain.pictures });
    expect(plain.planner.drawnFps).toBeUndefined();
  });

  it.each([
    ['lets nothing lie where a live source breaks', { maxGap: micros(500_000) }, 2 * 59, 2],
    ['holds the frame before where a file breaks', {}, 2 * 59 + 1, 3],
  ])('%s', (_name, options, count, holds) => {
    const broken = { frames: 60, fps: 24, pictureOf: heldFor(2), breakAt: 31 };
    const { times, held, planner } = plan(broken, FACTOR_2, true, options);
    expect(times.every((at, k) => k === 0 || at > (times[k - 1] ?? 0))).toBe(true);
    expect(times).toHaveLength(count);
    expect(held).toBe(holds);
    expect(planner.repeats).toBe(29);
  });

  it('releases what it holds when it is closed midway', () => {
    const arena = new Arena(16);
    const planner = new PairPlanner({ scheduler: new Scheduler(FACTOR_2), cadence: true, lookAhead: LOOK_AHEAD });
    const cartoon: Cartoon = { frames: 40, fps: 24, pictureOf: heldFor(2) };
    for (let i = 0; i < 40; i++) {
      for (const { before, frame } of planner.push(cartoonFrame(arena, cartoon, i))) {
        before?.release();
        frame.release();
      }
    }
    expect(arena.liveFrames).toBeGreaterThan(0);
    planner.close();
    expect(arena.liveFrames).toBe(0);
  });
});

import { describe, expect, test } from 'vitest';
import { SourceClock } from '../../../../src/ingest/clock/source-clock.ts';
import { Timeline } from '../../../../src/ingest/rtp/timeline.ts';
import { micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';

/** A camera: when its frames come, and what it stamps on them, in units of 90 kHz. */
interface Camera {
  readonly fps: number;
  readonly seconds: number;
  /** Seconds on the camera's clock at a time, for its frame `index`. */
  readonly stamp: (time: number, index: number) => number;
  /** Most milliseconds by which frames are late, evenly distributed. */
  readonly jitterMs?: number;
  /** The first stamp. */
  readonly start?: number;
  readonly stamped?: boolean;
  readonly seed?: number;
}

interface Shown {
  readonly arrival: number;
  readonly pts: number;
  readonly discontinuity: boolean;
}

/** Plays it through the timeline of RTP and the clock. Seconds. */
function play({ fps, seconds, stamp, jitterMs = 0, start = 0, stamped = true, seed = 1 }: Camera) {
  const random = seededRandom(seed);
  const timeline = new Timeline();
  const clock = new SourceClock(stamped);
  const shown: Shown[] = [];
  let dropped = 0;
  let last = 0;
  for (let index = 0; index < fps * seconds; index += 1) {
    const time = index / fps;
    // In order, as TCP and the reorder buffer leave them.
    last = Math.max(last, time + (random() * jitterMs) / 1000);
    const arrival = micros(5e6 + last * 1e6);
    const unit = timeline.place((start + Math.round(stamp(time, index) * 90_000)) >>> 0, arrival, arrival);
    const placed = clock.place(unit.pts, arrival, unit.discontinuity);
    if (!placed) dropped += 1;
    else shown.push({ arrival: arrival / 1e6, pts: placed.pts / 1e6, discontinuity: placed.discontinuity });
  }
  return { shown, dropped, clock };
}

/** How far the delay wanders after `from` seconds, and how uneven the steps are, in milliseconds; discontinuities. */
function quality(shown: readonly Shown[], from: number, fps: number) {
  const start = shown[0]?.arrival ?? 0;
  const settled = shown.filter(({ arrival }) => arrival - start >= from);
  const delays = settled.map(({ arrival, pts }) => (arrival - pts) * 1000).toSorted((a, b) => a - b);
  const at = (share: number) => delays[Math.floor(share * (delays.length - 1))] ?? Number.NaN;
  const steps = settled.slice(1).map(({ pts }, i) => (pts - (settled[i]?.pts ?? 0)) * 1000);
  return {
    wander: at(1) - at(0),
    unevenness: Math.max(...steps.map((step) => Math.abs(step - 1000 / fps))),
    least: Math.min(...steps),
    discontinuities: settled.filter((frame) => frame.discontinuity).length,
  };
}

test('a clock that is right is left alone: stamps pass unchanged, whatever the jitter', () => {
  for (const seed of [1, 2, 3, 4]) {
    for (const jitterMs of [0, 5, 30, 80]) {
      for (const ppm of [0, 50, -200]) {
        const { shown, dropped, clock } = play({
          ...{ fps: 25, seconds: 300, jitterMs, seed },
          stamp: (time) => time * (1 + ppm / 1e6),
        });
        const steps = shown.slice(1).map(({ pts }, i) => Math.round((pts - (shown[i]?.pts ?? 0)) * 1e6));
        expect(dropped).toBe(0);
        expect(clock.fault, `${jitterMs} ms, ${ppm} ppm, seed ${seed}`).toBeUndefined();
        const nominal = 40_000 * (1 + ppm / 1e6);
        expect(Math.max(...steps.map((step) => Math.abs(step - nominal)))).toBeLessThan(30);
        expect(shown.filter((frame) => frame.discontinuity)).toEqual([]);
      }
    }
  }
});

describe('a clock that runs at another rate', () => {
  const speeds = [0.5, 0.62, 0.8, 0.9, 0.95, 0.96, 0.98, 0.99, 1.01, 1.02, 1.04, 1.05, 1.19, 1.3, 2, 3.7, 7, 10.5, 11];
  for (const speed of speeds) {
    test(`× ${speed} follows the arrivals within 2 s, evenly, and is told`, () => {
      for (const [seed, fps, jitterMs] of [
        [1, 25, 0],
        [2, 25, 4],
        [3, 30, 15],
        [4, 12, 4],
        [5, 50, 8],
      ] as const) {
        const name = `${fps} fps, ${jitterMs} ms`;
        const run = play({ fps, seconds: 60, jitterMs, seed, start: 2 ** 32 - 900_000, stamp: (time) => time * speed });
        const { wander, unevenness, discontinuities } = quality(run.shown, 3, fps);
        expect(run.dropped, name).toBe(0);
        expect(wander, name).toBeLessThan(jitterMs + 25);
        expect(unevenness, name).toBeLessThan(5 + 0.05 * (1000 / fps));
        expect(discontinuities, name).toBe(0);
        expect(run.clock.fault, name).toMatchObject({ kind: 'speed' });
        const told = run.clock.fault?.kind === 'speed' ? run.clock.fault.speed : 0;
        expect(Math.abs(told / speed - 1), name).toBeLessThan(0.01);
      }
    });
  }
});

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
    unevenness: steps.reduce((most, step) => Math.max(most, Math.abs(step - 1000 / fps)), 0),
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

/** The longest time without a new frame, in seconds of arrival, after `from`; and how far the delay went from its median. */
function survival(shown: readonly Shown[], from = 0) {
  const start = shown[0]?.arrival ?? 0;
  const seen = shown.filter(({ arrival }) => arrival - start >= from);
  const silence = seen.slice(1).reduce((most, { arrival }, i) => Math.max(most, arrival - (seen[i]?.arrival ?? 0)), 0);
  const growing = seen.slice(1).every(({ pts }, i) => pts > (seen[i]?.pts ?? 0));
  return { silence, growing };
}

test('stamps that never advance: frames are placed by their arrival, evenly, and that is told', () => {
  for (const [seed, fps, jitterMs] of [
    [1, 25, 0],
    [2, 25, 8],
    [3, 30, 4],
    [4, 10, 10],
  ] as const) {
    const { shown, dropped, clock } = play({ fps, seconds: 60, jitterMs, seed, stamp: () => 1234 });
    const { wander, unevenness, discontinuities } = quality(shown, 3, fps);
    expect(dropped).toBeLessThanOrEqual(3);
    expect(discontinuities).toBe(0);
    expect(wander).toBeLessThan(1.5 * jitterMs + 10);
    expect(unevenness).toBeLessThan(3 + jitterMs / 3);
    expect(clock.fault).toEqual({ kind: 'none' });
  }
});

test('stamps of no meaning at all are as good as none', () => {
  const random = seededRandom(7);
  const { shown } = play({ fps: 25, seconds: 60, jitterMs: 5, stamp: () => random() * 40_000 });
  expect(quality(shown, 5, 25).discontinuities).toBe(0);
  expect(quality(shown, 5, 25).wander).toBeLessThan(20);
});

test('three hours of a source without stamps: the delay is what it was in the first minute', () => {
  for (const fps of [9.7, 25.2]) {
    const { shown } = play({ fps, seconds: 3 * 3600, jitterMs: 20, stamp: (_, index) => index / 25, stamped: false });
    const { wander, discontinuities } = quality(shown, 5, fps);
    expect(wander).toBeLessThan(45);
    expect(discontinuities).toBe(0);
  }
});

test('an hour of a clock that is 300 ppm, 2 %, and at the end 5 % off: nothing adds up', () => {
  const end = 3600;
  const stamp = (time: number): number => {
    const third = end / 3;
    return (
      Math.min(time, third) * 1.0003 +
      Math.max(0, Math.min(time, 2 * third) - third) * 0.98 +
      Math.max(0, time - 2 * third) * 1.05
    );
  };
  const { shown, dropped } = play({ fps: 25, seconds: end, jitterMs: 10, stamp });
  expect(dropped).toBe(0);
  for (const at of [1, 2]) {
    const third = shown.filter(({ arrival }) => Math.floor((arrival - 5) / (end / 3)) === at);
    expect(quality(third, 10, 25).wander).toBeLessThan(40);
    expect(quality(third, 10, 25).discontinuities).toBe(0);
  }
});

test('a source whose rate changes: MJPEG at 30, then 10, then 25 frames a second', () => {
  const clock = new SourceClock(false);
  let time = 0;
  const shown: Shown[] = [];
  for (const [fps, seconds] of [
    [30, 20],
    [10, 20],
    [25, 20],
  ] as const) {
    for (let index = 0; index < fps * seconds; index += 1) {
      time += 1 / fps;
      const placed = clock.place(micros(shown.length * 40_000), micros(time * 1e6), false);
      if (placed) shown.push({ arrival: time, pts: placed.pts / 1e6, discontinuity: placed.discontinuity });
    }
    const last = shown.slice(-fps * (seconds - 5));
    expect(quality(last, 0, fps)).toMatchObject({ discontinuities: 0 });
    expect(quality(last, 0, fps).wander).toBeLessThan(15);
  }
});

test('a clock that goes wrong in the middle, whatever it did before, never stops the pictures', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = seededRandom(seed);
    const fps = [10, 15, 25, 30, 50][Math.floor(random() * 5)] ?? 25;
    const jitterMs = random() * 30;
    // Spans of 8 s: another speed in each, and a step forward or back between them.
    const spans = Array.from({ length: 5 }, () => ({
      speed: random() < 0.3 ? 1 : 0.5 * 22 ** random(),
      step: random() < 0.5 ? 0 : (random() - 0.5) * 10 ** (random() * 4),
    }));
    const stamp = (time: number): number => {
      let total = 100_000;
      for (const [i, { speed, step }] of spans.entries()) {
        if (time >= i * 8) total += step + Math.min(8, time - i * 8) * speed;
      }
      return total;
    };
    const { shown, dropped } = play({
      fps,
      seconds: 40,
      jitterMs,
      seed,
      start: 2 ** 32 - 100_000 * 90_000 - 900_000,
      stamp,
    });
    const name = `seed ${seed}, ${fps} fps: ${JSON.stringify(spans)}`;
    expect(survival(shown).growing, name).toBe(true);
    expect(survival(shown).silence, name).toBeLessThan(5 / fps + jitterMs / 1000);
    expect(dropped, name).toBeLessThanOrEqual(25);
    for (const [i] of spans.entries()) {
      const settled = shown.filter(({ arrival }) => arrival - 5 >= i * 8 + 5.5 && arrival - 5 < i * 8 + 7.9);
      expect(quality(settled, 0, fps).wander, `${name}, span ${i}`).toBeLessThan(jitterMs * 2 + 60);
      expect(quality(settled, 0, fps).discontinuities, `${name}, span ${i}`).toBeLessThanOrEqual(2);
    }
  }
});

test('a backlog at the start, a stall and a burst are no rate', () => {
  const clock = new SourceClock();
  const shown: Shown[] = [];
  const at = (stamp: number, arrival: number): void => {
    const placed = clock.place(micros(stamp * 1e6), micros(arrival * 1e6), false);
    if (placed) shown.push({ arrival, pts: placed.pts / 1e6, discontinuity: placed.discontinuity });
  };
  let arrived = 0;
  for (let index = 0; index < 25 * 60; index += 1) {
    const time = index / 25;
    // 50 frames at once, then live; every 10 s nothing for 0.4 s, and then all of it.
    const stalled = time > 5 && time % 10 < 0.4 ? time - (time % 10) + 0.4 : time;
    arrived = Math.max(arrived + 0.0005, index < 50 ? 2 : stalled);
    at(time, arrived);
  }
  expect(shown).toHaveLength(1500);
  expect(clock.fault).toBeUndefined();
  expect(shown.filter((frame) => frame.discontinuity).length).toBeLessThanOrEqual(1);
  expect(quality(shown.slice(100), 0, 25).unevenness).toBeLessThan(1);
});

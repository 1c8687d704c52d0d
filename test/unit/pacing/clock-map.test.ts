import { describe, expect, it } from 'vitest';
import { ClockMap, slew } from '../../../src/pacing/clock-map.ts';
import { micros } from '../../../src/time.ts';
import { seededRandom } from '../../support/random.ts';

/**
 * A source seen through a network: its clock drifts, packets arrive later than they might, never
 * out of order.
 */
class Source {
  readonly map = new ClockMap();
  /** Of the mapping, after each frame. */
  readonly offsets: number[] = [];
  /** Frames that came later than their mapped time, of those that were pushed. */
  late = 0;
  steps = 0;
  pts = 0;
  arrival = 0;
  /** Microseconds from PTS to the fastest arrival. */
  path: number;
  readonly interval: number;
  readonly drift: number;

  constructor(fps: number, ppm = 0, path = 5_000_000) {
    this.interval = 1e6 / fps;
    this.drift = 1 + ppm / 1e6;
    this.path = path;
  }

  /** Sends `count` frames, each `jitter()` microseconds later than the fastest one. */
  send(count: number, jitter: () => number = () => 0, discontinuity = false): void {
    this.late = 0;
    for (let i = 0; i < count; i++) {
      this.pts += this.interval;
      this.arrival = Math.max(this.arrival, this.pts * this.drift + this.path + jitter());
      const change = this.map.observe(micros(this.pts), micros(this.arrival), discontinuity && i === 0);
      if (change.kind === 'step') this.steps += 1;
      if (this.arrival > this.pts + this.map.offset + 1) this.late += 1;
      this.offsets.push(this.map.offset);
    }
  }

  /** How far the mapping is from the fastest arrival. */
  get error(): number {
    return this.map.offset - (this.pts * (this.drift - 1) + this.path);
  }
}

const SEEDS = Array.from({ length: 16 }, (_, seed) => seed + 1);
const RATES = [7.5, 15, 25, 30, 60];

describe('ClockMap', () => {
  it.each(SEEDS)(
    'seed %i: drift and jitter are followed smoothly; about nine frames in ten are there in time',
    (seed) => {
      const random = seededRandom(seed);
      const fps = RATES[seed % RATES.length] ?? 30;
      const jitter = 40_000 * random();
      const source = new Source(fps, 400 * (random() - 0.5));
      source.send(12 * fps, () => jitter * random());
      const settled = source.offsets.length;
      source.send(60 * fps, () => jitter * random());
      expect(source.steps).toBe(1);
      expect(source.late / (60 * fps)).toBeLessThan(0.2);
      // Jitter is allowed for, and no more than that.
      expect(source.error).toBeGreaterThan(0.6 * jitter - 1000);
      expect(source.error).toBeLessThan(1.05 * jitter + 1000);
      expect(source.map.allowance).toBeLessThan(jitter + 1000);
      // The cadence never changes by more than 5 % up and 2 % down.
      for (let i = settled; i < source.offsets.length; i++) {
        const change = (source.offsets[i] ?? 0) - (source.offsets[i - 1] ?? 0);
        expect(change).toBeLessThan(0.05 * (source.interval + jitter) + 1);
        expect(change).toBeGreaterThan(-0.02 * (source.interval + jitter) - 1);
      }
    },
  );

  it.each(SEEDS)(
    'seed %i: a jump of the timeline is stepped over once, and the slots before keep the old map',
    (seed) => {
      const random = seededRandom(seed);
      const fps = RATES[seed % RATES.length] ?? 30;
      const jump = (random() < 0.5 ? -1 : 1) * (300_000 + 5e6 * random());
      const source = new Source(fps);
      source.send(5 * fps, () => 5000 * random());
      source.pts += jump;
      source.path -= jump;
      source.send(5 * fps, () => 5000 * random(), true);
      expect(source.steps).toBe(2);
      expect(Math.abs(source.error)).toBeLessThan(6000);
    },
  );

  it.each(SEEDS)('seed %i: a lasting change of the path is found out within a second, without a word', (seed) => {
    const random = seededRandom(seed);
    const fps = RATES[seed % RATES.length] ?? 30;
    const source = new Source(fps);
    source.send(5 * fps, () => 5000 * random());
    source.path += 250_000 + 1e6 * random();
    source.send(fps, () => 5000 * random());
    expect(source.steps).toBe(2);
    expect(Math.abs(source.error)).toBeLessThan(6000);
  });

  it('is not moved by single frames that come half a second late', () => {
    const random = seededRandom(1);
    const source = new Source(30);
    source.send(150, () => 3000 * random());
    const before = source.map.offset;
    for (let i = 0; i < 20; i++) {
      source.pts += source.interval;
      // Straight into the map: the frames behind it are on time.
      source.map.observe(micros(source.pts), micros(source.pts + source.path + 500_000), false);
      source.send(15, () => 3000 * random());
    }
    expect(source.steps).toBe(1);
    expect(Math.abs(source.map.offset - before)).toBeLessThan(3000);
  });

  it('says from which frame on a step that was found out late counts', () => {
    const map = new ClockMap();
    for (let i = 0; i < 100; i++) map.observe(micros(i * 40_000), micros(1e6 + i * 40_000), false);
    const changes = Array.from({ length: 12 }, (_, i) =>
      map.observe(micros((100 + i) * 40_000), micros(1.6e6 + (100 + i) * 40_000), false),
    ).filter(({ kind }) => kind === 'step');
    expect(changes).toEqual([{ kind: 'step', from: 4_000_000 }]);
  });

  it('takes a backlog for no delay: while it acquires it follows the fastest frame', () => {
    const map = new ClockMap();
    for (let i = 0; i < 10; i++) map.observe(micros(i * 33_000), micros(5_000_000), false);
    expect(map.offset).toBe(5_000_000 - 9 * 33_000);
  });

  it('counts a burst as one frame, its last', () => {
    const source = new Source(25);
    source.send(200);
    const before = source.map.offset;
    // Every second one waits for the next: half of the frames would seem to need an interval more.
    for (let i = 0; i < 200; i += 2) {
      source.pts += source.interval;
      const late = source.pts + source.path + source.interval;
      source.map.observe(micros(source.pts), micros(late), false);
      source.pts += source.interval;
      source.map.observe(micros(source.pts), micros(late), false);
    }
    expect(source.map.offset).toBe(before);
  });

  it('knows nothing before the first frame and after a reset', () => {
    const source = new Source(30);
    expect(source.map.synchronized).toBe(false);
    expect(() => source.map.offset).toThrow(RangeError);
    source.send(5);
    expect(source.map.synchronized).toBe(true);
    source.map.reset();
    expect(source.map.synchronized).toBe(false);
  });
});

describe('slew', () => {
  it('never overshoots, and gets there', () => {
    for (const target of [-100_000, 100_000]) {
      let current = 0;
      for (let i = 0; i < 2000; i++) {
        const next = slew(current, target, 16_667);
        expect(Math.abs(target - next)).toBeLessThanOrEqual(Math.abs(target - current));
        current = next;
      }
      expect(Math.abs(target - current)).toBeLessThan(1);
    }
  });
});

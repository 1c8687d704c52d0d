import { afterEach, describe, expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../src/media/frame.ts';
import type { DropReason } from '../../../src/metrics/events.ts';
import { type PacedFrame, Pacer } from '../../../src/pacing/pacer.ts';
import { fromMs, ManualClock, type Micros, micros, plus } from '../../../src/time.ts';
import { seededRandom } from '../../support/random.ts';

const arena = new Arena(16);

function frame(pts: Micros): Frame {
  return Frame.allocate(arena, 2, 2, { pts, arrival: pts, capture: pts, discontinuity: false, provenance: SOURCE });
}

/** A pacer on a manual clock that records what leaves it and when. */
class Rig {
  readonly clock = new ManualClock(fromMs(1000));
  readonly drops: DropReason[] = [];
  readonly sent: { pts: Micros; due: Micros; at: Micros }[] = [];
  readonly pacer: Pacer;
  missed = 0;
  #cancel = (): void => {};
  /** Fill missed slots with a fallback. */
  fallback = true;

  constructor(delayMs: number, capacity = 32) {
    this.pacer = new Pacer({ delay: fromMs(delayMs), capacity, onDrop: (reason) => this.drops.push(reason) });
  }

  run(): void {
    this.#cancel();
    for (;;) {
      const now = this.clock.now();
      const { release, missed, wake } = this.pacer.next(now);
      for (const paced of release) this.#send(paced, now);
      for (const slot of missed) {
        this.missed += 1;
        if (this.fallback) this.pacer.offer(slot.pts, frame(slot.pts));
      }
      if (release.length > 0 || missed.length > 0) continue;
      this.#cancel = wake === undefined ? () => {} : this.clock.at(wake, () => this.run());
      return;
    }
  }

  #send(paced: PacedFrame, at: Micros): void {
    paced.frame.release();
    this.sent.push({ pts: paced.pts, due: paced.due, at });
  }

  /** A source frame whose slot is filled at once. */
  source(ptsMs: number, intervalMs: number, discontinuity = false): void {
    this.slots(ptsMs, [ptsMs], intervalMs, discontinuity);
  }

  /** A source frame at `ptsMs` that makes `slotsMs` known and fills them. */
  slots(ptsMs: number, slotsMs: number[], intervalMs: number, discontinuity = false): void {
    this.pacer.observe(fromMs(ptsMs), this.clock.now(), discontinuity);
    for (const slot of slotsMs) {
      this.pacer.expect(fromMs(slot), fromMs(intervalMs));
      this.pacer.offer(fromMs(slot), frame(fromMs(slot)));
    }
    this.run();
  }

  /** Calls `fn` at `ms` after the start. */
  at(ms: number, fn: () => void): void {
    this.clock.at(plus(fromMs(1000), fromMs(ms)), fn);
  }

  advance(ms: number): void {
    this.clock.advance(fromMs(ms));
  }

  /** Distances of releases in ms, from the n-th on. */
  gaps(from = 0): number[] {
    return this.sent.slice(from + 1).map((entry, i) => (entry.at - (this.sent[from + i]?.at ?? entry.at)) / 1000);
  }
}

afterEach(() => {
  expect(arena.liveFrames).toBe(0);
});

describe('Pacer', () => {
  it('releases each slot one constant delay after the arrival of its source frame', () => {
    const rig = new Rig(40);
    for (let i = 0; i < 30; i += 1) rig.at(i * 33, () => rig.source(i * 33, 33));
    rig.advance(1100);
    expect(rig.sent).toHaveLength(30);
    expect(rig.sent[0]?.at).toBe(fromMs(1040));
    expect(new Set(rig.gaps())).toEqual(new Set([33]));
    expect(rig.drops).toEqual([]);
  });

  it('keeps the cadence within 3 % while arrivals jitter by 25 ms', () => {
    const rig = new Rig(30);
    const next = seededRandom(7);
    for (let i = 0; i < 900; i += 1)
      rig.at(i * (1000 / 30) + next() * 25, () => rig.source(i * (1000 / 30), 1000 / 30));
    rig.advance(31_000);
    expect(rig.sent).toHaveLength(900);
    const gaps = rig.gaps(60);
    expect(Math.min(...gaps)).toBeGreaterThan(33.33 * 0.97);
    expect(Math.max(...gaps)).toBeLessThan(33.33 * 1.03);
    expect(rig.drops).toEqual([]);
  });

  it.each([200, -200])('follows a source clock that drifts by %i ppm for an hour without creeping', (ppm) => {
    const rig = new Rig(20);
    const interval = 40;
    const latencies: number[] = [];
    const frames = 90_000;
    let i = 0;
    const step = (): void => {
      const now = rig.clock.now();
      rig.source(i * interval, interval);
      const last = rig.sent.at(-1);
      if (last) latencies.push((last.at - now) / 1000);
      if (rig.sent.length > 100) rig.sent.splice(0, 50);
      i += 1;
      if (i < frames) rig.clock.at(micros(1e6 + i * interval * 1000 * (1 + ppm / 1e6)), step);
    };
    rig.clock.at(fromMs(1000), step);
    rig.advance(3_700_000);
    expect(i).toBe(frames);
    expect(rig.drops).toEqual([]);
    // The last release before an arrival lies interval − delay before it, at the start as an hour
    // later.
    const steady = latencies.slice(100);
    expect(Math.max(...steady.slice(0, 1000)) - Math.min(...steady.slice(-1000))).toBeLessThan(3);
    expect(Math.abs(steady.at(-1)! - steady[0]!)).toBeLessThan(3);
  });

  it('spreads a burst: nothing closer than half an interval, the newest frame on time, the too late ones dropped and counted', () => {
    const rig = new Rig(20);
    for (let i = 0; i < 60; i += 1) rig.at(i * 20, () => rig.source(i * 20, 20));
    // A stall: frames 60 to 84 arrive together when frame 84 does.
    rig.at(84 * 20, () => {
      for (let i = 60; i < 85; i += 1) rig.source(i * 20, 20);
    });
    for (let i = 85; i < 140; i += 1) rig.at(i * 20, () => rig.source(i * 20, 20));
    rig.advance(4000);
    expect(Math.min(...rig.gaps())).toBeGreaterThanOrEqual(10);
    expect(rig.drops.filter((reason) => reason === 'late').length).toBeGreaterThan(10);
    expect(rig.sent.length + rig.drops.length).toBe(140);
    const last = rig.sent.at(-1)!;
    expect(last.at - last.pts - 1e6).toBeLessThan(22_000);
  });

  it('forgets a backlog that a server sends at the start', () => {
    const rig = new Rig(20, 64);
    rig.at(0, () => {
      for (let i = 0; i < 30; i += 1) rig.source(i * 33, 33);
    });
    for (let i = 30; i < 120; i += 1) rig.at((i - 29) * 33, () => rig.source(i * 33, 33));
    rig.advance(6000);
    const last = rig.sent.at(-1)!;
    expect(last.pts).toBe(fromMs(119 * 33));
    expect(last.at).toBe(fromMs(1000 + 90 * 33 + 20));
  });

  it('goes on after a gap in the source with the same delay', () => {
    const rig = new Rig(25);
    for (let i = 0; i < 50; i += 1) rig.at(i * 40, () => rig.source(i * 40, 40));
    for (let i = 200; i < 250; i += 1) rig.at(i * 40, () => rig.source(i * 40, 40, i === 200));
    rig.advance(11_000);
    expect(rig.sent).toHaveLength(100);
    for (const entry of rig.sent) expect(entry.at - entry.pts).toBe(1_025_000);
  });

  it.each([-3_600_000, 3_600_000])('steps when the timeline jumps by %i ms at a discontinuity', (jump) => {
    const rig = new Rig(25);
    const base = 4_000_000;
    for (let i = 0; i < 50; i += 1) rig.at(i * 40, () => rig.source(base + i * 40, 40));
    for (let i = 50; i < 100; i += 1) rig.at(i * 40, () => rig.source(base + jump + i * 40, 40, i === 50));
    rig.advance(5000);
    expect(rig.sent).toHaveLength(100);
    expect(new Set(rig.gaps())).toEqual(new Set([40]));
  });

  it('steps within half a second when the timeline jumps and nobody says so', () => {
    const rig = new Rig(25);
    for (let i = 0; i < 50; i += 1) rig.at(i * 40, () => rig.source(i * 40, 40));
    for (let i = 50; i < 200; i += 1) rig.at(i * 40, () => rig.source(i * 40 + 600_000, 40));
    rig.advance(9000);
    const last = rig.sent.at(-1)!;
    expect(last.at).toBe(fromMs(1000 + 199 * 40 + 25));
    expect(Math.max(...rig.gaps())).toBeLessThan(500);
  });

  it('accepts a lasting rise of the path delay', () => {
    const rig = new Rig(25);
    for (let i = 0; i < 50; i += 1) rig.at(i * 40, () => rig.source(i * 40, 40));
    for (let i = 50; i < 200; i += 1) rig.at(i * 40 + 400, () => rig.source(i * 40, 40));
    rig.advance(9000);
    const last = rig.sent.at(-1)!;
    expect(last.at).toBe(fromMs(1000 + 199 * 40 + 400 + 25));
  });

  it('7.5 to 60: eight even slots per source interval', () => {
    const rig = new Rig(140);
    const interval = 1000 / 7.5;
    for (let i = 0; i < 60; i += 1) {
      rig.at(i * interval, () => {
        const slots = [];
        for (let k = i === 0 ? 8 : 1; k <= 8; k += 1) slots.push((i - 1) * interval + (k * interval) / 8);
        rig.slots(i * interval, slots, interval / 8);
      });
    }
    rig.advance(9000);
    expect(rig.sent).toHaveLength(59 * 8 + 1);
    for (const gap of rig.gaps()) expect(Math.abs(gap - 1000 / 60)).toBeLessThan(0.01);
  });

  it('25 to 60: an even grid beside the source timeline, known only when the later parent arrives', () => {
    const rig = new Rig(45);
    let grid = 0;
    for (let i = 0; i < 250; i += 1) {
      rig.at(i * 40, () => {
        const slots = [];
        while ((grid * 1000) / 60 <= i * 40) slots.push((grid++ * 1000) / 60);
        rig.slots(i * 40, slots, 1000 / 60);
      });
    }
    rig.advance(11_000);
    expect(rig.sent).toHaveLength(grid);
    for (const gap of rig.gaps()) expect(Math.abs(gap - 1000 / 60)).toBeLessThan(0.01);
    expect(rig.drops).toEqual([]);
  });

  it('reports a slot without a frame once, takes the fallback in its place, refuses the frame that comes later', () => {
    const rig = new Rig(50);
    rig.at(0, () => rig.source(0, 16));
    rig.at(32, () => {
      rig.pacer.observe(fromMs(32), rig.clock.now(), false);
      rig.pacer.expect(fromMs(16), fromMs(16));
      rig.pacer.expect(fromMs(32), fromMs(16));
      rig.pacer.offer(fromMs(32), frame(fromMs(32)));
      rig.run();
    });
    rig.advance(200);
    expect(rig.missed).toBe(1);
    expect(rig.sent.map((entry) => entry.pts)).toEqual([0, fromMs(16), fromMs(32)]);
    expect(rig.pacer.offer(fromMs(16), frame(fromMs(16)))).toBe(false);
  });

  it('drops a missed slot that gets no fallback and goes on', () => {
    const rig = new Rig(50);
    rig.fallback = false;
    rig.at(0, () => {
      rig.pacer.observe(fromMs(0), rig.clock.now(), false);
      rig.pacer.expect(fromMs(0), fromMs(16));
      rig.pacer.expect(fromMs(16), fromMs(16));
      rig.pacer.offer(fromMs(16), frame(fromMs(16)));
      rig.run();
    });
    rig.advance(200);
    expect(rig.sent.map((entry) => entry.pts)).toEqual([fromMs(16)]);
    expect(rig.drops).toEqual(['late']);
  });

  it('shows a single late frame rather than nothing', () => {
    const rig = new Rig(20);
    for (let i = 0; i < 10; i += 1) rig.at(i * 133, () => rig.source(i * 133, 133));
    rig.at(10 * 133 + 180, () => rig.source(10 * 133, 133));
    rig.advance(3000);
    expect(rig.sent).toHaveLength(11);
  });

  it('is bounded: the oldest slot goes, its frame is released, the drop is counted', () => {
    const rig = new Rig(1000, 4);
    for (let i = 0; i < 6; i += 1) rig.source(i * 10, 10);
    expect(rig.pacer.depth).toBe(4);
    expect(rig.drops).toEqual(['queue-full', 'queue-full']);
    rig.pacer.clear();
    expect(rig.drops).toHaveLength(6);
    expect(rig.pacer.depth).toBe(0);
  });

  it('ignores a slot that is known already or older than the last release', () => {
    const rig = new Rig(20);
    rig.source(0, 20);
    rig.pacer.expect(fromMs(0), fromMs(20));
    rig.advance(100);
    rig.pacer.expect(fromMs(0), fromMs(20));
    expect(rig.drops).toEqual(['duplicate', 'late']);
    expect(rig.pacer.depth).toBe(0);
  });

  it('gives up slots of a timeline that had run ahead: the pictures go on at once', () => {
    const rig = new Rig(20);
    for (let i = 0; i < 50; i += 1) rig.at(i * 20, () => rig.source(i * 20, 20));
    // Ten times too fast for 0.4 s, then right again: the last of these would be due 3.6 s later.
    for (let i = 50; i < 70; i += 1) rig.at(i * 20, () => rig.source(1000 + (i - 50) * 200, 20));
    rig.at(1400, () => rig.source(4820, 20, true));
    for (let i = 71; i < 150; i += 1) rig.at(i * 20, () => rig.source(4820 + (i - 70) * 20, 20));
    rig.advance(3100);
    const after = rig.sent.filter(({ at }) => at >= fromMs(1000 + 1400));
    expect(after.length).toBeGreaterThan(75);
    expect(rig.drops).toContain('late');
    expect(rig.drops).not.toContain('queue-full');
    rig.pacer.clear();
  });

  it('tells the deadline of a slot', () => {
    const rig = new Rig(20);
    rig.source(0, 20);
    expect(rig.pacer.dueOf(fromMs(0))).toBe(fromMs(1020));
    expect(rig.pacer.dueOf(fromMs(7))).toBeUndefined();
    rig.pacer.clear();
  });

  describe('slots beyond the newest source frame', () => {
    const beyond = (rig: Rig, ptsMs: number): void => {
      rig.pacer.expect(fromMs(ptsMs), fromMs(20), true);
      rig.pacer.offer(fromMs(ptsMs), frame(fromMs(ptsMs)));
      rig.run();
    };

    it('neither hold the next one back nor make it too old', () => {
      const rig = new Rig(0);
      rig.at(0, () => rig.source(0, 40));
      rig.at(1, () => beyond(rig, 20));
      // It comes 30 ms later than its time, and its time is before what was shown.
      rig.at(21, () => rig.slots(18, [18], 40));
      rig.advance(200);
      expect(rig.sent.map(({ pts }) => pts)).toEqual([0, 20, 18].map(fromMs));
      expect(rig.sent.map(({ at }) => at)).toEqual([1000, 1020, 1021].map(fromMs));
      expect(rig.sent.map(({ due }) => due)).toEqual([1000, 1020, 1021].map(fromMs));
      expect(rig.pacer.beyond).toBe(fromMs(20));
      rig.pacer.clear();
      expect(rig.pacer.beyond).toBe(Number.NEGATIVE_INFINITY);
    });

    it('are given back from a time on, and counted', () => {
      const rig = new Rig(100);
      rig.at(0, () => rig.source(0, 40));
      rig.at(1, () => {
        beyond(rig, 10);
        beyond(rig, 20);
        rig.pacer.expect(fromMs(30), fromMs(20), true);
      });
      rig.advance(2);
      const given = rig.pacer.withdraw(fromMs(15));
      expect(given.map(({ pts }) => pts)).toEqual([fromMs(20)]);
      for (const each of given) each.release();
      expect(rig.drops).toEqual(['overtaken', 'overtaken']);
      expect([rig.pacer.dueOf(fromMs(10)), rig.pacer.dueAt(fromMs(10))]).toEqual([fromMs(1110), fromMs(1110)]);
      rig.pacer.clear();
    });
  });

  it('slews to a new delay instead of stepping', () => {
    const rig = new Rig(20);
    for (let i = 0; i < 500; i += 1) rig.at(i * 20, () => rig.source(i * 20, 20));
    rig.at(2000, () => rig.pacer.setDelay(fromMs(60)));
    rig.advance(11_000);
    const gaps = rig.gaps();
    expect(Math.max(...gaps)).toBeLessThan(22.1);
    const last = rig.sent.at(-1)!;
    expect((last.at - last.pts) / 1000).toBeGreaterThan(1055);
  });
});

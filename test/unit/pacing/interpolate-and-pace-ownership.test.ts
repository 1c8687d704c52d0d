import { Observable, Subject, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Ladder, rungsOf } from '../../../src/interp/ladder.ts';
import { Arena } from '../../../src/media/arena.ts';
import type { Frame } from '../../../src/media/frame.ts';
import { DelayControl } from '../../../src/pacing/delay-control.ts';
import { interpolateAndPace } from '../../../src/pacing/interpolate-and-pace.ts';
import { type Paired, pairUp, planOutput, type Scheduled } from '../../../src/pairing/operators.ts';
import { Pairing } from '../../../src/pairing/pairing.ts';
import { Scheduler } from '../../../src/pairing/scheduler.ts';
import { fromMs, ManualClock, micros, minus } from '../../../src/time.ts';
import { EventLog, flatFrame } from '../../support/frames.ts';
import { type Answer, LevelPairing, OutputRig, ScriptedEngine } from '../../support/pacing-rig.ts';
import { seededRandom } from '../../support/random.ts';

const FACTOR_4 = { kind: 'factor', factor: 4 } as const;

describe('pairUp and planOutput', () => {
  it('give each frame twice, first as the later, then as the earlier one', () => {
    const arena = new Arena(16);
    const source = new Subject<Frame>();
    const events = new EventLog();
    const pairs: [number | undefined, number, Paired['decision']][] = [];
    const subscription = source.pipe(pairUp(new Pairing(), 's', events)).subscribe(({ before, frame, decision }) => {
      pairs.push([before?.pts, frame.pts, decision]);
      before?.release();
      frame.release();
    });
    [100, 104, 104, 108].forEach((level, i) => {
      source.next(flatFrame(arena, fromMs(40 * i), level));
    });
    expect(pairs).toEqual([
      [undefined, 0, undefined],
      [0, 40_000, 'interpolate'],
      [40_000, 80_000, 'duplicate'],
      [80_000, 120_000, 'interpolate'],
    ]);
    expect(events.of('pair').map((e) => e.decision)).toEqual(['interpolate', 'duplicate', 'interpolate']);
    expect(arena.liveFrames).toBe(1);
    subscription.unsubscribe();
    expect(arena.liveFrames).toBe(0);
  });

  it.each(['complete', 'error'] as const)('let go of the last frame on %s', (end) => {
    const arena = new Arena(16);
    const source = new Subject<Frame>();
    const ends: string[] = [];
    source.pipe(pairUp(new Pairing(), 's', new EventLog()), planOutput(new Scheduler(FACTOR_4))).subscribe({
      next: (step) => {
        step.before?.release();
        step.frame.release();
      },
      complete: () => ends.push('complete'),
      error: () => ends.push('error'),
    });
    source.next(flatFrame(arena, micros(0)));
    source.next(flatFrame(arena, micros(40_000), 100));
    if (end === 'complete') source.complete();
    else source.error(new Error('x'));
    expect(ends).toEqual([end]);
    expect(arena.liveFrames).toBe(0);
  });

  it('release what a source still gives after its reader left', () => {
    const arena = new Arena(16);
    const leave = new Subject<void>();
    const source = new Observable<Frame>((subscriber) => {
      for (let i = 0; i < 6; i++) {
        if (i === 3) leave.next();
        subscriber.next(flatFrame(arena, fromMs(40 * i), 100 + 4 * i));
      }
    });
    let steps = 0;
    source
      .pipe(pairUp(new Pairing(), 's', new EventLog()), planOutput(new Scheduler(FACTOR_4)), takeUntil(leave))
      .subscribe((step) => {
        steps += 1;
        step.before?.release();
        step.frame.release();
      });
    expect(steps).toBe(3);
    expect(arena.liveFrames).toBe(0);
  });
});

describe('interpolateAndPace, ownership', () => {
  it('releases what a source still gives after its reader left', async () => {
    const arena = new Arena(16);
    const clock = new ManualClock();
    const leave = new Subject<void>();
    const step = (i: number): Scheduled => {
      const before = i === 0 ? undefined : flatFrame(arena, fromMs(40 * i - 40));
      const decision = i === 0 ? undefined : 'interpolate';
      const pts = fromMs(40 * i);
      const timesteps = i === 0 ? [] : [{ pts: fromMs(40 * i - 20), t: 0.5 }];
      const beside = i < 2 ? {} : { pairBefore: { frame: flatFrame(arena, fromMs(40 * i - 80)), ratio: 1 } };
      const times = { from: before?.pts, to: pts, timesteps, show: pts, interval: fromMs(20) };
      return { before, frame: flatFrame(arena, pts), decision, ...times, ...beside };
    };
    const source = new Observable<Scheduled>((subscriber) => {
      for (let i = 0; i < 6; i++) {
        if (i === 3) leave.next();
        subscriber.next(step(i));
      }
    });
    const engine = new ScriptedEngine(arena, clock);
    const ladder = new Ladder(rungsOf(['scripted'], false), clock.now());
    const parts = {
      stream: 's',
      lineup: () => ({ tiers: [engine], ladder }),
      capacity: 8,
      scheduler: new Scheduler(FACTOR_4),
      delay: new DelayControl({}),
      clock,
      events: new EventLog(),
      minConfidence: 0,
      onEngineError: () => {},
      onLadder: () => {},
      onWork: () => {},
    };
    source.pipe(interpolateAndPace(parts), takeUntil(leave)).subscribe((paced) => paced.frame.release());
    expect(engine.jobs).toHaveLength(2);
    clock.advance(fromMs(10));
    await new Promise((resolve) => setImmediate(resolve));
    expect(engine.pending).toBe(0);
    expect(arena.liveFrames).toBe(0);
  });

  it.each([0, 3, 17, 40, 66, 90])('leaves nothing behind when it is stopped %i ms after a frame', async (ms) => {
    const rig = new OutputRig({ target: FACTOR_4 });
    rig.engine.answer = (job) => ({ ms: 10 + 15 * (job % 3), confidence: 1 });
    rig.schedule(15, 12);
    await rig.run(10 * (1000 / 15) + ms);
    expect(rig.arena.liveFrames).toBeGreaterThan(0);
    const seen = rig.released.length;
    rig.subscription.unsubscribe();
    await rig.run(1000, 50);
    expect(rig.released).toHaveLength(seen);
    expect(rig.engine.pending).toBe(0);
    expect([rig.arena.liveFrames, rig.arena.usedBytes]).toEqual([0, 0]);
  });

  it('an error that comes after the end is nobody’s business', async () => {
    const rig = new OutputRig({ target: FACTOR_4 });
    rig.engine.answer = () => ({ ms: 30, fail: 'closed' });
    rig.schedule(15, 2);
    await rig.run(80);
    expect(rig.engine.pending).toBe(1);
    await rig.stop();
    expect(rig.engineErrors).toEqual([]);
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('may be stopped by the receiver of a frame', async () => {
    const rig = new OutputRig({ target: FACTOR_4 });
    rig.onRelease = () => {
      if (rig.released.length === 7) rig.subscription.unsubscribe();
    };
    rig.schedule(15, 12);
    await rig.run(1500);
    expect(rig.released).toHaveLength(7);
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('completes after its source, when the last frame is out, and leaves nothing behind', async () => {
    const rig = new OutputRig({ target: FACTOR_4 });
    rig.schedule(15, 5);
    await rig.run(300);
    rig.source.complete();
    expect(rig.completed).toBe(false);
    await rig.run(500);
    expect(rig.completed).toBe(true);
    expect(rig.released).toHaveLength(17);
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('keeps no fallback for a slot that the pacer did not take', async () => {
    const rig = new OutputRig({ target: FACTOR_4 });
    rig.schedule(30, 20);
    await rig.run(667);
    // A step back that is too small to be a new timeline: everything up to the last release is
    // late.
    for (let i = 0; i < 40; i++) {
      rig.push(fromMs(1501 + i * 2));
      await rig.run(1);
    }
    await rig.run(300);
    expect(rig.events.count('drop').late).toBeGreaterThan(100);
    // The pair in hand, and the one before.
    expect(rig.arena.liveFrames).toBe(2);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('asks the engine for nothing that has no slot', async () => {
    const rig = new OutputRig({ target: FACTOR_4 });
    rig.schedule(30, 20);
    await rig.run(667);
    const jobs = rig.engine.jobs.length;
    rig.push(fromMs(1501));
    rig.push(fromMs(1503));
    expect(rig.events.count('drop').late).toBe(5);
    expect(rig.engine.jobs).toHaveLength(jobs);
    await rig.stop();
  });

  it('10,000 frames with jitter, losses, stalls and every kind of engine trouble: bounded, in order, no leak', async () => {
    const random = seededRandom(2024);
    const capacity = 24;
    const rig = new OutputRig({ target: { kind: 'fps', fps: 60 }, capacity, pairing: new LevelPairing() });
    rig.engine.answer = (): Answer => {
      const dice = random();
      const ms = 2 + 20 * random() ** 2 + (random() < 0.02 ? 150 : 0);
      if (dice < 0.01) return { ms, fail: 'crash' };
      if (dice < 0.02) return { ms, refuse: 'late' };
      if (dice < 0.03) return { ms, refuse: 'dropped' };
      return { ms, confidence: random() < 0.02 ? 0.1 : 0.9 };
    };
    const frames = 10_000;
    let pts = 0;
    let discontinuities = 0;
    let worst = 0;
    rig.onRelease = () => {
      worst = Math.max(worst, rig.arena.liveFrames);
    };
    for (let i = 0; i < frames; i++) {
      const dice = random();
      const lost = dice < 0.01 ? 1 + Math.floor(random() * 5) : 0;
      const stall = dice > 0.999 ? 1500 : 0;
      const jump = dice > 0.9985 && dice <= 0.999;
      const burst = dice > 0.98 && dice <= 0.985;
      pts = jump ? pts + (random() - 0.5) * 20_000_000 : pts + (1e6 / 30) * (1 + lost) + stall * 1000;
      if (jump || stall) discontinuities += 1;
      rig.push(micros(pts), { discontinuity: jump || stall > 0, ...(dice < 0.02 ? { level: 220 } : {}) });
      if (!burst) await rig.run((1000 / 30) * (1 + lost) + stall + (random() - 0.5) * 6, 6);
    }
    await rig.run(500);
    const releases = rig.released;
    expect(discontinuities).toBeGreaterThan(5);
    expect(releases.length).toBeGreaterThan(1.9 * frames);
    expect(rig.kind('synthetic').length).toBeGreaterThan(0.8 * frames);
    for (let i = 1; i < releases.length; i++) {
      const [a, b] = [releases[i - 1], releases[i]];
      if (!a || !b) throw new Error('no release');
      if (b.at < a.at) throw new Error(`release ${i} went back in time`);
      // Backwards only where the timeline itself jumped.
      if (b.pts <= a.pts && !b.discontinuity) throw new Error(`release ${i}: ${a.pts} then ${b.pts}`);
    }
    for (const source of rig.kind('source')) {
      const sent = rig.sent.get(source.pts);
      if (sent && (sent.level !== source.level || sent.offset !== source.offset))
        throw new Error('source frame touched');
    }
    // Slots and their fallbacks, pairs at work, the pair in hand.
    expect(worst).toBeLessThanOrEqual(2 * capacity + 20);
    expect(rig.mostLive).toBeLessThanOrEqual(2 * capacity + 20);
    for (const kind of ['cut', 'deadline', 'unsure', 'engine-error', 'overload']) {
      expect(rig.repeats[kind], kind).toBeGreaterThan(0);
    }
    await rig.stop();
    expect(rig.engine.pending).toBe(0);
    expect([rig.arena.liveFrames, rig.arena.usedBytes]).toEqual([0, 0]);
    expect(minus(rig.clock.now(), fromMs(0))).toBeGreaterThan(300e6);
  });
});

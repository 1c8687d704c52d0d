/**
 * A stream's output side on a manual clock: real pairing, schedule, pacer and operators; scripted
 * source and engine.
 */

import { Subject, type Subscription } from 'rxjs';
import { FrameliftError } from '../../src/errors.ts';
import type { InterpJob, InterpResult } from '../../src/interp/engine/job.ts';
import { Ladder, type LadderChange, type LadderDecision, rungsOf } from '../../src/interp/ladder.ts';
import { Arena } from '../../src/media/arena.ts';
import type { Frame, Provenance } from '../../src/media/frame.ts';
import type { PairDecision } from '../../src/media/pair-decision.ts';
import { DelayControl } from '../../src/pacing/delay-control.ts';
import { interpolateAndPace } from '../../src/pacing/interpolate-and-pace.ts';
import type { PacedFrame } from '../../src/pacing/pacer.ts';
import type { Lineup } from '../../src/pacing/submission.ts';
import { AheadScheduler } from '../../src/pairing/ahead.ts';
import { withPairBefore } from '../../src/pairing/neighbours.ts';
import { pairUp, planOutput } from '../../src/pairing/operators.ts';
import { MAX_GAP, Pairing } from '../../src/pairing/pairing.ts';
import { type RateTarget, Scheduler } from '../../src/pairing/scheduler.ts';
import { isBeyond } from '../../src/pairing/timesteps.ts';
import { type CancelTimer, fromMs, ManualClock, type Micros, minus, plus } from '../../src/time.ts';
import { EventLog, flatFrame } from './frames.ts';

/** What the engine makes of a job: after `ms` frames with a confidence, a refusal, or an error. */
export type Answer = { readonly ms: number } & (
  | { readonly confidence: number | undefined; readonly workMs?: number }
  | { readonly refuse: 'late' | 'dropped' | 'closed' }
  | { readonly fail: string }
);

/** What the engine was asked. */
interface ScriptedJob {
  readonly a: Micros;
  readonly b: Micros;
  readonly timesteps: readonly number[];
  readonly deadline: Micros | undefined;
  /** The pair before: when its other frame is of, and its ratio. */
  readonly before: readonly [Micros, number] | undefined;
}

/**
 * Answers each job as told, with frames of luma level 255. Holds its own handles meanwhile, as the
 * real one does.
 */
export class ScriptedEngine {
  readonly workers = 1;
  /** Whether it is asked for frames beyond a pair. */
  extrapolates = false;
  readonly jobs: ScriptedJob[] = [];
  answer: (job: number, given: InterpJob) => Answer = () => ({ ms: 5, confidence: 1 });
  readonly #arena: Arena;
  readonly #clock: ManualClock;
  readonly #model: string;
  readonly #timers = new Set<CancelTimer>();

  constructor(arena: Arena, clock: ManualClock, model = 'scripted') {
    this.#arena = arena;
    this.#clock = clock;
    this.#model = model;
  }

  interpolate(job: InterpJob): Promise<InterpResult> {
    const answer = this.answer(this.jobs.length, job);
    const { a: from, b: to, timesteps, deadline, before } = job;
    this.jobs.push({ a: from.pts, b: to.pts, timesteps, deadline, before: before && [before.frame.pts, before.ratio] });
    const [a, b] = [job.a.share(), job.b.share()];
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.at(plus(this.#clock.now(), fromMs(answer.ms)), () => {
        this.#timers.delete(cancel);
        const { pts: from } = a;
        const span = minus(b.pts, a.pts);
        a.release();
        b.release();
        if ('fail' in answer) reject(new FrameliftError('engine.failed', answer.fail, { recoverable: true }));
        else if ('refuse' in answer) resolve({ status: 'refused', reason: answer.refuse });
        else {
          const { confidence } = answer;
          const frames = job.timesteps.map((t) =>
            flatFrame(this.#arena, plus(from, fromMs((span * t) / 1000)), 255, 16, {
              arrival: job.b.alive ? job.b.arrival : from,
              provenance: { kind: isBeyond(t) ? 'extrapolated' : 'synthetic', t, model: this.#model, confidence },
            }),
          );
          const kernel = fromMs(answer.workMs ?? answer.ms);
          resolve({ status: 'done', frames, confidence, spanMicros: { search: 0, network: 0, kernel } });
        }
      });
      this.#timers.add(cancel);
    });
  }

  /** Jobs not answered yet. */
  get pending(): number {
    return this.#timers.size;
  }
}

/** One released frame. */
export interface Released {
  readonly pts: Micros;
  readonly due: Micros;
  readonly at: Micros;
  readonly provenance: Provenance;
  readonly discontinuity: boolean;
  /** Level of its pixels (all are the same), and where they lie. */
  readonly level: number;
  readonly offset: number;
}

/** Options of {@link OutputRig}. */
export interface RigOptions {
  readonly target: RateTarget;
  /** Of the delay, the floor included. Default: 40 ms beyond the floor. */
  readonly budgetMs?: number;
  /**
   * True: below the engine stands the search, below that hold. Default: the engine alone, whatever
   * happens.
   */
  readonly ladder?: boolean;
  /** The engine carries motion on: what is late or lost is concealed. Default false. */
  readonly extrapolates?: boolean;
  /** Nothing is held back: frames are made after each source frame. Default false. */
  readonly ahead?: boolean;
  readonly minConfidence?: number;
  readonly capacity?: number;
  /** Default: the real one. */
  readonly pairing?: Pairing;
}

/**
 * Decides as {@link Pairing} does, but from one sample: fingerprints would take most of the time of
 * a test with many frames.
 */
export class LevelPairing extends Pairing {
  #before: { readonly level: number; readonly pts: Micros } | undefined;

  override next(frame: Frame): PairDecision | undefined {
    const before = this.#before;
    const level = frame.bytes[0] ?? 0;
    this.#before = { level, pts: frame.pts };
    if (!before) return undefined;
    if (frame.discontinuity || frame.pts <= before.pts || frame.pts > plus(before.pts, MAX_GAP)) {
      return 'discontinuity';
    }
    const change = Math.abs(level - before.level);
    return change > 60 ? 'cut' : change === 0 ? 'duplicate' : 'interpolate';
  }
}

/** Lets the reactions of promises run. */
async function reactions(): Promise<void> {
  for (let i = 0; i < 4; i++) await null;
}

export class OutputRig {
  readonly arena = new Arena(16);
  readonly clock = new ManualClock(fromMs(1000));
  readonly events = new EventLog();
  readonly engine = new ScriptedEngine(this.arena, this.clock);
  readonly search = new ScriptedEngine(this.arena, this.clock, 'search');
  readonly ladderChanges: (LadderChange & { readonly at: Micros })[] = [];
  readonly decisions: LadderDecision[] = [];
  lineup: Lineup | undefined;
  readonly source = new Subject<Frame>();
  readonly released: Released[] = [];
  /** Source frames by PTS, as they went in. */
  readonly sent = new Map<Micros, { level: number; offset: number; arrival: Micros }>();
  readonly engineErrors: string[] = [];
  readonly delay: DelayControl;
  readonly subscription: Subscription;
  completed = false;
  onRelease: (paced: PacedFrame) => void = () => {};
  #mostLive = 0;

  constructor(options: RigOptions) {
    const { target, budgetMs, minConfidence = 0.2, capacity = 64, pairing = new Pairing(), ladder = false } = options;
    const { extrapolates = false, ahead = false } = options;
    const scheduler = ahead ? new AheadScheduler(target) : new Scheduler(target);
    const { clock, events } = this;
    const budget = ahead ? 0 : budgetMs;
    this.delay = new DelayControl(budget === undefined ? {} : { budget: fromMs(budget) });
    this.engine.extrapolates = extrapolates || ahead;
    this.search.extrapolates = extrapolates || ahead;
    const rungs = ladder
      ? rungsOf(['scripted', 'search'], target.kind === 'factor' && target.factor > 2)
      : rungsOf(['scripted'], false).slice(0, 1);
    this.lineup = { tiers: [this.engine, this.search], ladder: new Ladder(rungs, clock.now()) };
    this.subscription = this.source
      .pipe(
        pairUp(pairing, 's', events),
        planOutput(scheduler),
        withPairBefore(),
        interpolateAndPace({
          stream: 's',
          lineup: () => this.lineup,
          capacity,
          scheduler,
          delay: this.delay,
          clock,
          events,
          minConfidence,
          onEngineError: (error) => this.engineErrors.push(error.message),
          onLadder: (change) => this.ladderChanges.push({ ...change, at: clock.now() }),
          onDecision: (decision) => this.decisions.push(decision),
          onWork: () => {},
        }),
      )
      .subscribe({
        next: (paced) => this.#take(paced),
        complete: () => {
          this.completed = true;
        },
      });
  }

  /**
   * Sends a source frame. Levels go up and down so that no two in a row look alike or like another
   * scene.
   */
  push(pts: Micros, info: { level?: number; size?: number; discontinuity?: boolean } = {}): void {
    const level = info.level ?? 100 + 2 * Math.abs((this.sent.size % 32) - 16);
    const { size = 16, discontinuity = false } = info;
    const arrival = this.clock.now();
    const frame = flatFrame(this.arena, pts, level, size, { arrival, discontinuity });
    this.sent.set(pts, { level, offset: frame.offset, arrival });
    if (this.source.observed) this.source.next(frame);
    else frame.release();
    this.#mostLive = Math.max(this.#mostLive, this.arena.liveFrames);
  }

  /**
   * Sends `count` frames at `fps` from now on, the i-th `lateMs(i)` late. Its timeline starts at
   * `from`.
   */
  schedule(fps: number, count: number, options: { from?: Micros; lateMs?: (i: number) => number } = {}): void {
    const start = this.clock.now();
    const from = options.from ?? start;
    for (let i = 0; i < count; i++) {
      const elapsed = fromMs((i * 1000) / fps);
      const late = fromMs(options.lateMs?.(i) ?? 0);
      this.clock.at(plus(plus(start, elapsed), late), () => this.push(plus(from, elapsed)));
    }
  }

  /** Moves time forward in steps of `stepMs`; promises react after each. */
  async run(ms: number, stepMs = 1): Promise<void> {
    for (let done = 0; done < ms; done += stepMs) {
      this.clock.advance(fromMs(Math.min(stepMs, ms - done)));
      await reactions();
    }
  }

  /** Unsubscribes and waits for what the engine still holds. */
  async stop(): Promise<void> {
    this.subscription.unsubscribe();
    await this.run(500, 100);
  }

  /** Distances of releases in ms, from the n-th on. */
  gaps(from = 0): number[] {
    return this.released.slice(from + 1).map((r, i) => minus(r.at, this.released[from + i]?.at ?? r.at) / 1000);
  }

  /** Releases of one kind. */
  kind(kind: Provenance['kind']): Released[] {
    return this.released.filter((r) => r.provenance.kind === kind);
  }

  /** How many were repeated for each reason. */
  get repeats(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { provenance } of this.released) {
      if (provenance.kind === 'repeated') counts[provenance.reason] = (counts[provenance.reason] ?? 0) + 1;
    }
    return counts;
  }

  /** Most frames that were live at once. */
  get mostLive(): number {
    return this.#mostLive;
  }

  #take(paced: PacedFrame): void {
    const { frame, pts, due } = paced;
    const { provenance, discontinuity, offset, bytes } = frame;
    const level = bytes[0] ?? -1;
    if (!bytes.every((byte) => byte === level)) throw new Error('pixels of several frames are mixed');
    this.released.push({ pts, due, at: this.clock.now(), provenance, discontinuity, level, offset });
    frame.release();
    this.onRelease(paced);
  }
}

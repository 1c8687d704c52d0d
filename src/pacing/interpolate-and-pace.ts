/** The operator on a stream's output side: has the gaps between source frames filled, and paces. Frames are owned by the item that carries them. */

import { Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import { asFrameliftError, type FrameliftError } from '../errors.ts';
import type { InterpResult, Tier } from '../interp/engine/job.ts';
import type { Attempt, Ladder, LadderChange, LadderLimits, PairOutcome, Rung } from '../interp/ladder.ts';
import type { Frame, RepeatReason } from '../media/frame.ts';
import type { PairDecision } from '../media/pair-decision.ts';
import type { EventSink } from '../metrics/events.ts';
import type { Scheduled } from '../pairing/operators.ts';
import type { Scheduler, Timestep } from '../pairing/scheduler.ts';
import { type Clock, type Micros, micros, minus, plus } from '../time.ts';
import type { DelayControl } from './delay-control.ts';
import { type PacedFrame, Pacer } from './pacer.ts';

/** What makes a stream's frames: the models of the ladder's rungs. Exchanged as a whole, between two pairs. */
export interface Lineup {
  readonly tiers: readonly Pick<Tier, 'interpolate' | 'workers'>[];
  readonly ladder: Ladder;
}

/** What {@link interpolateAndPace} works with. */
export interface InterpolateAndPaceOptions {
  readonly stream: string;
  /** What makes frames now; asked for each pair. Undefined: nothing is ready, source frames are repeated. */
  readonly lineup: () => Lineup | undefined;
  /** Output slots that may wait for their time. */
  readonly capacity: number;
  readonly scheduler: Scheduler;
  readonly delay: DelayControl;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Below this confidence the nearer source frame is repeated. 0 = never. A model that does not judge itself is shown always. */
  readonly minConfidence: number;
  readonly onEngineError: (error: FrameliftError) => void;
  readonly onLadder: (change: LadderChange) => void;
  /** A pair is worked on until this resolves, which it does, be it after the end: until then the engine reports on the stream. */
  readonly onWork: (done: Promise<void>) => void;
}

/** What stands in for a slot whose interpolated frame does not come. */
interface Fallback {
  readonly frame: Frame;
  readonly t: number;
  reason: RepeatReason;
}

/** The slots of a pair that are being filled. */
interface Slots {
  readonly timesteps: readonly Timestep[];
  /** When each is due, by the delay at the time of submission, which is `spare` more than the floor. */
  readonly dues: readonly (Micros | undefined)[];
  readonly spare: Micros;
  /** Whether the delay learns from it: no trial of a better rung. */
  readonly tells: boolean;
}

/**
 * Announces every slot to the pacer, lets the engine fill the gaps, and emits frames at their release times. At its due
 * time a slot without a frame gets its fallback: the nearer source frame. Never waits, never grows: the pacer and the
 * engine's queue are bounded.
 */
export function interpolateAndPace(parts: InterpolateAndPaceOptions): OperatorFunction<Scheduled, PacedFrame> {
  return (source) =>
    new Observable((subscriber) => new Output(parts, (paced) => subscriber.next(paced)).run(source, subscriber));
}

/** State of one running {@link interpolateAndPace}. */
class Output {
  readonly #parts: InterpolateAndPaceOptions;
  readonly #emit: (paced: PacedFrame) => void;
  readonly #pacer: Pacer;
  readonly #fallbacks = new Map<Micros, Fallback>();
  #delay: Micros | undefined;
  /** The ladder's, whose pairs the delay has learned from. */
  #rung: Rung | undefined;
  #cancelWake: (() => void) | undefined;
  #closed = false;
  /** Set when the source has completed: called once all that waits is out. */
  #ended: (() => void) | undefined;

  constructor(parts: InterpolateAndPaceOptions, emit: (paced: PacedFrame) => void) {
    this.#parts = parts;
    this.#emit = emit;
    const { stream, events, capacity, scheduler, delay } = parts;
    this.#pacer = new Pacer({
      delay: delay.delay(scheduler.floor),
      capacity,
      onDrop: (reason, pts) => {
        events.emit({ type: 'drop', stream, stage: 'pace', reason });
        this.#forget(pts);
      },
    });
  }

  run(source: Observable<Scheduled>, subscriber: Subscriber<PacedFrame>): void {
    // Added first: a source that gives everything at once must find this closed when its reader leaves.
    subscriber.add(() => this.#close());
    subscriber.add(
      source.subscribe({
        next: (step) => this.#step(step),
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          this.#ended = () => subscriber.complete();
          this.#turn();
        },
      }),
    );
  }

  #close(): void {
    this.#closed = true;
    this.#cancelWake?.();
    this.#pacer.clear();
    for (const fallback of this.#fallbacks.values()) fallback.frame.release();
    this.#fallbacks.clear();
  }

  #step(step: Scheduled): void {
    if (this.#closed) {
      step.before?.release();
      step.frame.release();
      return;
    }
    const pacer = this.#pacer;
    const { scheduler, delay, events, stream } = this.#parts;
    const ladder = this.#parts.lineup()?.ladder;
    if (ladder?.rung !== this.#rung) {
      this.#rung = ladder?.rung;
      delay.forget();
    }
    const wanted = delay.delay(scheduler.floor, ladder?.trying !== true, pacer.jitter);
    if (wanted !== this.#delay) {
      this.#delay = wanted;
      pacer.setDelay(wanted);
    }
    const { before, frame } = step;
    const fresh = step.decision === undefined || step.decision === 'discontinuity' || step.decision === 'size-change';
    pacer.observe(frame.pts, frame.arrival, fresh);
    // A slot between two frames cannot be known before the floor has passed: within a smaller budget there are none, on a grid or off it.
    const fits = delay.headroom(scheduler.floor) >= 0;
    if (before && fits) this.#fill(before, step);
    else before?.release();
    const show = fits ? step.show : frame.pts;
    if (show === undefined) {
      events.emit({ type: 'drop', stream, stage: 'pace', reason: 'not-on-grid' });
      frame.release();
    } else {
      pacer.expect(show, step.interval);
      pacer.offer(show, frame);
    }
    events.emit({ type: 'queue', stream, stage: 'pace', depth: pacer.depth, capacity: pacer.capacity });
    this.#turn();
  }

  /** Announces and fills the slots between two frames; owns `before`. */
  #fill(before: Frame, step: Scheduled): void {
    const pacer = this.#pacer;
    const { frame, timesteps, decision } = step;
    let open = false;
    for (const { pts, t } of timesteps) {
      pacer.expect(pts, step.interval);
      // The pacer may have no place for it (late, full): nothing would ever take the fallback away again.
      if (pacer.dueOf(pts) === undefined) continue;
      open = true;
      const hold = decision === 'cut' || t < 0.5;
      this.#forget(pts);
      this.#fallbacks.set(pts, { frame: (hold ? before : frame).share(), t, reason: holdReason(decision) });
    }
    if (decision === 'interpolate' && open) this.#attempt(before, frame, timesteps);
    else before.release();
  }

  /** Lets the ladder decide for a pair, and has made what it decides; owns `before`. */
  #attempt(before: Frame, frame: Frame, timesteps: readonly Timestep[]): void {
    const { lineup, clock } = this.#parts;
    const now = lineup();
    if (!now) {
      this.#giveUp(timesteps, 'no-model');
      before.release();
      return;
    }
    const attempt = now.ladder.choose(clock.now(), this.#limits(now));
    const { tier: index, timesteps: share } = attempt.rung;
    const tier = index === undefined ? undefined : now.tiers[index];
    const made = !tier ? [] : share === 'middle' ? middle(timesteps) : timesteps;
    this.#giveUp(
      timesteps.filter((step) => !made.includes(step)),
      'overload',
    );
    if (tier) {
      const work = this.#interpolate(now, tier, attempt, before, frame.share(), this.#slots(made, attempt));
      this.#parts.onWork(work);
    } else before.release();
  }

  #slots(timesteps: readonly Timestep[], { isTrial }: Attempt): Slots {
    const { scheduler } = this.#parts;
    return {
      timesteps,
      dues: timesteps.map((step) => this.#pacer.dueOf(step.pts)),
      spare: minus(this.#pacer.delay, scheduler.floor),
      tells: !isTrial,
    };
  }

  #limits({ tiers }: Lineup): LadderLimits {
    const { delay, scheduler } = this.#parts;
    const period = micros(scheduler.sourceInterval * (tiers[0]?.workers ?? 1));
    return { headroom: delay.headroom(scheduler.floor, this.#pacer.jitter), period };
  }

  /** Owns both frames. Never rejects. */
  async #interpolate(
    lineup: Lineup,
    tier: Lineup['tiers'][number],
    attempt: Attempt,
    a: Frame,
    b: Frame,
    slots: Slots,
  ): Promise<void> {
    const { stream, clock } = this.#parts;
    const submitted = clock.now();
    const deadline = this.#deadline(slots, attempt);
    const timesteps = slots.timesteps.map((step) => step.t);
    let outcome: PairOutcome = { kind: 'failed' };
    try {
      const result = await tier.interpolate({ stream, a, b, timesteps, ...deadline });
      outcome = outcomeOf(result, minus(clock.now(), submitted));
      this.#take(result, slots);
    } catch (thrown) {
      this.#giveUp(slots.timesteps, 'engine-error');
      if (!this.#closed) this.#parts.onEngineError(asFrameliftError(thrown, 'engine.failed'));
    } finally {
      a.release();
      b.release();
    }
    const change = lineup.ladder.settle(attempt, outcome, clock.now(), this.#limits(lineup));
    if (this.#closed) return;
    if (change && this.#parts.lineup() === lineup) this.#parts.onLadder(change);
    this.#turn();
  }

  /**
   * When a pair is not worth starting any more: not even the least work that it has lately been would be done in time. The delay may
   * still grow to the budget, so a pair counts as late only beyond that.
   */
  #deadline({ dues }: Slots, { quickest }: Attempt): { deadline?: Micros } {
    const due = dues.findLast((known) => known !== undefined);
    if (due === undefined) return {};
    const { delay, scheduler } = this.#parts;
    const most = plus(scheduler.floor, delay.headroom(scheduler.floor, this.#pacer.jitter));
    return { deadline: minus(plus(due, minus(most, this.#pacer.delay)), quickest) };
  }

  /** Owns the frames of `result`. */
  #take(result: InterpResult, { timesteps, dues, spare, tells }: Slots): void {
    const { stream, clock, events, minConfidence, delay } = this.#parts;
    if (result.status !== 'done') {
      if (tells) delay.missed();
      this.#giveUp(timesteps, result.reason === 'late' ? 'deadline' : 'overload');
      return;
    }
    const now = clock.now();
    const unsure = result.confidence !== undefined && result.confidence < minConfidence;
    result.frames.forEach((frame, i) => {
      const step = timesteps[i];
      const due = dues[i];
      if (due !== undefined && tells) delay.observe(minus(plus(spare, now), due));
      if (!step || unsure || this.#closed) frame.release();
      else if (!this.#pacer.offer(step.pts, frame)) {
        events.emit({ type: 'drop', stream, stage: 'interpolate', reason: 'late' });
      }
    });
    if (unsure) this.#giveUp(timesteps, 'unsure');
  }

  #giveUp(timesteps: readonly Timestep[], reason: RepeatReason): void {
    for (const { pts } of timesteps) {
      const fallback = this.#fallbacks.get(pts);
      if (fallback) fallback.reason = reason;
    }
  }

  /** Releases what is due and sets the next timer. */
  #turn(): void {
    const pacer = this.#pacer;
    const { clock } = this.#parts;
    this.#cancelWake?.();
    for (;;) {
      const { release, missed, wake } = pacer.next(clock.now());
      for (const paced of release) this.#release(paced);
      for (const { pts } of missed) this.#repeat(pts);
      if (release.length > 0 || missed.length > 0) continue;
      if (wake !== undefined) this.#cancelWake = clock.at(wake, () => this.#turn());
      else this.#ended?.();
      return;
    }
  }

  /** Gives a slot that is due its fallback. */
  #repeat(pts: Micros): void {
    const fallback = this.#fallbacks.get(pts);
    if (!fallback) return;
    const provenance = { kind: 'repeated', t: fallback.t, reason: fallback.reason } as const;
    this.#pacer.offer(pts, fallback.frame.share({ provenance, discontinuity: false }));
    this.#forget(pts);
  }

  #forget(pts: Micros): void {
    this.#fallbacks.get(pts)?.frame.release();
    this.#fallbacks.delete(pts);
  }

  #release(paced: PacedFrame): void {
    const { events, stream, clock } = this.#parts;
    this.#forget(paced.pts);
    const { provenance, arrival } = paced.frame;
    const now = clock.now();
    const span = minus(now, arrival);
    const late = minus(now, paced.due);
    events.emit({ type: 'stage', stream, stage: 'pace', span });
    events.emit({ type: 'release', stream, late, added: provenance.kind === 'source' ? span : undefined });
    if (provenance.kind === 'repeated') {
      events.emit({ type: 'frame', stream, fate: 'repeated', reason: provenance.reason });
      if (provenance.reason === 'deadline') events.emit({ type: 'deadline-miss', stream });
    } else {
      events.emit({ type: 'frame', stream, fate: provenance.kind === 'source' ? 'source' : 'interpolated' });
      if (provenance.kind === 'synthetic' && provenance.confidence !== undefined) {
        events.emit({ type: 'confidence', stream, model: provenance.model, value: provenance.confidence });
      }
    }
    this.#emit(paced);
  }
}

function outcomeOf(result: InterpResult, elapsed: Micros): PairOutcome {
  if (result.status !== 'done') return { kind: 'refused' };
  const { search, network, kernel } = result.spanMicros;
  return { kind: 'made', elapsed, cost: micros(search + network + kernel) };
}

/** The one timestep that is nearest to ½. */
function middle(timesteps: readonly Timestep[]): readonly Timestep[] {
  return timesteps.toSorted((a, b) => Math.abs(a.t - 0.5) - Math.abs(b.t - 0.5)).slice(0, 1);
}

/** Why a slot would be repeated if nothing fills it. */
function holdReason(decision: PairDecision | undefined): RepeatReason {
  switch (decision) {
    case 'cut':
    case 'duplicate':
    case 'discontinuity':
    case 'size-change':
      return decision;
    default:
      return 'deadline';
  }
}

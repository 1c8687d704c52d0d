/** The operators of a stream's chain: each joins one pure class to RxJS. Frames are owned by the item that carries them. */
import { Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import type { DelayControl } from './delay.ts';
import { type PacedFrame, Pacer } from './egress/pace.ts';
import { asFrameliftError, type FrameliftError } from './errors.ts';
import type { Frame, RepeatReason } from './frame.ts';
import type { InterpEngine } from './interp/engine.ts';
import type { PairDecision, Pairing } from './interp/pair.ts';
import type { Scheduler, Timestep } from './interp/schedule.ts';
import type { EventSink } from './metrics/events.ts';
import { type Clock, type Micros, minus, plus } from './time.ts';

/** A new source frame with the one before it, if they belong together. */
export interface Paired {
  readonly before: Frame | undefined;
  readonly frame: Frame;
  readonly decision: PairDecision | undefined;
}

/** Forms pairs. Each frame appears twice: as `frame`, then as `before`; both are handles of their own. */
export function pairUp(pairing: Pairing, stream: string, events: EventSink): OperatorFunction<Frame, Paired> {
  return (source) =>
    new Observable((subscriber) => {
      let last: Frame | undefined;
      const subscription = source.subscribe({
        next(frame) {
          if (subscriber.closed) {
            frame.release();
            return;
          }
          const decision = pairing.next(frame);
          if (decision) events.emit({ type: 'pair', stream, decision });
          const before = last;
          last = frame.share();
          subscriber.next({ before, frame, decision });
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      return () => {
        subscription.unsubscribe();
        last?.release();
        pairing.reset();
      };
    });
}

/** Output times of one step. `timesteps` lie between `before` and `frame`; `show` is for `frame` itself. */
export interface Scheduled extends Paired {
  readonly timesteps: readonly Timestep[];
  readonly show: Micros | undefined;
  readonly interval: Micros;
}

/** Gives pairs their output times. */
export function planOutput(scheduler: Scheduler): OperatorFunction<Paired, Scheduled> {
  return (source) =>
    new Observable((subscriber) =>
      source.subscribe({
        next(paired) {
          if (subscriber.closed) {
            paired.before?.release();
            paired.frame.release();
            return;
          }
          const continuous =
            paired.decision !== undefined && paired.decision !== 'discontinuity' && paired.decision !== 'size-change';
          const plan = scheduler.next(paired.frame.pts, continuous);
          subscriber.next({ ...paired, timesteps: plan.between, show: plan.show, interval: plan.interval });
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
}

/** What {@link interpolateAndPace} works with. */
export interface OutputParts {
  readonly stream: string;
  readonly engine: Pick<InterpEngine, 'interpolate'>;
  /** Output slots that may wait for their time. */
  readonly capacity: number;
  readonly scheduler: Scheduler;
  readonly delay: DelayControl;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Below this confidence the nearer source frame is repeated. 0 = never. A model that does not judge itself is shown always. */
  readonly minConfidence: number;
  readonly onEngineError: (error: FrameliftError) => void;
}

/** What stands in for a slot whose interpolated frame does not come. */
interface Fallback {
  readonly frame: Frame;
  readonly t: number;
  reason: RepeatReason;
}

/**
 * Announces every slot to the pacer, lets the engine fill the gaps, and emits frames at their release times. At its due
 * time a slot without a frame gets its fallback: the nearer source frame. Never waits, never grows: the pacer and the
 * engine's queue are bounded.
 */
export function interpolateAndPace(parts: OutputParts): OperatorFunction<Scheduled, PacedFrame> {
  return (source) =>
    new Observable((subscriber) => new Output(parts, (paced) => subscriber.next(paced)).run(source, subscriber));
}

/** State of one running {@link interpolateAndPace}. */
class Output {
  readonly #parts: OutputParts;
  readonly #emit: (paced: PacedFrame) => void;
  readonly #pacer: Pacer;
  readonly #fallbacks = new Map<Micros, Fallback>();
  #delay: Micros | undefined;
  #cancelWake: (() => void) | undefined;
  #closed = false;
  /** Set when the source has completed: called once all that waits is out. */
  #ended: (() => void) | undefined;

  constructor(parts: OutputParts, emit: (paced: PacedFrame) => void) {
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
    const wanted = delay.delay(scheduler.floor);
    if (wanted !== this.#delay) {
      this.#delay = wanted;
      pacer.setDelay(wanted);
    }
    const { before, frame, show } = step;
    const fresh = step.decision === undefined || step.decision === 'discontinuity' || step.decision === 'size-change';
    pacer.observe(frame.pts, frame.arrival, fresh);
    if (before) this.#fill(before, step);
    if (show === undefined) {
      events.emit({ type: 'drop', stream, stage: 'pace', reason: 'not-on-grid' });
      frame.release();
    } else {
      pacer.expect(show, step.interval);
      pacer.offer(show, show === frame.pts ? frame : retimed(frame, show));
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
    if (decision === 'interpolate' && open) void this.#interpolate(before, frame.share(), timesteps);
    else before.release();
  }

  /** Owns both frames. Never rejects. */
  async #interpolate(a: Frame, b: Frame, timesteps: readonly Timestep[]): Promise<void> {
    const pacer = this.#pacer;
    const { engine, stream, clock, events, minConfidence, scheduler, delay } = this.#parts;
    const dues = timesteps.map((step) => pacer.dueOf(step.pts));
    const spare = minus(pacer.delay, scheduler.floor);
    try {
      const deadline = dues.findLast((due) => due !== undefined);
      const outcome = await engine.interpolate({
        stream,
        a,
        b,
        timesteps: timesteps.map((step) => step.t),
        ...(deadline === undefined ? {} : { deadline }),
      });
      if (outcome.status !== 'done') {
        delay.missed();
        this.#giveUp(timesteps, outcome.reason === 'late' ? 'deadline' : 'overload');
        return;
      }
      const now = clock.now();
      const unsure = outcome.confidence !== undefined && outcome.confidence < minConfidence;
      outcome.frames.forEach((frame, i) => {
        const step = timesteps[i];
        const due = dues[i];
        if (due !== undefined) delay.observe(minus(plus(spare, now), due));
        if (!step || unsure || this.#closed) frame.release();
        else if (!pacer.offer(step.pts, retimed(frame, step.pts))) {
          events.emit({ type: 'drop', stream, stage: 'interpolate', reason: 'late' });
        }
      });
      if (unsure) this.#giveUp(timesteps, 'unsure');
    } catch (thrown) {
      this.#giveUp(timesteps, 'engine-error');
      if (!this.#closed) this.#parts.onEngineError(asFrameliftError(thrown, 'engine.failed'));
    } finally {
      a.release();
      b.release();
    }
    if (!this.#closed) this.#turn();
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
    this.#pacer.offer(pts, fallback.frame.share({ pts, provenance, discontinuity: false }));
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

/** The same picture at another time; the handle given is released. */
function retimed(frame: Frame, pts: Micros): Frame {
  if (frame.pts === pts) return frame;
  const moved = frame.share({ pts });
  frame.release();
  return moved;
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

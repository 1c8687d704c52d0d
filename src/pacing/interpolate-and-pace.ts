/**
 * The operator on a stream's output side: has the gaps between source frames filled, and paces.
 * Frames are owned by the item that carries them.
 */

import { Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import type { Rung } from '../interp/ladder.ts';
import type { Frame, RepeatReason } from '../media/frame.ts';
import type { PairDecision } from '../media/pair-decision.ts';
import { releaseStep, type Scheduled } from '../pairing/operators.ts';
import { isBeyond } from '../pairing/timesteps.ts';
import { type Micros, minus } from '../time.ts';
import { Concealment } from './concealment.ts';
import { Extension } from './extension.ts';
import { Fallbacks } from './fallbacks.ts';
import { LatencyGuard } from './latency-guard.ts';
import { type PacedFrame, Pacer } from './pacer.ts';
import { Release, type ReleaseOptions } from './release.ts';
import { Submission, type SubmissionOptions } from './submission.ts';

/** Options of {@link interpolateAndPace}. */
export interface InterpolateAndPaceOptions extends SubmissionOptions, ReleaseOptions {
  /** Output slots that may wait for their time. */
  readonly capacity: number;
  /** Told of the latency that was cut. */
  readonly onLatencyCut?: (latency: Micros) => void;
}

/**
 * Announces every slot to the pacer, lets the engine fill the gaps, and emits frames at their
 * release times. At its due time a slot without a frame gets its fallback: the nearer source frame.
 * Never waits, never grows: the pacer and the engine's queue are bounded.
 */
export function interpolateAndPace(options: InterpolateAndPaceOptions): OperatorFunction<Scheduled, PacedFrame> {
  return (source) =>
    new Observable((subscriber) => {
      new OutputStage(options, (paced) => subscriber.next(paced)).run(source, subscriber);
    });
}

/**
 * One running {@link interpolateAndPace}: takes the steps of the schedule and shares them out to
 * its three collaborators.
 */
class OutputStage {
  readonly #options: InterpolateAndPaceOptions;
  readonly #pacer: Pacer;
  readonly #fallbacks = new Fallbacks();
  readonly #submission: Submission;
  readonly #release: Release;
  readonly #extension: Extension;
  readonly #concealment: Concealment;
  readonly #guard = new LatencyGuard();
  #delay: Micros | undefined;
  /** The ladder's, whose pairs the delay has learned from. */
  #rung: Rung | undefined;
  #closed = false;

  constructor(options: InterpolateAndPaceOptions, emit: (paced: PacedFrame) => void) {
    this.#options = options;
    const { stream, events, capacity, scheduler, delay } = options;
    this.#pacer = new Pacer({
      delay: delay.delay(scheduler.floor),
      capacity,
      onDrop: (reason, pts) => {
        events.emit({ type: 'drop', stream, stage: 'pace', reason });
        this.#fallbacks.forget(pts);
      },
    });
    const shared = { pacer: this.#pacer, fallbacks: this.#fallbacks };
    this.#release = new Release(options, { ...shared, emit });
    this.#submission = new Submission(options, { ...shared, onSettled: () => this.#release.pump() });
    this.#extension = new Extension(options, { limits: (lineup) => this.#submission.limits(lineup) });
    this.#concealment = new Concealment(options, {
      pacer: this.#pacer,
      workSpan: () => this.#submission.workSpan,
      able: () => this.#extension.able,
      extend: (pair) => this.#extension.make(pair),
      onReady: () => this.#release.pump(),
    });
  }

  run(source: Observable<Scheduled>, subscriber: Subscriber<PacedFrame>): void {
    // Added first: a source that gives everything at once must find this closed when its reader
    // leaves.
    subscriber.add(() => this.#close());
    subscriber.add(
      source.subscribe({
        next: (step) => this.#step(step),
        error: (error: unknown) => subscriber.error(error),
        complete: () => this.#release.end(() => subscriber.complete()),
      }),
    );
  }

  /** A latency that stays beyond the budget is needed by nothing: what waits is dropped, and time begins anew. */
  #watchLatency({ pts, arrival }: Frame): void {
    const { clock, delay, scheduler, events, stream, onLatencyCut } = this.#options;
    const pacer = this.#pacer;
    const latency = minus(pacer.delay, pacer.lateness(pts, arrival));
    if (!this.#guard.exceeded(latency, delay.budget(scheduler.floor), clock.now())) return;
    pacer.clear('late');
    pacer.observe(pts, arrival, true);
    events.emit({ type: 'latency-cut', stream, latency });
    onLatencyCut?.(latency);
  }

  #close(): void {
    this.#closed = true;
    this.#submission.close();
    this.#extension.close();
    this.#concealment.close();
    this.#release.close();
    this.#pacer.clear();
    this.#fallbacks.clear();
  }

  #step(step: Scheduled): void {
    const { before, frame, decision } = step;
    if (this.#closed) {
      releaseStep(step);
      return;
    }
    const pacer = this.#pacer;
    const { scheduler, delay, events, stream } = this.#options;
    this.#followDelay();
    const fresh = decision === undefined || decision === 'discontinuity' || decision === 'size-change';
    pacer.observe(frame.pts, frame.arrival, fresh);
    this.#watchLatency(frame);
    const standIn = scheduler.ahead ? this.#overtake(frame) : this.#concealment.arrived();
    // A slot between two frames cannot be known before the floor has passed: within a smaller
    // budget there are none, on a grid or off it.
    const fits = delay.headroom(scheduler.floor) >= 0;
    if (fits && !scheduler.ahead) this.#concealment.watch(step);
    if (before && fits) this.#fill(before, step, standIn);
    else for (const unused of [before, step.pairBefore?.frame]) unused?.release();
    standIn?.release();
    const show = fits ? step.show : frame.pts;
    if (show === undefined) {
      events.emit({ type: 'drop', stream, stage: 'pace', reason: 'not-on-grid' });
      frame.release();
    } else {
      pacer.expect(show, step.interval);
      pacer.offer(show, frame);
    }
    events.emit({ type: 'queue', stream, stage: 'pace', depth: pacer.depth, capacity: pacer.capacity });
    this.#release.pump();
  }

  /**
   * Gives the pacer the delay that is needed now; what was learned on another rung of the ladder
   * does not count.
   */
  #followDelay(): void {
    const { lineup, scheduler, delay } = this.#options;
    const ladder = lineup()?.ladder;
    if (ladder?.rung !== this.#rung) {
      this.#rung = ladder?.rung;
      delay.forget();
    }
    const wanted = delay.delay(scheduler.floor, ladder?.trying !== true, this.#pacer.jitter);
    if (wanted === this.#delay) return;
    this.#delay = wanted;
    this.#pacer.setDelay(wanted);
  }

  /** Frames made for times after a source frame that has come sooner than expected are not shown. */
  #overtake({ pts }: Frame): undefined {
    for (const overtaken of this.#pacer.withdraw(pts)) overtaken.release();
  }

  /**
   * Announces and fills the slots between two frames, or after the later one; owns `before`, and the
   * frame of the pair before. `standIn`: what was shown, or is ready, in place of the frame while it did not come.
   */
  #fill(before: Frame, step: Scheduled, standIn: Frame | undefined): void {
    const { frame, timesteps, decision, interval, area, pairBefore } = step;
    const pacer = this.#pacer;
    let open = false;
    for (const timestep of timesteps) {
      const { pts, t } = timestep;
      const beyond = isBeyond(t);
      // Something has been shown there already.
      if (!beyond && pts <= pacer.beyond + interval / 2) continue;
      pacer.expect(pts, interval, beyond);
      // The pacer may have no place for it (late, full): nothing would ever take the fallback away
      // again.
      if (pacer.dueOf(pts) === undefined) continue;
      open = true;
      const hold = !beyond && (decision === 'cut' || t < 0.5);
      this.#fallbacks.set(timestep, (hold ? (standIn ?? before) : frame).share(), holdReason(decision));
    }
    if (decision === 'interpolate' && open) {
      this.#submission.submit(before, frame, timesteps, { area, pairBefore });
    } else for (const unused of [before, pairBefore?.frame]) unused?.release();
  }
}

/** Why a slot would be repeated if nothing fills it. */
function holdReason(decision: PairDecision | undefined): RepeatReason {
  switch (decision) {
    case 'cut':
    case 'flash':
    case 'duplicate':
    case 'discontinuity':
    case 'size-change':
      return decision;
    default:
      return 'deadline';
  }
}

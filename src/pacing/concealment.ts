/**
 * A source frame that is late or lost is made up for: until it comes, the motion of the last pair is
 * carried on for half of an interval, and what was made last stays.
 */
import type { Frame } from '../media/frame.ts';
import type { PictureArea } from '../media/picture-area.ts';
import { timesAhead } from '../pairing/ahead.ts';
import type { Neighbour, Scheduled } from '../pairing/operators.ts';
import type { Scheduler, Timestep } from '../pairing/scheduler.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, micros, minus, plus } from '../time.ts';
import type { Pacer } from './pacer.ts';

/** A frame counts as late this long after its mapped time, if there is so much time. */
const GRACE = fromMs(3);
/** Of the time that the work has lately taken, begun so much sooner. */
const CAUTION = 1.25;

/** Options of {@link Concealment}. */
export interface ConcealmentOptions {
  readonly scheduler: Scheduler;
  readonly clock: Clock;
}

/** What is carried on, and to where. The receiver owns both frames. */
export interface Continuation {
  readonly a: Frame;
  readonly b: Frame;
  readonly area?: PictureArea | undefined;
  /** The pair before, whose frame the receiver owns as well. */
  readonly pairBefore?: Neighbour | undefined;
  readonly timesteps: readonly Timestep[];
}

/** Collaborators of {@link Concealment}. */
export interface ConcealmentDeps {
  readonly pacer: Pacer;
  /** Whether anything can be carried on at present. */
  readonly able: () => boolean;
  /** How long a pair has lately been worked on. */
  readonly workSpan: () => Micros;
  /** Carries on; the frames, which the receiver owns, or none. Never rejects. */
  readonly extend: (continuation: Continuation) => Promise<readonly Frame[]>;
  /** Something is there to be released. */
  readonly onReady: () => void;
}

/** The last pair, in case the next frame does not come. */
interface Last {
  readonly before: Frame;
  readonly frame: Frame;
  readonly area: PictureArea | undefined;
  readonly pairBefore: Neighbour | undefined;
  readonly interval: Micros;
}

/**
 * Watches for the next source frame. Holds the last pair and what was made beyond it: three handles on
 * source frames and one on each frame made, of which there are as many as fit into half an interval.
 */
export class Concealment {
  readonly #options: ConcealmentOptions;
  readonly #deps: ConcealmentDeps;
  #last: Last | undefined;
  #cancel: CancelTimer | undefined;
  /** What was made last, while it may have to stand in for more slots. */
  #standIn: Frame | undefined;

  constructor(options: ConcealmentOptions, deps: ConcealmentDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /**
   * The next source frame has come: what waits for its own time makes way. Gives what stands in for
   * slots before that frame, if anything was made, to the caller.
   */
  arrived(): Frame | undefined {
    this.#cancel?.();
    this.#forgetPair();
    const [first, ...rest] = this.#deps.pacer.withdraw(micros(Number.MIN_SAFE_INTEGER));
    for (const frame of rest) frame.release();
    const standIn = this.#standIn;
    this.#standIn = undefined;
    if (!first) return standIn;
    standIn?.release();
    return first;
  }

  /** From now on the next frame after those of `step` is waited for. The frames stay the caller's. */
  watch({ before, frame, decision, interval, area, pairBefore }: Scheduled): void {
    if (!this.#deps.able() || !before || decision !== 'interpolate' || this.#options.scheduler.hold > 0) return;
    const timesteps = this.#timesteps(before, frame);
    const [first] = timesteps;
    if (!first) return;
    const last: Last = { before: before.share(), frame: frame.share(), area, pairBefore: shared(pairBefore), interval };
    this.#last = last;
    this.#cancel = this.#options.clock.at(this.#begin(frame, first), () => void this.#conceal(last, timesteps));
  }

  /** Releases what it holds. */
  close(): void {
    this.#cancel?.();
    this.#stand(undefined);
    this.#forgetPair();
  }

  #timesteps(before: Frame, { pts }: Frame): readonly Timestep[] {
    const { sourceInterval, outputInterval } = this.#options.scheduler;
    return timesAhead({ before: before.pts, pts, sourceInterval, outputInterval });
  }

  /** When a frame that has not come counts as missing: when what is made instead would just be in time. */
  #begin({ pts }: Frame, first: Timestep): Micros {
    const { pacer, workSpan } = this.#deps;
    const expected = minus(pacer.dueAt(plus(pts, this.#options.scheduler.sourceInterval)), pacer.delay);
    const latest = minus(pacer.dueAt(first.pts), micros(CAUTION * workSpan()));
    return micros(Math.max(plus(expected, GRACE), latest));
  }

  async #conceal(last: Last, timesteps: readonly Timestep[]): Promise<void> {
    const { pacer, extend, onReady } = this.#deps;
    const { before, frame, area, interval } = last;
    const pairBefore = shared(last.pairBefore);
    const frames = await extend({ a: before.share(), b: frame.share(), area, pairBefore, timesteps });
    const current = this.#last === last;
    frames.forEach((made, i) => {
      const step = timesteps[i];
      if (!step || !current) {
        made.release();
        return;
      }
      this.#stand(made.share());
      pacer.expect(step.pts, interval, true);
      pacer.offer(step.pts, made);
    });
    if (current) onReady();
  }

  #stand(frame: Frame | undefined): void {
    this.#standIn?.release();
    this.#standIn = frame;
  }

  #forgetPair(): void {
    for (const held of [this.#last?.before, this.#last?.frame, this.#last?.pairBefore?.frame]) held?.release();
    this.#last = undefined;
  }
}

/** A neighbour with a handle of its own. */
function shared(pair: Neighbour | undefined): Neighbour | undefined {
  return pair && { ...pair, frame: pair.frame.share() };
}

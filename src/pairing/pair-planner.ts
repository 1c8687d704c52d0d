/**
 * From source frames to what lies between them: which two pictures each output time stands between,
 * and where. With a cadence, repetitions are left out, and the pictures get even times; the output
 * times stay those of the source.
 */
import type { Frame } from '../media/frame.ts';
import type { PairDecision } from '../media/pair-decision.ts';
import type { PictureArea } from '../media/picture-area.ts';
import { type Micros, micros, minus, plus, ZERO } from '../time.ts';
import { Cadence, type Judged } from './cadence.ts';
import type { Scheduled } from './operators.ts';
import { Pairing } from './pairing.ts';
import { ChangeMeter } from './picture-change.ts';
import type { Plan, Scheduler, Timestep } from './scheduler.ts';

/** Frames that are looked ahead at, at most: three repetitions of film in 30 frames a second, and their surroundings. */
const MAX_AHEAD = 24;
/** A picture that stands for more than so many intervals is held, not drawn slowly. */
const HELD = 2;
/** A picture this close to an output time, in output intervals, is shown as it is. */
const NEAR = 0.1;

/** Options of {@link PairPlanner}. */
export interface PairPlannerOptions {
  readonly scheduler: Scheduler;
  /** Whether repetitions are looked for. */
  readonly cadence: boolean;
  /** Memory for frames that are looked ahead at, bytes; 0 where nothing may wait. */
  readonly lookAhead: number;
  /**
   * Frames further apart do not follow each other. Default, for files: they do, however far, and across what breaks,
   * where the frame before is held.
   */
  readonly maxGap?: Micros;
  /** Whether frames may be missing between two that follow each other: then more than one interval may lie there. */
  readonly isLossy?: (from: Micros, to: Micros) => boolean;
}

interface Picture {
  readonly frame: Frame;
  /** When it is due on the source's timeline. */
  readonly at: Micros;
}

/** A picture before its time, and whether it belongs to the one before. */
interface NextPicture extends Picture {
  readonly decision: PairDecision | undefined;
  readonly area: PictureArea | undefined;
}

/** An output time, as the scheduler placed it between two source frames; t = 1 on the later one. */
interface Slot extends Timestep {
  readonly from: Micros | undefined;
  readonly to: Micros;
}

/** Owns the frames that it is given, until they are in what it returns. Close it at the end. */
export class PairPlanner {
  readonly #options: PairPlannerOptions;
  readonly #pairing: Pairing;
  readonly #meter = new ChangeMeter();
  #cadence: Cadence | undefined;
  /** Not judged yet, oldest first. */
  #ahead: Frame[] = [];
  #slots: Slot[] = [];
  /** The last picture that was shown. */
  #last: Picture | undefined;
  /** The next one, before its time. */
  #next: NextPicture | undefined;
  #sourcePts: Micros | undefined;
  #taken = 0;
  #step: Micros = ZERO;
  #outputInterval: Micros = ZERO;
  readonly #drawn = { pictures: 0, span: 0, sincePicture: 0 };

  constructor(options: PairPlannerOptions) {
    this.#options = options;
    this.#pairing = new Pairing({ anyGap: options.maxGap === undefined });
  }

  /** Mean distance of two pictures while a cadence is found. */
  get interval(): Micros | undefined {
    return this.#cadence?.interval;
  }

  /** Source frames that are dealt with: not those that are looked ahead at. */
  get taken(): number {
    return this.#taken;
  }

  /** Source frames that were repetitions. */
  get repeats(): number {
    return this.#cadence?.repeats ?? 0;
  }

  /** Pictures a second over the stretches that had a cadence; undefined where there was none. */
  get drawnFps(): number | undefined {
    return this.#drawn.pictures === 0 ? undefined : (this.#drawn.pictures * 1e6) / this.#drawn.span;
  }

  /** Time that is waited for the next picture beside the next frame, at most. */
  get hold(): Micros {
    const { interval } = this;
    if (interval === undefined || this.#step <= 0) return ZERO;
    // A tenth of a frame is the jitter of clocks, not another frame.
    return micros((Math.ceil(interval / this.#step - 0.1) - 1) * this.#step);
  }

  /** Takes the next source frame; returns what is known now. */
  push(frame: Frame): Scheduled[] {
    const { cadence: wanted, lookAhead } = this.#options;
    if (!wanted) return this.#take(frame, { repeat: false, at: frame.pts });
    const bytes = frame.bytes.length + (frame.deep?.bytes.length ?? 0);
    this.#cadence ??= new Cadence({ ahead: Math.min(MAX_AHEAD, Math.floor(lookAhead / bytes)) });
    this.#ahead.push(frame);
    const judged = this.#cadence.next(frame.pts, this.#meter.next(frame));
    return judged ? this.#judged(judged) : [];
  }

  /** What is left when no more frames come. */
  end(): Scheduled[] {
    const steps: Scheduled[] = [];
    for (let judged = this.#cadence?.end(); judged; judged = this.#cadence?.end()) steps.push(...this.#judged(judged));
    steps.push(...this.#finish());
    return steps;
  }

  /** Releases what it holds. */
  close(): void {
    for (const frame of this.#ahead.splice(0)) frame.release();
    this.#last?.frame.release();
    this.#next?.frame.release();
    this.#last = undefined;
    this.#next = undefined;
  }

  #judged(judged: Judged): Scheduled[] {
    const frame = this.#ahead.shift();
    return frame ? this.#take(frame, judged) : [];
  }

  #take(frame: Frame, { repeat, at }: Judged): Scheduled[] {
    const { scheduler, isLossy } = this.#options;
    const { pts } = frame;
    this.#taken += 1;
    const before = this.#sourcePts;
    this.#sourcePts = pts;
    if (before === undefined || !this.#follows(frame, before)) return this.#begin(frame, scheduler.next(pts, false));
    this.#step = minus(pts, before);
    this.#note(scheduler.next(pts, true, isLossy?.(before, pts)), before, pts);
    this.#count(repeat);
    return repeat ? this.#repeat(frame) : this.#picture(frame, at);
  }

  #count(repeat: boolean): void {
    const drawn = this.#drawn;
    drawn.sincePicture = this.interval === undefined ? 0 : drawn.sincePicture + this.#step;
    if (repeat || drawn.sincePicture === 0) return;
    drawn.pictures += 1;
    drawn.span += drawn.sincePicture;
    drawn.sincePicture = 0;
  }

  #follows({ pts, discontinuity, width, height }: Frame, before: Micros): boolean {
    const { maxGap } = this.#options;
    const last = (this.#next ?? this.#last)?.frame;
    if (!last || pts <= before) return false;
    if (maxGap === undefined) return true;
    return !discontinuity && minus(pts, before) <= maxGap && last.width === width && last.height === height;
  }

  #note({ between, show, interval }: Plan, from: Micros | undefined, to: Micros): void {
    this.#outputInterval = interval;
    for (const step of between) this.#slots.push({ ...step, from, to });
    if (show !== undefined) this.#slots.push({ pts: show, t: 1, from, to });
  }

  /** Nothing lies between this frame and the one before. */
  #begin(frame: Frame, { show, interval }: Plan): Scheduled[] {
    const steps = this.#finish();
    const before = this.#last?.frame;
    const decision = this.#pairing.next(frame);
    this.#last = { frame: frame.share(), at: frame.pts };
    steps.push({ before, frame, decision, from: undefined, to: frame.pts, timesteps: [], show, interval });
    return steps;
  }

  #picture(frame: Frame, at: Micros): Scheduled[] {
    const steps = this.#next ? [this.#show(this.#next)] : [];
    const decision = this.#pairing.next(frame);
    const { area } = this.#pairing;
    // A new scene begins when it begins.
    const due = decision === 'interpolate' ? at : frame.pts;
    this.#next = { frame, at: micros(Math.max(due, plus(this.#last?.at ?? ZERO, micros(1)))), decision, area };
    if (this.#next.at <= frame.pts) steps.push(this.#show(this.#next));
    return steps;
  }

  #repeat(frame: Frame): Scheduled[] {
    const { pts } = frame;
    frame.release();
    if (this.#next) return this.#next.at <= pts ? [this.#show(this.#next)] : [];
    const held = minus(pts, this.#last?.at ?? pts);
    return held > HELD * (this.interval ?? this.#step) ? this.#hold(pts) : [];
  }

  /** The next picture with the output times up to it. */
  #show({ frame, at, decision, area }: NextPicture): Scheduled {
    const last = this.#last;
    const near = NEAR * this.#outputInterval;
    const timesteps: Timestep[] = [];
    let show: Micros | undefined;
    this.#slots = this.#slots.filter((slot) => {
      const asPlanned = slot.from === last?.at && slot.to === at;
      if (!asPlanned && slot.pts > at + near) return true;
      if (asPlanned ? slot.t === 1 : slot.pts >= at - near) show = slot.pts;
      else timesteps.push(asPlanned ? { pts: slot.pts, t: slot.t } : { pts: slot.pts, t: between(slot.pts, last, at) });
      return false;
    });
    this.#last = { frame: frame.share(), at };
    this.#next = undefined;
    const [times, interval] = [{ from: last?.at, to: at }, this.#outputInterval];
    return { before: last?.frame, frame, decision, area, ...times, timesteps, show, interval };
  }

  /** The last picture stands until `pts`. */
  #hold(pts: Micros): Scheduled[] {
    const last = this.#last;
    if (!last) return [];
    const timesteps = this.#slots.splice(0).map((slot) => ({ pts: slot.pts, t: between(slot.pts, last, pts) }));
    this.#last = { frame: last.frame.share(), at: pts };
    if (timesteps.length === 0) {
      last.frame.release();
      return [];
    }
    const frame = last.frame.share();
    const times = { from: last.at, to: pts, timesteps, show: undefined, interval: this.#outputInterval };
    return [{ before: last.frame, frame, decision: 'duplicate', ...times }];
  }

  /** All that is due before a scene that has nothing to do with this one, or before the end. */
  #finish(): Scheduled[] {
    const steps = this.#next ? [this.#show(this.#next)] : [];
    const latest = this.#slots.at(-1)?.pts;
    return latest === undefined ? steps : [...steps, ...this.#hold(plus(latest, micros(1)))];
  }
}

/** Where a time lies between a picture and the next one, 0…1 exclusive. */
function between(pts: Micros, last: Picture | undefined, at: Micros): number {
  const from = last?.at ?? pts;
  return Math.min(0.999, Math.max(0.001, (pts - from) / Math.max(1, at - from)));
}

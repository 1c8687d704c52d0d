/** From 32-bit RTP timestamps to a timeline in microseconds. Pure. */
import { fromMs, type Micros, micros, minus, plus, ZERO } from '../../time.ts';

/**
 * A step back larger than this is a jump; smaller ones are B-frames, whose times are not in
 * decoding order.
 */
const MAX_STEP_BACK = fromMs(1000);
/**
 * A step forward that exceeds the time that passed by more than this is a jump of the sender's
 * clock.
 */
const MAX_RUN_AHEAD = fromMs(2000);
/** So many jumps among the last units are no jumps: the timestamps mean nothing. */
const MAX_JUMPS = 3;
const JUMP_WINDOW = 16;
/** Shortest gap that is a discontinuity, whatever the frame rate. */
const MIN_GAP = fromMs(500);
/** … and in typical frame intervals. */
const GAP_INTERVALS = 5;
/**
 * Sender reports whose capture times are further from our own clock than this come from an unset
 * clock.
 */
const MAX_CAPTURE_AGE = fromMs(10_000);
/** Capture times may be this far in the future: two synchronised clocks still differ. */
const MAX_CAPTURE_LEAD = fromMs(250);

/** Where an access unit belongs in time. */
export interface Placement {
  /**
   * Runs with the source's clock from the first unit's arrival on, across wraps; continues across
   * jumps.
   */
  readonly pts: Micros;
  /** Unix time: from sender reports where plausible, else the wall clock at arrival. */
  readonly capture: Micros;
  /** The timestamps jumped, or there is a gap. */
  readonly discontinuity: boolean;
}

/** One sender's timeline. Units are placed in decoding order. */
export class Timeline {
  readonly #clockRate: number;
  /** Where the timeline was set last, and how far the timestamps ran since: no rounding adds up. */
  #base = ZERO;
  #ticks = 0;
  #timestamp = 0;
  #pts: Micros | undefined;
  #arrival = ZERO;
  #interval = 0;
  #restart = false;
  /** The places of the last jumps, in units. */
  #jumps: number[] = [];
  #units = 0;
  /** RTP timestamp minus this is on the sender report's line. */
  #report: { readonly timestamp: number; readonly unix: Micros } | undefined;

  /** @param clockRate of the RTP timestamps, in Hz; 90,000 for video. */
  constructor(clockRate = 90_000) {
    this.#clockRate = clockRate;
  }

  /** Takes an RTCP sender report: `timestamp` was captured at `unix`. */
  senderReport(timestamp: number, unix: Micros): void {
    this.#report = { timestamp, unix };
  }

  /** Where what was captured at `unix` by the sender's clock stands; undefined without a report. */
  at(unix: Micros): Micros | undefined {
    const [report, pts] = [this.#report, this.#pts];
    if (!report || pts === undefined) return undefined;
    return plus(pts, plus(this.#toMicros(report.timestamp - this.#timestamp), minus(unix, report.unix)));
  }

  /** Arrival of the last unit minus its place; undefined before the first. */
  get lag(): Micros | undefined {
    return this.#pts === undefined ? undefined : minus(this.#arrival, this.#pts);
  }

  /**
   * The sender changed: its reports no longer count, the next unit is a discontinuity that
   * continues the timeline.
   */
  newSender(): void {
    this.#report = undefined;
    this.#restart = true;
  }

  /**
   * Places the unit with `timestamp`; its last byte came at `arrival` (monotonic), `wall` (Unix).
   */
  place(timestamp: number, arrival: Micros, wall: Micros): Placement {
    const before = this.#pts;
    const step = before === undefined ? ZERO : this.#toMicros(timestamp - this.#timestamp);
    const elapsed = before === undefined ? ZERO : minus(arrival, this.#arrival);
    const jumped = this.#restart || step < -MAX_STEP_BACK || step > elapsed + MAX_RUN_AHEAD;
    const long = Math.max(MIN_GAP, GAP_INTERVALS * this.#interval);
    // Timestamps that run too fast leave no gap: the units come one after the other.
    const gap = !jumped && this.#interval > 0 && step > long && elapsed > long / 2;
    if (before === undefined || jumped) {
      this.#base = before === undefined ? arrival : plus(before, micros(Math.max(elapsed, 1)));
      this.#ticks = 0;
    } else {
      this.#ticks += (timestamp - this.#timestamp) | 0;
    }
    this.#units += 1;
    const meaningless = jumped && !this.#restart && this.#jumpsTooOften();
    const pts = plus(this.#base, micros((this.#ticks * 1e6) / this.#clockRate));
    if (!jumped && !gap && step !== 0) this.#learn(Math.abs(step));
    this.#timestamp = timestamp;
    this.#pts = pts;
    this.#arrival = arrival;
    this.#restart = false;
    return { pts, capture: this.#capture(timestamp, wall), discontinuity: (jumped && !meaningless) || gap };
  }

  /** Notes a jump. Its unit then stands where it arrived, and belongs to what came before. */
  #jumpsTooOften(): boolean {
    this.#jumps = this.#jumps.filter((at) => at > this.#units - JUMP_WINDOW);
    this.#jumps.push(this.#units);
    return this.#jumps.length > MAX_JUMPS;
  }

  #capture(timestamp: number, wall: Micros): Micros {
    const report = this.#report;
    if (!report) return wall;
    const capture = plus(report.unix, this.#toMicros(timestamp - report.timestamp));
    const age = minus(wall, capture);
    return age > MAX_CAPTURE_AGE || age < -MAX_CAPTURE_LEAD ? wall : capture;
  }

  /** A difference of timestamps, taken as signed 32 bits, in microseconds. */
  #toMicros(difference: number): Micros {
    return micros(((difference | 0) * 1e6) / this.#clockRate);
  }

  #learn(step: number): void {
    this.#interval = this.#interval === 0 ? step : this.#interval + (step - this.#interval) / 8;
  }
}

/** Where sound stands on the timeline of a source's frames. Pure. */
import { fromMs, type Micros, micros, minus, plus } from '../../time.ts';

/** What is known of the picture of the same source. */
export interface PictureTimes {
  /** Where what was captured at `unix` by the sender's clock stands; undefined without a sender report. */
  at(unix: Micros): Micros | undefined;
  /** Arrival of the last frame minus its PTS; undefined before the first. */
  readonly lag: Micros | undefined;
}

/** A place, and whether it may be compared with those before. */
export interface PlacedSound {
  readonly pts: Micros;
  readonly fresh: boolean;
}

/** Reports that say something else than arrivals by more than this are of two clocks. */
const MAX_DISAGREEMENT = fromMs(5000);
/** Arrivals that are off by more than this are another timeline. */
const MAX_OFF = fromMs(500);
/** The sender's clock is followed by this share of what a packet is off, without reports. */
const PULL = 1 / 256;
/** A change of this much when reports come to be known is made at once: until then it was a guess. */
const MIN_STEP = fromMs(3);

/** Places the packets of one sender. */
export class SoundPlacement {
  readonly #clockRate: number;
  #report: { readonly timestamp: number; readonly unix: Micros } | undefined;
  /** By arrival: a packet's timestamp and its place. */
  #last: { readonly timestamp: number; readonly pts: number } | undefined;
  #reported = false;

  /** @param clockRate of the RTP timestamps, in Hz. */
  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /** An RTCP sender report: `timestamp` was captured at `unix`. */
  senderReport(timestamp: number, unix: Micros): void {
    this.#report = { timestamp, unix };
  }

  /** Another sender begins: nothing is known of it. */
  newSender(): void {
    this.#report = undefined;
    this.#last = undefined;
    this.#reported = false;
  }

  /** Places what has `timestamp` and came at `arrival`. */
  place(timestamp: number, arrival: Micros, picture: PictureTimes): PlacedSound {
    const begun = this.#last !== undefined;
    const byArrival = this.#byArrival(timestamp, arrival, picture);
    const byReport = this.#byReport(timestamp, picture);
    const reported = byReport !== undefined && Math.abs(byReport - byArrival.pts) < MAX_DISAGREEMENT;
    const found = reported && !this.#reported && Math.abs(byReport - byArrival.pts) > MIN_STEP;
    this.#reported = reported;
    return { pts: reported ? byReport : byArrival.pts, fresh: !begun || found || (!reported && byArrival.fresh) };
  }

  #byReport(timestamp: number, picture: PictureTimes): Micros | undefined {
    const report = this.#report;
    return report && picture.at(plus(report.unix, this.#toMicros(timestamp - report.timestamp)));
  }

  /** As if sound took as long as the picture on its way. */
  #byArrival(timestamp: number, arrival: Micros, { lag }: PictureTimes): PlacedSound {
    const here = lag === undefined ? arrival : minus(arrival, lag);
    const last = this.#last;
    const next = last && last.pts + this.#toMicros(timestamp - last.timestamp);
    const fresh = next === undefined || Math.abs(next - here) > MAX_OFF;
    const pts = fresh ? here : next + (here - next) * PULL;
    this.#last = { timestamp, pts };
    return { pts: micros(pts), fresh };
  }

  /** A difference of timestamps, taken as signed 32 bits. */
  #toMicros(difference: number): Micros {
    return micros(((difference | 0) * 1e6) / this.#clockRate);
  }
}

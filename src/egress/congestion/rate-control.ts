/**
 * How much may be sent by what the path does with it: additive increase near what it is known to
 * carry, multiplicative increase elsewhere, multiplicative decrease (draft-ietf-rmcat-gcc-02,
 * section 5.5). Pure.
 */
import { type Micros, minus } from '../../time.ts';
import type { PathUse } from './delay-gradient.ts';

/**
 * β: what is left of the delivered rate while a queue drains. The draft has 0.85 always; a long queue
 * would take seconds to drain at that.
 */
const [MIN_DRAIN, MAX_DRAIN] = [0.5, 0.88];
/** A queue this short, microseconds, is no reason to send less: it keeps the path busy. */
const LEAST = 25_000;
/** It falls by one in so many microseconds of queue. */
const DRAIN_SPAN = 1e6;
/** A queue is drained when it is this short, or after this long: it may be somebody else's. Microseconds. */
const [SHORT, MAX_DRAIN_TIME] = [30_000, 2_000_000];
/**
 * What is taken up again of the delivered rate once the queue has drained. The draft climbs from β,
 * which leaves some 7 % of the path unused on average.
 */
const RESUME = 0.97;
/** η of the draft: growth a second where nothing is known of the path. */
const GROWTH = 1.08;
/** Never more than this multiple of what is delivered: what is not sent proves nothing. */
const MAX_LEAD = 1.5;
const LEAD_BITS = 10_000;
/** Bits of a packet, by which the rate grows in one response time near the capacity. */
const PACKET_BITS = 9600;
/** Added to the round trip for the time in which an overuse is noticed, microseconds. */
const NOTICE = 100_000;
/** Share of a new observation in the capacity. */
const LEARN = 0.05;
/** Variance of the capacity by its mean (kb/s), and the limits of that. */
const [FIRST_DEVIATION, MIN_DEVIATION, MAX_DEVIATION] = [0.4, 0.4, 2.5];
/** Between two decreases at least this and a round trip pass: the first one takes time to tell. Microseconds. */
const MIN_DECREASE_INTERVAL = 200_000;

/** What is known at a step. */
export interface PathState {
  readonly use: PathUse;
  /** Bits per second that arrive; undefined while unknown. */
  readonly delivered: number | undefined;
  readonly rtt: Micros;
  /** How long packets are queued on the path, microseconds. */
  readonly queued: number;
}

/** The delay-based rate of one path. */
export class RateControl {
  #rate: number;
  #at: Micros | undefined;
  #decreasedAt: Micros | undefined;
  /** A queue drains after a decrease. */
  #draining = false;
  readonly #capacity = new Capacity();

  /** @param rate bits per second, to begin with. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Bits per second. */
  get rate(): number {
    return this.#rate;
  }

  /** When it last went down. */
  get decreasedAt(): Micros | undefined {
    return this.#decreasedAt;
  }

  /**
   * Learns of a step of the path; true when less was sent for long and the queue is as long as before:
   * then it is none, but a path that has become longer.
   */
  update({ use, delivered, rtt, queued }: PathState, now: Micros): boolean {
    const elapsed = this.#at === undefined ? 0 : Math.min(minus(now, this.#at), 1e6);
    this.#at = now;
    if (use === 'overuse' && queued > LEAST) this.#decrease(delivered, rtt, queued, now);
    else if (this.#draining) {
      const late = minus(now, this.#decreasedAt ?? now) > MAX_DRAIN_TIME;
      if (late || queued < SHORT) this.#resume();
      return late && queued >= SHORT;
    } else if (use === 'normal') {
      this.#increase(delivered, rtt, elapsed / 1e6);
    }
    return false;
  }

  /** A probe has shown that the path carries so much. */
  raise(rate: number): void {
    if (rate <= this.#rate) return;
    this.#rate = rate;
    this.#capacity.forget();
    this.#draining = false;
  }

  #decrease(delivered: number | undefined, rtt: Micros, queued: number, now: Micros): void {
    const since = this.#decreasedAt;
    if (since !== undefined && minus(now, since) < MIN_DECREASE_INTERVAL + rtt) return;
    const proved = delivered ?? this.#rate;
    const lowered = Math.max(MIN_DRAIN, MAX_DRAIN - queued / DRAIN_SPAN) * proved;
    if (this.#capacity.below(proved)) this.#capacity.forget();
    this.#capacity.observe(proved);
    this.#decreasedAt = now;
    this.#draining = true;
    if (lowered < this.#rate) this.#rate = lowered;
  }

  #resume(): void {
    this.#draining = false;
    this.#rate = Math.max(this.#rate, RESUME * (this.#capacity.last ?? 0));
  }

  #increase(delivered: number | undefined, rtt: Micros, seconds: number): void {
    if (delivered !== undefined && this.#capacity.above(delivered)) this.#capacity.forget();
    const near = this.#capacity.known;
    const grown = near
      ? this.#rate + Math.max(4000, (PACKET_BITS * 1e6) / (rtt + NOTICE)) * seconds
      : this.#rate * GROWTH ** seconds;
    const most = delivered === undefined ? Number.POSITIVE_INFINITY : MAX_LEAD * delivered + LEAD_BITS;
    if (grown <= most) this.#rate = grown;
    else this.#rate = Math.max(this.#rate, Math.min(grown, most));
  }
}

/** What the path was found to carry when it was full, in kb/s. */
class Capacity {
  #mean: number | undefined;
  #deviation = FIRST_DEVIATION;
  /** Bits per second of the last observation. */
  last: number | undefined;

  get known(): boolean {
    return this.#mean !== undefined;
  }

  observe(bits: number): void {
    const kilobits = bits / 1000;
    this.last = bits;
    this.#mean = this.#mean === undefined ? kilobits : this.#mean + LEARN * (kilobits - this.#mean);
    const error = (this.#mean - kilobits) ** 2 / Math.max(1, this.#mean);
    this.#deviation += LEARN * (error - this.#deviation);
    this.#deviation = Math.min(MAX_DEVIATION, Math.max(MIN_DEVIATION, this.#deviation));
  }

  above(bits: number): boolean {
    return this.#mean !== undefined && bits / 1000 > this.#mean + this.#spread(this.#mean);
  }

  below(bits: number): boolean {
    return this.#mean !== undefined && bits / 1000 < this.#mean - this.#spread(this.#mean);
  }

  forget(): void {
    this.#mean = undefined;
    this.#deviation = FIRST_DEVIATION;
  }

  /** Three standard deviations. */
  #spread(mean: number): number {
    return 3 * Math.sqrt(this.#deviation * mean);
  }
}

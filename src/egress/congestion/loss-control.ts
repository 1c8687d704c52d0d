/**
 * How much may be sent by what is lost: the loss-based part of Google congestion control
 * (draft-ietf-rmcat-gcc-02, section 6). Pure.
 */
import { type Micros, minus } from '../../time.ts';

/** Below this nothing is wrong; above that the path is too full. Between them the rate is held. */
const [LITTLE, MUCH] = [0.02, 0.1];
/** Above this there is no doubt: what arrives is what the path carries. */
const MOST = 0.3;
/** Bits per second below which a bound makes no sense. */
const MIN_RATE = 50e3;
/** Growth of the bound a second. */
const GROWTH = 1.08;
/** A share of fewer packets means nothing; one of so many is taken at once. */
const [MIN_PACKETS, MANY_PACKETS] = [20, 200];
/** Between two decreases at least this and a round trip pass, microseconds. */
const MIN_DECREASE_INTERVAL = 300_000;
/** Twice the time over which a share is taken, microseconds. */
const WINDOW = 500_000;
/** Of what arrives, this much is never taken away: the path carries it. */
const MIN_SHARE = 0.85;
/** The share of late: how fast it is forgotten, a second. */
const FORGET = 0.7;

/** What is known when packets are reported. */
export interface LossState {
  /** The estimate in force, bits per second. */
  readonly target: number;
  /** Bits per second that arrive; undefined while unknown. */
  readonly delivered: number | undefined;
  readonly rtt: Micros;
}

/** The loss-based bound of one path. */
export class LossControl {
  #bound = Number.POSITIVE_INFINITY;
  #packets = 0;
  #lost = 0;
  #since: Micros | undefined;
  #decreasedAt: Micros | undefined;
  #share = 0;

  /** When it last went down. */
  get decreasedAt(): Micros | undefined {
    return this.#decreasedAt;
  }

  /** Bits per second. */
  get bound(): number {
    return this.#bound;
  }

  /** Share of packets lost of late, 0…1: over some three seconds. */
  get share(): number {
    return this.#share;
  }

  /**
   * Learns what became of packets: of those alone that were sent after the last decrease, of whatever
   * kind. The others tell of what is over.
   */
  update(packets: number, lost: number, state: LossState, now: Micros): void {
    const { target } = state;
    this.#since ??= now;
    this.#packets += packets;
    this.#lost += lost;
    const elapsed = minus(now, this.#since);
    // A few packets more or less are chance.
    const enough = this.#packets >= MANY_PACKETS ? WINDOW / 2 : 2 * WINDOW;
    if (this.#packets < MIN_PACKETS || elapsed < enough) return;
    const share = this.#lost / this.#packets;
    const seconds = Math.min(elapsed / 1e6, 1);
    this.#share += (share - this.#share) * (1 - FORGET ** seconds);
    this.#packets = 0;
    this.#lost = 0;
    this.#since = now;
    if (share > MUCH) this.#decrease(share, state, now);
    else if (share < LITTLE) this.#bound *= GROWTH ** seconds;
    // What arrives, the path carries, be there random losses beside.
    else this.#bound = Math.max(this.#bound, state.delivered ?? 0);
    // So far above that it says nothing any more.
    if (this.#bound > 2 * target) this.#bound = Number.POSITIVE_INFINITY;
  }

  /** A probe has shown that the path carries so much. */
  raise(rate: number): void {
    this.#bound = Math.max(this.#bound, rate);
  }

  #decrease(share: number, { target, delivered, rtt }: LossState, now: Micros): void {
    if (this.#decreasedAt !== undefined && minus(now, this.#decreasedAt) < MIN_DECREASE_INTERVAL + rtt) return;
    this.#decreasedAt = now;
    // The target may be far above what is sent.
    const sent = delivered === undefined ? target : delivered / Math.max(1 - share, 0.01);
    const lowered = Math.min(this.#bound, target, sent) * (1 - share / 2);
    const carried = delivered ?? 0;
    this.#bound =
      share > MOST ? Math.min(lowered, Math.max(carried, MIN_RATE)) : Math.max(MIN_SHARE * carried, lowered);
  }
}

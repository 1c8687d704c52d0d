/** How many requests an address may send. */
import type { Clock, Micros } from '../time.ts';

/** Addresses that are remembered; the one that was silent for longest is forgotten first. */
const MOST_ADDRESSES = 4096;

interface Bucket {
  left: number;
  at: Micros;
}

/** A bucket of one second's requests for each address, refilled with time. */
export class RequestRate {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Pick<Clock, 'now'>, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** False when it is one request too many. */
  take(address: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(address) ?? { left: this.#perSecond, at: now };
    bucket.left = Math.min(this.#perSecond, bucket.left + ((now - bucket.at) / 1e6) * this.#perSecond);
    bucket.at = now;
    // To the end of the map, which keeps the order of insertion.
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_ADDRESSES && oldest !== undefined) this.#buckets.delete(oldest);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }
}

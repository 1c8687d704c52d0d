/** How many requests an address may send. */
import type { Clock, Micros } from '../time.ts';

/** What somebody is told who has sent one request too many. */
export interface TooMany {
  readonly status: 429;
  readonly code: 'http.too-many-requests';
  readonly message: string;
  readonly remedy: string;
  /** To be sent with the answer. */
  readonly headers: { readonly 'Retry-After': string };
}

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

  /** Why a request is refused for which {@link take} has said false. */
  get refusal(): TooMany {
    const message = `more than ${this.#perSecond} requests a second from this address`;
    const headers = { 'Retry-After': '1' };
    return { status: 429, code: 'http.too-many-requests', message, remedy: 'Ask less often.', headers };
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

/** Bounds on rates. Pure. */
import { type Micros, minus, toSeconds } from './time.ts';

/** Options of {@link TokenBucket}. */
export interface TokenBucketOptions {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens of a full bucket, as it is at first: the largest burst. */
  readonly capacity: number;
}

/** A token bucket: bursts up to its capacity, `perSecond` in the long run. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #at: Micros | undefined;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.capacity;
  }

  /** Takes `tokens` at `now`, which is monotonic; false, and none are taken, when there are fewer. */
  take(tokens: number, now: Micros): boolean {
    const { perSecond, capacity } = this.#options;
    const elapsed = this.#at === undefined ? 0 : Math.max(0, toSeconds(minus(now, this.#at)));
    this.#at = now;
    this.#tokens = Math.min(capacity, this.#tokens + elapsed * perSecond);
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }
}

/** The bytes of an access unit that is being assembled: copied, so that no packet is held. Pure. */
import { MAX_UNIT_BYTES } from '../peer-limits.ts';

/** Most intra frames of Full HD need no more. */
const FIRST_CAPACITY = 1 << 18;

/** Up to here a loop is faster than a call of `set`. */
const MAX_TINY = 16;

/**
 * Grows by doubling, up to {@link MAX_UNIT_BYTES}. What does not fit is left out, and said by
 * {@link overflowed}.
 */
export class UnitBuffer {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;
  #overflowed = false;

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Something did not fit since {@link clear}. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** Appends a copy. */
  append(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    if (at < 0) return;
    if (bytes.length > MAX_TINY) this.#bytes.set(bytes, at);
    else for (let i = 0; i < bytes.length; i += 1) this.#bytes[at + i] = bytes[i] ?? 0;
  }

  /** A view, valid until the next call. */
  view(from: number): Uint8Array {
    return this.#bytes.subarray(from, this.#length);
  }

  /** A copy of what is between. */
  copy(from: number, to: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(from, to);
  }

  /** Forgets what comes from `at` on. */
  cut(at: number): void {
    this.#length = Math.min(at, this.#length);
  }

  /** Forgets everything. */
  clear(): void {
    this.#length = 0;
    this.#overflowed = false;
  }

  #reserve(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > MAX_UNIT_BYTES) {
      this.#overflowed = true;
      return -1;
    }
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(MAX_UNIT_BYTES, Math.max(needed, this.#bytes.length * 2)));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    this.#length = needed;
    return at;
  }
}

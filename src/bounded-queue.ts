/** Bounded stages: RxJS pushes and has no backpressure, so every place that can wait has a capacity and counts what it drops. */

/** What a full queue gives up. */
export type DropPolicy = 'drop-oldest' | 'drop-newest';

/** A first-in first-out queue with a capacity, a drop policy and a drop counter. */
export class BoundedQueue<T> {
  readonly capacity: number;
  readonly policy: DropPolicy;
  #items: T[] = [];
  #dropped = 0;
  readonly #dispose: (item: T) => void;

  /** @param dispose called with every item that is dropped or cleared: release it, count it. */
  constructor(capacity: number, policy: DropPolicy, dispose: (item: T) => void) {
    this.capacity = capacity;
    this.policy = policy;
    this.#dispose = dispose;
  }

  /** Takes `item`; returns false when `item` itself was dropped. */
  push(item: T): boolean {
    if (this.#items.length < this.capacity) {
      this.#items.push(item);
      return true;
    }
    this.#dropped += 1;
    const oldest = this.policy === 'drop-oldest' ? this.#items.shift() : undefined;
    if (oldest === undefined) {
      this.#dispose(item);
      return false;
    }
    this.#items.push(item);
    this.#dispose(oldest);
    return true;
  }

  /** The oldest item, removed. */
  shift(): T | undefined {
    return this.#items.shift();
  }

  /** The oldest item, left in place. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** What waits, oldest first. Valid until the queue changes. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Removes these items, wherever they stand; they are the caller's now. */
  take(items: readonly T[]): void {
    this.#items = this.#items.filter((item) => !items.includes(item));
  }

  get length(): number {
    return this.#items.length;
  }

  /** Items dropped so far because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Disposes of everything that waits. */
  clear(): void {
    const items = this.#items;
    this.#items = [];
    for (const item of items) this.#dispose(item);
  }
}

/** Bounded stages: RxJS pushes and has no backpressure, so every place that can wait has a capacity and counts what it drops. */
import { Observable, type OperatorFunction } from 'rxjs';

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

/** Options of {@link boundedMap}. */
export interface BoundedMapOptions<T, R> {
  /** Items that may wait while one is at work. */
  readonly capacity: number;
  readonly policy: DropPolicy;
  /** Called with each dropped item: release it, count it. Also for items that wait when the stream ends by unsubscription. */
  readonly onDrop: (item: T) => void;
  /** Called with a result that comes after the stream has ended: release it. */
  readonly onLate?: (result: R) => void;
}

/**
 * `concatMap` with a bound: one item at work, at most `capacity` waiting, the rest dropped by policy. `project` owns its
 * item; its rejection is the stream's error.
 */
export function boundedMap<T, R>(
  project: (item: T) => Promise<R>,
  options: BoundedMapOptions<T, R>,
): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      const queue = new BoundedQueue<T>(options.capacity, options.policy, options.onDrop);
      let busy = false;
      let ended = false;
      const next = (): void => {
        if (busy || subscriber.closed) return;
        const item = queue.shift();
        if (item === undefined) {
          if (ended) subscriber.complete();
          return;
        }
        start(item);
      };
      const start = (item: T): void => {
        busy = true;
        Promise.try(project, item).then(
          (result) => {
            busy = false;
            if (subscriber.closed) options.onLate?.(result);
            else subscriber.next(result);
            next();
          },
          (error: unknown) => subscriber.error(error),
        );
      };
      const subscription = source.subscribe({
        next(item) {
          if (subscriber.closed) options.onDrop(item);
          else if (busy) queue.push(item);
          else start(item);
        },
        error: (error: unknown) => subscriber.error(error),
        complete() {
          ended = true;
          next();
        },
      });
      return () => {
        subscription.unsubscribe();
        queue.clear();
      };
    });
}

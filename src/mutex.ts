/** Mutual exclusion for asynchronous work. */

/** Runs one task after the other, in the order in which they came. A task that fails does not hold up the next one. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `task` when all before it are done. Settles as it does. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }
}

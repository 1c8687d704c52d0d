/** What a library tells its listeners, told by hand. */
export class Told<T> {
  readonly #listeners: ((value: T) => void)[] = [];

  subscribe(listener: (value: T) => void): void {
    this.#listeners.push(listener);
  }

  tell(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }
}

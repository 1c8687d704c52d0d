/** Signals that end a command in order, and what the shell is told of them. */

/** What of the process is needed here. */
interface Signalled {
  on(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
  exit(code: number): unknown;
}

/** Exit codes by the shells' rule: 128 and the signal's number. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** The first of Ctrl-C, SIGTERM and SIGHUP (the terminal is gone) aborts; a second one ends the process at once. */
export class StopSignal {
  readonly #stop = new AbortController();
  #code: number | undefined;

  constructor(process: Signalled) {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (this.#code !== undefined) process.exit(CODES[signal]);
        this.#code ??= CODES[signal];
        this.#stop.abort();
      });
    }
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Code to exit with: by the signal that came, else 0. */
  get exitCode(): number {
    return this.#code ?? 0;
  }
}

/** Programs that do nothing but use processors. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Processor load that can be taken away. */
export class Burner implements AsyncDisposable {
  readonly #children: readonly ChildProcess[];

  /** @param count how many processors it would like to have. */
  constructor(count: number) {
    this.#children = Array.from({ length: count }, () =>
      spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
    );
  }

  /** Resolves when all of it has ended. Twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
  }
}

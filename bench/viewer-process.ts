/** The measuring side of `viewer.ts`. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { FrameliftError } from '../src/errors.ts';
import type { Arrival } from './slots.ts';

/** What a viewer is told: forget what came, or report what came since. */
export type ViewerOrder = 'begin' | 'end';
/** What a viewer tells. */
export type ViewerReport =
  | { readonly type: 'playing' }
  | { readonly type: 'arrivals'; readonly arrivals: readonly Arrival[] };

const PROGRAM = fileURLToPath(new URL('./viewer.ts', import.meta.url));
const START_TIMEOUT_MS = 30_000;
const REPORT_TIMEOUT_MS = 5000;

/** A viewer that plays. */
export class ViewerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** Plays `url` and waits for the first access unit. @throws FrameliftError `server.failed` when none comes. */
  static async start(url: string): Promise<ViewerProcess> {
    const viewer = new ViewerProcess(fork(PROGRAM, [url], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }), url);
    try {
      await viewer.#next('playing', START_TIMEOUT_MS);
      return viewer;
    } catch (error) {
      await viewer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The measurement starts now. */
  begin(): void {
    this.#order('begin');
  }

  /** What came since {@link begin}, times in milliseconds since the Unix epoch. @throws FrameliftError `server.failed` when the viewer has died. */
  async end(): Promise<readonly Arrival[]> {
    const answer = this.#next('arrivals', REPORT_TIMEOUT_MS);
    this.#order('end');
    return (await answer).arrivals;
  }

  /** Leaves and ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'exit');
    const kill = setTimeout(() => child.kill('SIGKILL'), REPORT_TIMEOUT_MS);
    if (child.connected) child.disconnect();
    await closed;
    clearTimeout(kill);
  }

  #order(order: ViewerOrder): void {
    if (this.#child.connected) this.#child.send(order);
  }

  #next<T extends ViewerReport['type']>(type: T, timeoutMs: number): Promise<Extract<ViewerReport, { type: T }>> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        settle();
        reject(
          new FrameliftError('server.failed', `the viewer of ${this.#url} ${why}`, {
            remedy: 'See the lines above; --log info shows those of framelift itself.',
          }),
        );
      };
      const timer = setTimeout(() => fail(`sent no "${type}" within ${timeoutMs} ms`), timeoutMs);
      const onMessage = (report: ViewerReport): void => {
        if (report.type !== type) return;
        settle();
        // Narrowed by the comparison, which the compiler cannot follow for a generic type.
        resolve(report as Extract<ViewerReport, { type: T }>);
      };
      const onExit = (code: number | null): void => fail(`ended with ${code}`);
      const settle = (): void => {
        clearTimeout(timer);
        this.#child.off('message', onMessage).off('exit', onExit);
      };
      this.#child.on('message', onMessage).once('exit', onExit);
    });
  }
}

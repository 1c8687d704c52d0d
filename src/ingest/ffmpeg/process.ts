/**
 * The ffmpeg child process: arguments in, output and stderr out, gone when told. The only file that
 * knows fluent-ffmpeg.
 */
import { ChildProcess } from 'node:child_process';
import { finished, Writable } from 'node:stream';
import ffmpeg from 'fluent-ffmpeg';
import { FrameliftError, messageOf } from '../../errors.ts';
import { type Clock, fromMs, plus } from '../../time.ts';
import { LineSplitter } from './line-splitter.ts';

/** How long ffmpeg may take to leave after SIGTERM, before SIGKILL. */
const KILL_TIMEOUT = fromMs(500);

/**
 * Options of {@link runFfmpeg}. All arguments are elements of an argv array: no shell sees them.
 */
export interface FfmpegProcessOptions {
  readonly path: string;
  /** Options before the input. */
  readonly before: readonly string[];
  /** The argument of `-i`. */
  readonly url: string;
  /** Options after the input. */
  readonly after: readonly string[];
  /** Where the output goes. Default: to a pipe. */
  readonly output?: string;
  /** Given what feeds an input that is `pipe:0`, once the process runs. */
  readonly onInput?: (input: Writable) => void;
  readonly clock: Clock;
  /**
   * Takes the output; the next chunk comes when the promise resolves. Must neither throw nor
   * reject.
   */
  readonly onData: (chunk: Buffer) => Promise<void> | undefined;
  /** Takes each line of stderr, the beginning of a very long one. */
  readonly onLine: (line: string) => void;
  /** Ends the child: SIGTERM, half a second later SIGKILL. */
  readonly signal: AbortSignal;
}

/**
 * Runs ffmpeg until it exits, by itself or because `signal` aborted; resolves with its exit code
 * (null when a signal ended it) once the process is gone and `onData` is done with all of its
 * output.
 * @throws FrameliftError `ffmpeg.failed` when it cannot be started.
 */
export function runFfmpeg(options: FfmpegProcessOptions): Promise<number | null> {
  return new FfmpegProcess(options).exit;
}

class FfmpegProcess {
  readonly #options: FfmpegProcessOptions;
  readonly #exit = Promise.withResolvers<number | null>();
  readonly #output: Writable;
  /** fluent-ffmpeg's name for a run. */
  readonly #command = ffmpeg({ stdoutLines: 1 });
  #child: ChildProcess | undefined;
  #cancelKill = (): void => {};

  constructor(options: FfmpegProcessOptions) {
    this.#options = options;
    this.#output = outputTo(options.onData);
    options.signal.addEventListener('abort', this.#stop);
    this.#command
      .setFfmpegPath(options.path)
      .on('start', () => this.#started())
      // Both may come before the exit, which is what counts once it has started.
      .on('error', (thrown: unknown) => {
        if (!this.#child) this.#notStarted(thrown);
      })
      .on('end', () => {})
      // Two or more arguments each: fluent-ffmpeg splits a lone string at its blank.
      .input(options.url)
      .inputOptions(...options.before)
      .outputOptions(...options.after)
      .output(options.output ?? this.#output)
      .run();
  }

  /** Settles when the process is gone, or could not be started. */
  get exit(): Promise<number | null> {
    return this.#exit.promise;
  }

  readonly #stop = (): void => {
    const { clock } = this.#options;
    // Before the start there is nothing to kill: the start handler comes back here.
    if (!this.#child) return;
    this.#child.kill('SIGTERM');
    this.#cancelKill = clock.at(plus(clock.now(), KILL_TIMEOUT), () => this.#child?.kill('SIGKILL'));
  };

  #started(): void {
    // fluent-ffmpeg keeps the process here and types it nowhere.
    const child: unknown = Reflect.get(this.#command, 'ffmpegProc');
    if (!(child instanceof ChildProcess)) {
      this.#command.kill('SIGKILL');
      this.#notStarted(new Error('no child process'));
      return;
    }
    this.#child = child;
    // fluent-ffmpeg's own handler of a failed spawn throws where nobody can catch it.
    child.removeAllListeners('error');
    child.once('error', (thrown) => this.#notStarted(thrown));
    child.once('close', (code) => this.#ended(code));
    this.#readLines(child);
    if (child.stdin) this.#options.onInput?.(child.stdin);
    if (this.#options.signal.aborted) this.#stop();
  }

  /** In place of fluent-ffmpeg, which joins lines of any length. */
  #readLines({ stderr }: ChildProcess): void {
    const lines = new LineSplitter(this.#options.onLine);
    stderr?.removeAllListeners('data');
    stderr?.on('data', (chunk: unknown) => lines.push(String(chunk)));
    stderr?.once('end', () => {
      if (lines.pending) lines.flush();
    });
  }

  /** The pipe is empty then, but chunks of it may still wait to be taken. */
  #ended(code: number | null): void {
    finished(this.#output, () => {
      this.#cleanUp();
      this.#exit.resolve(code);
    });
    this.#output.end();
  }

  #notStarted(thrown: unknown): void {
    const message = messageOf(thrown);
    this.#cleanUp();
    this.#exit.reject(
      new FrameliftError('ffmpeg.failed', `${this.#options.path} cannot be started: ${message}`, { cause: thrown }),
    );
  }

  #cleanUp(): void {
    this.#options.signal.removeEventListener('abort', this.#stop);
    this.#cancelKill();
  }
}

/**
 * Neither closing nor destroying itself: fluent-ffmpeg would take that for a failure while ffmpeg
 * is still leaving.
 */
function outputTo(onData: FfmpegProcessOptions['onData']): Writable {
  return new Writable({
    autoDestroy: false,
    emitClose: false,
    write(chunk: Buffer, _encoding, next) {
      const wait = onData(chunk);
      if (wait) wait.then(() => next(), next);
      else next();
    },
  });
}

/**
 * Sources of every other kind: whatever ffmpeg opens by an allowed scheme. A child process decodes and sends raw pictures with
 * the source's own timestamps through a pipe; it takes hostile input out of our process and can be killed when it hangs.
 * The only file that knows fluent-ffmpeg.
 */
import { ChildProcess } from 'node:child_process';
import { finished, Writable } from 'node:stream';
import ffmpeg from 'fluent-ffmpeg';
import { FrameliftError } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, plus } from '../../time.ts';
import { type AddressGuard, OPERATORS_GUARD } from '../address-guard.ts';
import { type IngestLimits, maxPixels } from '../limits.ts';
import type { Source } from '../source.ts';
import { findFfmpeg } from './binary.ts';
import { ffmpegFault } from './fault.ts';
import { HttpGateway, undisguised } from './http-gateway.ts';
import { Reception } from './reception.ts';
import { FFMPEG_OUTPUT, type FfmpegInput, ffmpegInput, pinned, shown } from './url.ts';

export { findFfmpeg } from './binary.ts';
export { FFMPEG_SCHEMES } from './url.ts';

/** Options of {@link ffmpegSource}. */
export interface FfmpegSourceOptions {
  /** Scheme of the allowlist, or `/dev/videoN`. */
  readonly url: string;
  /** For events. */
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** The program; default: {@link findFfmpeg} in `env`. */
  readonly ffmpegPath?: string;
  /** Where `FFMPEG_PATH` and `PATH` are looked up; default: nowhere, so that only node-av's own ffmpeg is found. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Longest silence between two pictures, default 10 s. */
  readonly stallTimeout?: Micros;
  /** Longest wait for the first picture, default 15 s: HLS starts slowly. */
  readonly startTimeout?: Micros;
  /** False accepts any certificate of an HTTPS server. Default true. */
  readonly verifyCertificate?: boolean;
  /** Where the URL, and over HTTP redirections and playlists, may lead to. Default: {@link OPERATORS_GUARD}. */
  readonly guard?: AddressGuard;
  /** A source that exceeds them fails. Default: none. */
  readonly limits?: IngestLimits | undefined;
}

const BEFORE_INPUT: readonly string[] = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+verbose'];

/**
 * A source that an ffmpeg child reads.
 * @throws FrameliftError `source.unsupported-scheme`, `source.forbidden`, `config.invalid` for URLs that are not allowed.
 */
export function ffmpegSource(options: FfmpegSourceOptions): Source {
  const input = ffmpegInput(options.url);
  const { guard = OPERATORS_GUARD } = options;
  if (input.host !== undefined) guard.checkLiteral(input.host, input.multicast);
  // A host may have several addresses of which not all answer: each run that got nothing leaves the next one to the next.
  let attempt = 0;
  return {
    label: `ffmpeg ${shown(options.url)}`,
    run: async (sink, signal) => {
      const path = options.ffmpegPath ?? findFfmpeg(options.env ?? {}).path;
      await using opened = await open(options, input, guard, attempt);
      if (signal.aborted) return;
      const reception = new Reception(options, sink, input.http);
      try {
        await run(options, { path, ...opened }, reception, signal);
      } finally {
        if (reception.delivered === 0) attempt += 1;
        reception.close();
      }
    },
  };
}

/** An input after names were resolved and checked. */
interface OpenedInput extends AsyncDisposable {
  readonly url: string;
  readonly options: readonly string[];
  readonly gateway?: HttpGateway;
}

/** @throws FrameliftError `source.forbidden`, `source.unreachable`. */
async function open(
  { verifyCertificate = true }: FfmpegSourceOptions,
  input: FfmpegInput,
  guard: AddressGuard,
  attempt: number,
): Promise<OpenedInput> {
  if (input.http) {
    const gateway = await HttpGateway.open({ url: new URL(input.url), guard, verifyCertificate });
    const { url, options } = gateway.input;
    const close = () => gateway[Symbol.asyncDispose]();
    return { url, options: [...input.options, ...options], gateway, [Symbol.asyncDispose]: close };
  }
  const addresses = input.host === undefined ? [] : await guard.resolve(input.host, input.multicast);
  const address = addresses[attempt % addresses.length]?.address;
  const url = address === undefined ? input.url : pinned(input.url, address);
  return { url, options: input.options, [Symbol.asyncDispose]: async () => {} };
}

async function run(
  { clock, limits }: FfmpegSourceOptions,
  { path, url, options, gateway }: OpenedInput & { readonly path: string },
  reception: Reception,
  signal: AbortSignal,
): Promise<void> {
  const stopped = AbortSignal.any([signal, reception.failed, ...(gateway ? [gateway.refused] : [])]);
  const bound = limits ? ['-max_pixels', String(maxPixels(limits))] : [];
  const code = await runFfmpeg({
    path,
    before: [...BEFORE_INPUT, ...options, ...bound],
    url,
    after: FFMPEG_OUTPUT,
    clock,
    signal: stopped,
    onData: (chunk) => reception.data(chunk, stopped),
    onLine: (line) => reception.line(undisguised(line)),
  });
  if (signal.aborted) return;
  throw reception.failure ?? gateway?.failure ?? ffmpegFault(reception.lines, code, reception.delivered);
}

/** How long ffmpeg may take to leave after SIGTERM, before SIGKILL. */
const KILL_AFTER = fromMs(500);
/** Lines of stderr that fluent-ffmpeg keeps for itself; ours are counted by the caller. */
const KEPT_LINES = 20;

/** Options of {@link runFfmpeg}. All arguments are elements of an argv array: no shell sees them. */
interface FfmpegProcessOptions {
  readonly path: string;
  /** Options before the input. */
  readonly before: readonly string[];
  /** The argument of `-i`. */
  readonly url: string;
  /** Options after the input; the output itself is a pipe. */
  readonly after: readonly string[];
  readonly clock: Clock;
  /** Takes the output; the next chunk comes when the promise resolves. Must neither throw nor reject. */
  readonly onData: (chunk: Buffer) => Promise<void> | undefined;
  /** Takes each line of stderr. */
  readonly onLine: (line: string) => void;
  /** Ends the child: SIGTERM, half a second later SIGKILL. */
  readonly signal: AbortSignal;
  readonly killAfter?: Micros;
}

/**
 * Runs ffmpeg until it exits, by itself or because `signal` aborted; resolves with its exit code (null when a signal ended
 * it) once the process is gone and `onData` is done with all of its output. @throws FrameliftError `ffmpeg.failed` when it cannot be started.
 */
function runFfmpeg(options: FfmpegProcessOptions): Promise<number | null> {
  const { clock, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const command = ffmpeg({ stdoutLines: KEPT_LINES });
  command.setFfmpegPath(options.path);
  let child: ChildProcess | undefined;
  let cancelKill = (): void => {};

  const stop = (): void => {
    // Before the start there is nothing to kill: the start handler comes back here.
    if (!child) return;
    child.kill('SIGTERM');
    cancelKill = clock.at(plus(clock.now(), options.killAfter ?? KILL_AFTER), () => child?.kill('SIGKILL'));
  };
  const settle = (done: () => void): void => {
    signal.removeEventListener('abort', stop);
    cancelKill();
    done();
  };
  const notStarted = (thrown: unknown): void => {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const error = new FrameliftError('ffmpeg.failed', `${options.path} cannot be started: ${message}`, {
      cause: thrown,
    });
    settle(() => reject(error));
  };

  command.on('start', () => {
    // fluent-ffmpeg keeps the process here and types it nowhere. Its own "end" and "error" may come before the exit.
    const started: unknown = Reflect.get(command, 'ffmpegProc');
    if (!(started instanceof ChildProcess)) {
      command.kill('SIGKILL');
      notStarted(new Error('no child process'));
      return;
    }
    child = started;
    // fluent-ffmpeg's own handler of a failed spawn throws where nobody can catch it.
    child.removeAllListeners('error');
    child.once('error', notStarted);
    // The pipe is empty then, but chunks of it may still wait for their turn.
    child.once('close', (code) => {
      finished(output, () => settle(() => resolve(code)));
      output.end();
    });
    if (signal.aborted) stop();
  });
  command.on('error', (thrown: unknown) => {
    if (!child) notStarted(thrown);
  });
  command.on('end', () => {});
  command.on('stderr', (line: unknown) => options.onLine(String(line)));

  // Neither closing nor destroying itself: fluent-ffmpeg would take that for a failure while ffmpeg is still leaving.
  const output = new Writable({
    autoDestroy: false,
    emitClose: false,
    write(chunk: Buffer, _encoding, next) {
      const wait = options.onData(chunk);
      if (wait) wait.then(() => next(), next);
      else next();
    },
  });
  signal.addEventListener('abort', stop);
  // Two or more arguments each: fluent-ffmpeg splits a lone string at its blank.
  command
    .input(options.url)
    .inputOptions(...options.before)
    .outputOptions(...options.after)
    .output(output)
    .run();
  return promise;
}

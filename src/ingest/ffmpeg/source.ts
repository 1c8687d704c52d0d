/**
 * Sources of every other kind: whatever ffmpeg opens by an allowed scheme. A child process decodes
 * and sends raw frames with the source's own timestamps through a pipe; it takes hostile input out
 * of our process and can be killed when it hangs.
 */
import { FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Arena } from '../../media/arena.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros } from '../../time.ts';
import { type AddressGuard, OPERATORS_GUARD } from '../address-guard.ts';
import type { DeinterlaceChoice } from '../decode/deinterlacer.ts';
import { explainDrops } from '../drop-log.ts';
import { type IngestLimits, maxPixels } from '../limits.ts';
import type { Source } from '../source.ts';
import { SourceLog } from '../source-log.ts';
import { passThroughOption } from './abilities.ts';
import { findFfmpeg } from './binary.ts';
import { ffmpegFault } from './fault.ts';
import { HttpGateway, undisguised } from './http-gateway.ts';
import { LineLog } from './line-log.ts';
import { ANY_VARIANT } from './playlist.ts';
import { runFfmpeg } from './process.ts';
import { Reception } from './reception.ts';
import { type FfmpegInput, ffmpegInput, ffmpegOutput, pinned, shown, shownText } from './url.ts';

export { findFfmpeg } from './binary.ts';
export { FFMPEG_SCHEMES } from './url.ts';

/** Options of {@link ffmpegSource}. */
export interface FfmpegSourceOptions {
  /** Scheme of the allowlist, or `/dev/videoN`. */
  readonly url: string;
  /** For events and logs. */
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Default: none. */
  readonly log?: Log;
  /** The program; default: {@link findFfmpeg} in `env`. */
  readonly ffmpegPath?: string;
  /**
   * Where `FFMPEG_PATH` and `PATH` are looked up; default: nowhere, so that only node-av's own
   * ffmpeg is found.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Longest silence between two frames, default 10 s. */
  readonly stallTimeout?: Micros;
  /**
   * Longest wait for the first frame. Default 15 s, for HLS starts slowly; 60 s for a publisher to
   * come where the source listens, after which the port is opened anew.
   */
  readonly startTimeout?: Micros;
  /** False accepts any certificate of an HTTPS server. Default true. */
  readonly verifyCertificate?: boolean;
  /**
   * Where the URL, and over HTTP redirections and playlists, may lead to. Default: {@link
   * OPERATORS_GUARD}.
   */
  readonly guard?: AddressGuard;
  /** Whether frames that hold two fields are taken apart. Default `off`. */
  readonly deinterlace?: DeinterlaceChoice;
  /** A source that exceeds them fails. Default: none. */
  readonly limits?: IngestLimits | undefined;
}

const LISTEN_TIMEOUT = fromMs(60_000);
const BEFORE_INPUT: readonly string[] = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+verbose'];

/**
 * A source that an ffmpeg child reads.
 * @throws FrameliftError `source.unsupported-scheme`, `source.forbidden`, `config.invalid` for URLs
 * that are not allowed.
 */
export function ffmpegSource(options: FfmpegSourceOptions): Source {
  const input = ffmpegInput(options.url);
  const { guard = OPERATORS_GUARD } = options;
  if (input.host !== undefined) guard.checkLiteral(input.host, input.multicast);
  // A host may have several addresses of which not all answer: each run that got nothing leaves the
  // next one to the next.
  let attempt = 0;
  return {
    label: `ffmpeg ${shown(options.url)}`,
    run: async (sink, signal) => {
      if (signal.aborted) return;
      const path = options.ffmpegPath ?? findFfmpeg(options.env ?? {}).path;
      const after = ffmpegOutput(await passThroughOption(path));
      const log = new SourceLog(options);
      await using opened = await open(options, input, { guard, log, attempt });
      if (signal.aborted) return;
      const events = explainDrops(options.events, log);
      const startTimeout = options.startTimeout ?? (input.listens ? LISTEN_TIMEOUT : undefined);
      const patience = startTimeout === undefined ? {} : { startTimeout };
      const endless = (): boolean => opened.gateway?.endless ?? true;
      const reception = new Reception({ ...options, ...patience, events, log, endless }, sink, input.http);
      try {
        await run({ ...options, log }, { path, after, ...opened, listens: input.listens }, reception, signal);
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

interface Program {
  readonly path: string;
  /** Options after the input. */
  readonly after: readonly string[];
  readonly listens: boolean;
}

interface Opening {
  readonly guard: AddressGuard;
  readonly log: SourceLog;
  /** Which of a host's addresses is tried: the first, the second … */
  readonly attempt: number;
}

/** @throws FrameliftError `source.forbidden`, `source.unreachable`. */
async function open(
  { verifyCertificate = true, limits }: FfmpegSourceOptions,
  input: FfmpegInput,
  { guard, log, attempt }: Opening,
): Promise<OpenedInput> {
  if (input.http) {
    const gateway = await HttpGateway.open({
      ...{ url: new URL(input.url), guard, verifyCertificate, log },
      variants: { ...ANY_VARIANT, ...limits, ...input.variants },
    });
    const { url, options } = gateway.input;
    const close = () => gateway[Symbol.asyncDispose]();
    return { url, options: [...input.options, ...options], gateway, [Symbol.asyncDispose]: close };
  }
  const found = input.host === undefined ? [] : await guard.resolve(input.host, input.multicast);
  const addresses = found.map(({ address }) => address);
  const address = addresses[attempt % addresses.length];
  if (address !== undefined) log.debug({ host: input.host, addresses, used: address }, 'address found');
  const url = address === undefined ? input.url : pinned(input.url, address);
  return { url, options: input.options, [Symbol.asyncDispose]: async () => {} };
}

async function run(
  { clock, limits, log }: Pick<FfmpegSourceOptions, 'clock' | 'limits'> & { readonly log: SourceLog },
  { path, after, url, options, gateway, listens }: Program & OpenedInput,
  reception: Reception,
  signal: AbortSignal,
): Promise<void> {
  const stopped = AbortSignal.any([signal, reception.failed, ...(gateway ? [gateway.refused] : [])]);
  const bound = limits ? ['-max_pixels', String(maxPixels(limits))] : [];
  const before = [...BEFORE_INPUT, ...options, ...bound];
  const lines = new LineLog(log, clock);
  log.debug({ command: [path, ...before, '-i', url, ...after].map(commandPart) }, 'starting ffmpeg');
  const code = await runFfmpeg({
    ...{ path, before, url, after, clock },
    signal: stopped,
    onData: (chunk) => reception.data(chunk, stopped),
    onLine: (text) => {
      const line = undisguised(text);
      lines.line(line);
      reception.line(line);
    },
  });
  lines.exited(code, reception.delivered);
  if (signal.aborted) return;
  if (listens && !reception.failure && reception.delivered > 0) {
    throw new FrameliftError('source.ended', 'the publisher left', { recoverable: true });
  }
  throw reception.failure ?? gateway?.failure ?? ffmpegFault(reception.lines, code, reception.delivered);
}

/** An argument for people: URLs as they were written, without their secrets. */
function commandPart(argument: string): string {
  return shownText(undisguised(argument));
}

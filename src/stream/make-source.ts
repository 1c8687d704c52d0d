/** From what a person wrote to a source: the demo, a file, RTSP, a WHIP publisher, or any other URL by ffmpeg. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Config, StreamConfig } from '../config/schema.ts';
import { schemeOf, unheeded } from '../config/source-keys.ts';
import { FrameliftError, redactUrl } from '../errors.ts';
import { AddressGuard, OPERATORS_CLASSES, type Resolve } from '../ingest/address-guard.ts';
import { FFMPEG_SCHEMES, ffmpegSource } from '../ingest/ffmpeg/source.ts';
import { fileSource } from '../ingest/file/source.ts';
import type { IngestLimits } from '../ingest/limits.ts';
import { rtspSource } from '../ingest/rtsp/source.ts';
import type { Source } from '../ingest/source.ts';
import { WhipSource } from '../ingest/whip/source.ts';
import type { Log } from '../log.ts';
import type { Arena } from '../media/arena.ts';
import type { EventSink } from '../metrics/events.ts';
import { type Clock, fromMs } from '../time.ts';
import type { TransportSettings } from '../webrtc/transport.ts';

/** The video that `framelift` shows when it is given nothing: a rendered fluoroscopy phantom, 15 pulses a second. */
export const DEMO_FILE = fileURLToPath(new URL('../../demo/fluoroscopy15.mp4', import.meta.url));

/** Who wrote a source down: an operator, on the command line or in the configuration file, or a client of the API. */
export type SourceOrigin = 'operator' | 'api';

/** What sources may be and do, by who wrote them down (docs/security.md). */
export interface SourceRules {
  readonly origin: SourceOrigin;
  /** Where they may connect to. */
  readonly guard: AddressGuard;
  /** Whether they may be files and devices of this machine. */
  readonly files: boolean;
  readonly limits: IngestLimits;
}

/** The rules of a configuration. Operators mean the private addresses that they write; a client of the API may be somebody else's tool. */
export function sourceRules(
  { sources, limits }: Pick<Config, 'sources' | 'limits'>,
  origin: SourceOrigin,
  resolve?: Resolve,
): SourceRules {
  const operator = origin === 'operator';
  const guard = new AddressGuard(sources.allow, resolve, operator ? OPERATORS_CLASSES : []);
  return { origin, guard, files: operator || sources.files, limits };
}

/** What a source needs beside its configuration. */
export interface SourceContext {
  readonly rules: SourceRules;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Where FFMPEG_PATH and PATH are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How WHIP publishers connect. */
  readonly transport: TransportSettings;
  readonly log: Log;
}

/** What kind of source a text names. */
export type SourceKind = 'demo' | 'file' | 'rtsp' | 'whip' | 'ffmpeg';

/**
 * Tells the kind of a source from its text. Touches the file system only for names without a scheme.
 * @throws FrameliftError `source.unsupported-scheme`, `source.forbidden` or `source.not-found`, each naming the source and the remedy.
 */
export function sourceKind(source: string, ingest: 'auto' | 'ffmpeg' = 'auto'): SourceKind {
  if (source === 'demo' || source === 'whip') return source;
  const scheme = schemeOf(source);
  if (scheme === undefined) {
    if (source.startsWith('/dev/video')) return 'ffmpeg';
    if (existsSync(source)) return 'file';
    throw new FrameliftError('source.not-found', `there is no file "${source}"`, {
      remedy: 'Give an existing file, a URL such as rtsp://camera/stream, whip for publishers, or demo.',
    });
  }
  if (scheme === 'file') {
    throw new FrameliftError('source.forbidden', `"${redactUrl(source)}": file URLs are not taken as sources`, {
      remedy: 'Give a local file by its path, without file://.',
    });
  }
  if (scheme === 'rtsp' || scheme === 'rtsps') {
    const wantsFfmpeg = ingest === 'ffmpeg' || URL.parse(source)?.searchParams.get('ingest') === 'ffmpeg';
    return wantsFfmpeg ? 'ffmpeg' : 'rtsp';
  }
  if (FFMPEG_SCHEMES.includes(scheme)) return 'ffmpeg';
  throw new FrameliftError(
    'source.unsupported-scheme',
    `"${redactUrl(source)}": the scheme "${scheme}" is not supported`,
    {
      remedy: `Use one of rtsp, rtsps, ${FFMPEG_SCHEMES.join(', ')}, /dev/video0, a file, whip, or demo.`,
    },
  );
}

/** The kind of a source that its rules allow. @throws FrameliftError as {@link sourceKind}; `source.forbidden` also by the rules. */
function allowedKind({ source, ingest }: StreamConfig, { origin, files }: SourceRules): SourceKind {
  // Before anything looks whether it is there: that would be an answer, too.
  const local = source !== 'demo' && source !== 'whip' && schemeOf(source) === undefined;
  if (local && !files) {
    throw new FrameliftError('source.forbidden', 'files and devices are not taken as sources from the API', {
      remedy: 'Write them into the configuration file, or set sources.files: true.',
    });
  }
  const kind = sourceKind(source, ingest);
  if (origin === 'api' && kind === 'ffmpeg' && /^rtsps?:/i.test(source)) {
    throw new FrameliftError(
      'source.forbidden',
      'RTSP through ffmpeg, which follows redirections by itself, is not taken from the API',
      {
        remedy: 'Leave ingest as it is, or write the stream into the configuration file.',
      },
    );
  }
  return kind;
}

/**
 * Makes the source of a stream. Names of hosts are looked up and checked when it connects.
 * @throws FrameliftError as {@link sourceKind}; `source.forbidden` for what the rules do not allow; `config.invalid` for a malformed URL.
 */
export function makeSource(stream: StreamConfig, context: SourceContext): Source {
  const { arena, clock, events, env, transport, log, rules } = context;
  const { guard, limits } = rules;
  const { verifyCertificate, deinterlace, audio: sound } = stream;
  const keepCoded = stream.sourceVariant !== 'encode';
  const shared = { stream: stream.name, arena, clock, events, log, limits };
  const stallTimeout = fromMs(stream.stallTimeoutMs);
  const kind = allowedKind(stream, rules);
  checkKeys(stream);
  switch (kind) {
    case 'demo':
      return fileSource({ ...shared, path: DEMO_FILE, loop: true, seamless: true, realtime: true, sound });
    case 'file':
      return fileSource({ ...shared, path: stream.source, loop: stream.loop, realtime: true, deinterlace, sound });
    case 'rtsp':
      return rtspSource({
        ...shared,
        url: stream.source,
        transport: stream.transport,
        keepCoded,
        deinterlace,
        stallTimeout,
        verifyCertificate,
        guard,
        sound,
      });
    case 'whip':
      return new WhipSource({ ...shared, transport, stallTimeout, sound, keepCoded });
    case 'ffmpeg':
      return ffmpegSource({
        ...shared,
        url: withoutIngest(stream.source),
        deinterlace,
        stallTimeout,
        verifyCertificate,
        guard,
        env,
      });
  }
}

/** @throws FrameliftError `config.invalid` for a key that this source does not heed. */
function checkKeys(stream: StreamConfig): void {
  const [problem] = unheeded(stream);
  if (problem === undefined) return;
  throw new FrameliftError('config.invalid', problem, { remedy: 'Leave that key away.' });
}

/** The URL without our own `ingest` parameter. */
function withoutIngest(source: string): string {
  return source.replace(/([?&])ingest=ffmpeg(&|$)/, (_, before: string, after: string) => (after ? before : ''));
}

/**
 * Keys of a stream that only some sources heed. Elsewhere they would be accepted and do nothing, so
 * they are refused. Tells sources apart by their text alone. Pure.
 */
import type { StreamConfig } from './schema.ts';

/** The scheme of a source that is a URL, lower case; undefined for paths, devices, whip and demo. */
export function schemeOf(source: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(source)?.[1]?.toLowerCase();
}

/** What tells a source apart. */
export interface SourceText {
  readonly source: string;
  readonly ingest?: StreamConfig['ingest'] | undefined;
}

/** All of them. */
const KEYS = ['loop', 'deinterlace', 'ingest', 'transport', 'verifyCertificate', 'sourceVariant', 'onDemand'] as const;

/** A key that not every source heeds. */
export type SourceKey = (typeof KEYS)[number];

interface SourceKeyRule {
  /** The value that is no wish, and fits every source. */
  readonly idle: unknown;
  /** Another one that every source heeds. */
  readonly always?: unknown;
  /** Which sources heed it, for messages. */
  readonly heededBy: string;
  isHeeded(stream: SourceText): boolean;
}

const isRtsp = (source: string): boolean => ['rtsp', 'rtsps'].includes(schemeOf(source) ?? '');
const isDevice = (source: string): boolean => source.startsWith('/dev/video');

const RULES: Readonly<Record<SourceKey, SourceKeyRule>> = {
  loop: {
    idle: false,
    heededBy: 'files',
    isHeeded: ({ source }) => source !== 'whip' && schemeOf(source) === undefined && !isDevice(source),
  },
  deinterlace: {
    idle: 'auto',
    heededBy: 'files, RTSP and other URLs',
    isHeeded: ({ source }) => source !== 'whip' && source !== 'demo',
  },
  ingest: {
    idle: 'auto',
    heededBy: 'RTSP',
    isHeeded: ({ source }) => schemeOf(source) !== undefined || isDevice(source),
  },
  transport: {
    idle: 'tcp',
    heededBy: 'RTSP that is not read through ffmpeg',
    isHeeded: ({ source, ingest }) => isRtsp(source) && ingest !== 'ffmpeg',
  },
  sourceVariant: {
    idle: 'auto',
    always: 'encode',
    heededBy: 'RTSP that is not read through ffmpeg and WHIP',
    isHeeded: ({ source, ingest }) => source === 'whip' || (isRtsp(source) && ingest !== 'ffmpeg'),
  },
  onDemand: {
    idle: false,
    heededBy: 'sources that framelift opens itself, not WHIP,',
    isHeeded: ({ source }) => source !== 'whip',
  },
  verifyCertificate: {
    idle: true,
    heededBy: 'URLs that lead to TLS, such as rtsps and https',
    isHeeded: ({ source }) => ['rtsps', 'http', 'https', 'rtmps'].includes(schemeOf(source) ?? ''),
  },
};

/** Whether a stream's source heeds a key. */
export function heeds(stream: SourceText, key: SourceKey): boolean {
  return RULES[key].isHeeded(stream);
}

/** What a key is for, in words: which sources heed it. */
export function heededBy(key: SourceKey): string {
  return RULES[key].heededBy;
}

/** What a stream wishes and its source cannot heed: a line for each key. Empty when all is well. */
export function unheeded(stream: Pick<StreamConfig, 'name' | 'source' | SourceKey>): string[] {
  const wished = (key: SourceKey): boolean => stream[key] !== RULES[key].idle && stream[key] !== RULES[key].always;
  return KEYS.filter((key) => wished(key) && !heeds(stream, key)).map(
    (key) => `stream "${stream.name}": ${key} is ${stream[key]}, which only ${RULES[key].heededBy} heed`,
  );
}

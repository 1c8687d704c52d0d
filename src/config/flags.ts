/** The configuration of `serve`: the file, and the command line, which wins over it. */

import type { SourceVariantChoice } from '../egress/codec/passing.ts';
import { FrameliftError } from '../errors.ts';
import type { DeinterlaceChoice } from '../ingest/decode/deinterlacer.ts';
import type { ProviderChoice } from '../interp/providers/provider.ts';
import type { DelayChoice } from '../pairing/ahead.ts';
import type { CadenceChoice } from '../pairing/cadence.ts';
import { parseConfig, readConfigFile } from './parse.ts';
import type { ProfileName } from './profile.ts';
import type { Config, ConfigInput } from './schema.ts';
import { makeToken, type Role } from './secrets.ts';
import { heededBy, heeds, type SourceKey, type SourceText } from './source-keys.ts';

/** Output rate of the demo. */
const DEMO_FPS = 60;

/** What `serve` and `convert` share on the command line. */
export interface RateFlags {
  readonly fps?: number;
  readonly factor?: number;
  readonly model?: string;
  readonly profile?: ProfileName;
  readonly provider?: ProviderChoice;
  readonly threads?: number;
  readonly grain?: number;
}

/** What the command line says of `serve`. */
export interface ServeFlags extends RateFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly publicUrl?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly publishToken?: string;
  readonly playToken?: string;
  readonly adminToken?: string;
  readonly ingest?: 'auto' | 'ffmpeg';
  readonly transport?: 'tcp' | 'udp';
  readonly loop?: boolean;
  readonly deinterlace?: DeinterlaceChoice;
  readonly cadence?: CadenceChoice;
  readonly delay?: DelayChoice;
  /** False: `--no-audio`. */
  readonly audio?: boolean;
  /** Of streams that say nothing of it themselves. */
  readonly record?: boolean;
  readonly sourceVariant?: SourceVariantChoice;
  readonly onDemand?: boolean;
  readonly batch?: number;
  readonly latencyBudget?: number;
  readonly log?: string;
  readonly logFormat?: string;
  readonly watch?: boolean;
  readonly urlFile?: string;
}

/** On the command line in place of a token: one is generated. */
const GENERATE = 'generate';

/** The flags with tokens generated where that was asked for, and those tokens. */
export function generateTokens(flags: ServeFlags): {
  readonly flags: ServeFlags;
  readonly generated: readonly [Role, string][];
} {
  const { publishToken, playToken, adminToken } = flags;
  const asked = { publish: publishToken, play: playToken, admin: adminToken };
  const roles = (['publish', 'play', 'admin'] as const).filter((role) => asked[role] === GENERATE);
  const generated = roles.map((role): [Role, string] => [role, makeToken()]);
  return {
    flags: { ...flags, ...Object.fromEntries(generated.map(([role, token]) => [`${role}Token`, token])) },
    generated,
  };
}

/**
 * Reads the file, if there is one, and puts the command line over it.
 * @throws FrameliftError `config.invalid`.
 */
export function configFromFlags(sources: readonly string[], flags: ServeFlags): Config {
  const file: ConfigInput = flags.config ? readConfigFile(flags.config) : {};
  return parseConfig(
    {
      ...file,
      server: {
        ...file.server,
        ...(flags.host ? { host: flags.host } : {}),
        ...(flags.port === undefined ? {} : { port: flags.port }),
        publicUrls: [...(file.server?.publicUrls ?? []), ...(flags.publicUrl ?? [])],
        ...tls(file, flags),
      },
      auth: {
        publish: [...(file.auth?.publish ?? []), ...(flags.publishToken ? [flags.publishToken] : [])],
        play: [...(file.auth?.play ?? []), ...(flags.playToken ? [flags.playToken] : [])],
        admin: [...(file.auth?.admin ?? []), ...(flags.adminToken ? [flags.adminToken] : [])],
      },
      engine: {
        ...file.engine,
        ...(flags.model ? { model: flags.model } : {}),
        ...(flags.provider ? { provider: flags.provider } : {}),
        ...(flags.threads === undefined ? {} : { threads: flags.threads }),
        ...(flags.batch === undefined ? {} : { batch: flags.batch }),
        ...(flags.grain === undefined ? {} : { grain: flags.grain }),
      },
      ...(flags.log ? { log: flags.log } : {}),
      ...(flags.logFormat ? { logFormat: flags.logFormat } : {}),
      streams: streamsOf(sources, flags, file.streams),
    },
    'command line',
  );
}

function tls(file: ConfigInput, { tlsCert, tlsKey }: ServeFlags): object {
  if (tlsCert === undefined && tlsKey === undefined) return {};
  const { cert, key } = file.server?.tls ?? {};
  return { tls: { cert: tlsCert ?? cert, key: tlsKey ?? key } };
}

/**
 * Streams of the file and then those of the command line; the demo where neither says anything of
 * streams. An empty list of the file means none: the API adds them. Rates and the like of the
 * command line are for all.
 */
function streamsOf(sources: readonly string[], flags: ServeFlags, fromFile: ConfigInput['streams']): object[] {
  const configured = fromFile ?? [];
  const named = sources.map((text) => {
    const match = /^([A-Za-z0-9_-]{1,64})=(.+)$/s.exec(text);
    return match ? { name: match[1], source: match[2] ?? '' } : { source: text };
  });
  const nothing = named.length === 0 && fromFile === undefined;
  const given = nameStreams(
    nothing ? [{ source: 'demo' }] : named,
    configured.map((stream) => stream.name),
  );
  const rate = flags.fps !== undefined || flags.factor !== undefined;
  const changes = {
    ...(rate ? { fps: flags.fps, factor: flags.factor } : {}),
    ...(flags.latencyBudget === undefined ? {} : { latencyBudgetMs: flags.latencyBudget }),
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    ...(flags.cadence === undefined ? {} : { cadence: flags.cadence }),
    ...(flags.delay === undefined ? {} : { delay: flags.delay }),
    ...(flags.audio === false ? { audio: false } : {}),
    ...(flags.sourceVariant === 'encode' ? { sourceVariant: flags.sourceVariant } : {}),
  };
  const all = [...configured, ...given];
  const wishes = sourceWishes(flags, all);
  return all.map((stream) => {
    const profiled = flags.profile !== undefined || 'profile' in stream;
    return {
      ...(stream.source === 'demo' && !rate && !profiled && !('factor' in stream) ? { fps: DEMO_FPS } : {}),
      ...(flags.record ? { record: true } : {}),
      ...stream,
      ...changes,
      ...wishes(stream),
      // It wins over the profile's model, too.
      ...(profiled && flags.model ? { model: flags.model } : {}),
    };
  });
}

/**
 * What the command line wishes of those sources that heed it.
 * @throws FrameliftError `config.invalid` for a flag that none of them heeds.
 */
function sourceWishes(
  { loop, deinterlace, ingest, transport, sourceVariant, onDemand }: ServeFlags,
  streams: readonly SourceText[],
): (stream: SourceText) => object {
  const wished: [SourceKey, unknown][] = [];
  if (loop) wished.push(['loop', loop]);
  if (onDemand) wished.push(['onDemand', onDemand]);
  if (deinterlace !== undefined) wished.push(['deinterlace', deinterlace]);
  if (sourceVariant === 'pass' || sourceVariant === 'auto') wished.push(['sourceVariant', sourceVariant]);
  if (ingest !== undefined) wished.push(['ingest', ingest]);
  if (transport !== undefined) wished.push(['transport', transport]);
  const taken = (stream: SourceText): SourceText => ({ ...stream, ingest: ingest ?? stream.ingest });
  for (const [key] of wished) {
    if (streams.length === 0 || streams.some((stream) => heeds(taken(stream), key))) continue;
    const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new FrameliftError('config.invalid', `--${flag}: no source here heeds it, only ${heededBy(key)} do`, {
      remedy: `Leave --${flag} away.`,
    });
  }
  return (stream) => Object.fromEntries(wished.filter(([key]) => heeds(taken(stream), key)));
}

/**
 * Gives unnamed sources their names: `demo` for the demo, else `live`, `live2`, …, none that is
 * `alreadyTaken`.
 */
function nameStreams(
  sources: readonly { name?: string | undefined; source: string }[],
  alreadyTaken: readonly string[] = [],
): { name: string; source: string }[] {
  const taken = new Set([...alreadyTaken, ...sources.flatMap((s) => s.name ?? [])]);
  return sources.map(({ name, source }) => {
    if (name !== undefined) return { name, source };
    const base = source === 'demo' ? 'demo' : 'live';
    let free = base;
    for (let n = 2; taken.has(free); n++) free = `${base}${n}`;
    taken.add(free);
    return { name: free, source };
  });
}

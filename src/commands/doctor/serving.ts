/** Tries what a configuration names, as `serve` would use it: addresses, certificate, tokens, models and sources. */
import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { createServer } from 'node:net';
import type { Config, StreamConfig } from '../../config/schema.ts';
import { checkPublishers, resolveTokens } from '../../config/secrets.ts';
import { selectEncoder } from '../../egress/codec/hardware/trial.ts';
import { messageOf, redactUrl } from '../../errors.ts';
import type { SourceInfo } from '../../ingest/source.ts';
import { EnginePool } from '../../interp/engine/pool.ts';
import { ProviderTrials } from '../../interp/providers/trial.ts';
import { SILENT_LOG } from '../../log.ts';
import { Arena } from '../../media/arena.ts';
import { noEvents } from '../../metrics/events.ts';
import { readCertificate } from '../../server/certificate.ts';
import { makeSource, sourceRules } from '../../stream/make-source.ts';
import { type Clock, fromMs, minus, plus, systemClock, toMs, toSeconds } from '../../time.ts';
import { IcePort } from '../../webrtc/ice/port.ts';
import { type Finding, failed } from './finding.ts';
import { encoderFinding } from './machine.ts';

/** A source has so long to bring its first frame. */
const FIRST_FRAME_TIMEOUT = fromMs(10_000);
/** A certificate that ends sooner is worth a word. */
const CERTIFICATE_NOTICE_DAYS = 14;
const DAY_MS = 86_400_000;

const PLAY_IT = 'Try it with another program, such as ffplay, on this machine.';

type Environment = Readonly<Record<string, string | undefined>>;

/** Tries everything that a configuration names. Never throws. */
export async function examineServing(config: Config, env: Environment): Promise<Finding[]> {
  const { host, port, tls } = config.server;
  return [
    tokens(config, env),
    await listening(host, port),
    await networkPort(config),
    ...(tls ? [certificate(tls)] : []),
    ...(await Promise.all(namedHosts(config).map(([key, name]) => resolvable(key, name)))),
    ...(await encoder(config)),
    ...(await models(config)),
    ...(await sources(config, env)),
  ];
}

function tokens({ auth, streams }: Config, env: Environment): Finding {
  try {
    const resolved = resolveTokens(auth, env);
    checkPublishers(streams, resolved);
    const { publish, play, admin } = resolved;
    const detail = `${publish.length} to publish, ${play.length} to play${play.length === 0 ? ' (open to all)' : ''}, ${admin.length} for everything`;
    return { what: 'tokens', level: 'ok', detail };
  } catch (thrown) {
    return failed('tokens', 'wrong', thrown, 'config.invalid');
  }
}

/** Whether a TCP port can be listened on. */
export function listening(host: string, port: number): Promise<Finding> {
  const what = `${host}:${port}`;
  const wrong = (detail: string, remedy: string): Finding => ({ what, level: 'wrong', detail, remedy });
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    return Promise.resolve(wrong(`${port} is no port`, 'Give a number from 0 to 65535.'));
  }
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'EADDRINUSE'
          ? wrong('is taken, perhaps by a framelift', `Stop what listens there, or serve with --port ${port + 1}.`)
          : wrong(`cannot be used (${error.code})`, 'Serve with a --host of this machine, and a --port above 1023.'),
      ),
    );
    probe.listen(port, host, () => probe.close(() => resolve({ what, level: 'ok', detail: 'is free' })));
  });
}

/** Opens the port of WebRTC as serve would, UDP and TCP at every address that it needs. */
async function networkPort({ server: { host }, webrtc }: Config): Promise<Finding> {
  const { port, portRange, advertisedHosts } = webrtc;
  try {
    await using opened = await IcePort.open({ host, port, portRange, advertisedHosts, clock: systemClock });
    const addresses = opened.sockets.map(({ local }) => local.address).join(', ');
    const which = port ?? (portRange ? `${opened.number}, of ${portRange.join('–')}` : 'any that is free');
    return { what: 'WebRTC port', level: 'ok', detail: `${which}, UDP and TCP at ${addresses}` };
  } catch (thrown) {
    return failed('WebRTC port', 'wrong', thrown, 'webrtc.no-port');
  }
}

function certificate(files: NonNullable<Config['server']['tls']>): Finding {
  const what = 'certificate';
  try {
    const { subject, subjectAltName = subject, validTo, validFrom } = new X509Certificate(readCertificate(files).cert);
    const now = toMs(systemClock.wall());
    const days = Math.floor((Date.parse(validTo) - now) / DAY_MS);
    const detail = `for ${subjectAltName}, until ${validTo}`;
    const remedy = 'Renew it.';
    const valid = days >= 0 && Date.parse(validFrom) <= now;
    if (!valid) return { what, level: 'wrong', detail: `not valid now: ${detail}`, remedy };
    return { what, level: 'ok', detail, ...(days < CERTIFICATE_NOTICE_DAYS ? { remedy } : {}) };
  } catch (thrown) {
    return failed(what, 'wrong', thrown, 'config.invalid');
  }
}

/** Host names of other machines that the configuration gives, with their keys. */
function namedHosts({ webrtc }: Config): [string, string][] {
  const servers = webrtc.iceServers.flatMap(({ urls }) => urls);
  return [
    ...webrtc.advertisedHosts.map((name): [string, string] => ['advertised host', name]),
    ...servers.map((url): [string, string] => [
      'ICE server',
      new URL(`http://${url.split(':').slice(1).join(':')}`).hostname,
    ]),
  ];
}

async function resolvable(key: string, name: string): Promise<Finding> {
  const what = `${key} ${name}`;
  try {
    const { address } = await lookup(name.replace(/^\[|\]$/g, ''));
    return { what, level: 'ok', detail: address === name ? 'an address' : address };
  } catch (thrown) {
    return {
      what,
      level: 'wrong',
      detail: messageOf(thrown),
      remedy: 'Give an address, or a name that resolves here.',
    };
  }
}

/** Tries the encoder that the configuration names, where it needs hardware. */
async function encoder({ encoder: wanted }: Config): Promise<Finding[]> {
  if (wanted === 'x264') return [];
  return [{ ...encoderFinding(await selectEncoder(wanted), 'wrong'), what: `encoder ${wanted} as configured` }];
}

/** Starts every model that the configuration names, on the provider that it asks for, as its streams would. */
async function models({ engine, streams }: Config): Promise<Finding[]> {
  const names = new Set([engine.model, ...streams.flatMap(({ model }) => model ?? [])]);
  names.delete('auto');
  const trials = new ProviderTrials({ threads: engine.threads });
  const { threads, grain } = engine;
  await using pool = new EnginePool({
    ...{ arena: new Arena(256), clock: systemClock, events: noEvents, threads },
    ...(grain === undefined ? {} : { grain }),
    provide: async (model) => (await trials.select(model, engine.provider)).provider,
  });
  const findings: Finding[] = [];
  for (const name of names) {
    const what = `${name} as configured`;
    try {
      const { provider, tiers, release } = await pool.acquire(name);
      await tiers[0]?.warmUp(128, 96);
      release();
      findings.push({ what, level: 'ok', detail: `runs on ${provider}` });
    } catch (thrown) {
      findings.push(failed(what, 'wrong', thrown, 'model.invalid'));
    }
  }
  return findings;
}

async function sources(config: Config, env: Environment): Promise<Finding[]> {
  const arena = new Arena(config.arenaMb);
  return Promise.all(config.streams.map((stream) => source(stream, config, { arena, env, clock: systemClock })));
}

interface SourceTrialDeps {
  readonly arena: Arena;
  readonly env: Environment;
  readonly clock: Clock;
}

/** Connects to a source and waits for one frame. */
async function source(stream: StreamConfig, config: Config, deps: SourceTrialDeps): Promise<Finding> {
  const what = `stream ${stream.name}`;
  const label = redactUrl(stream.source);
  if (stream.source === 'whip') return { what, level: 'ok', detail: 'waits for a publisher' };
  const { arena, env, clock } = deps;
  const stop = new AbortController();
  const began = clock.now();
  const cancel = clock.at(plus(began, FIRST_FRAME_TIMEOUT), () => stop.abort());
  let info: SourceInfo | undefined;
  let first: string | undefined;
  try {
    const rules = sourceRules(config, 'operator');
    const made = makeSource(stream, { rules, arena, clock, events: noEvents, env, transport: {}, log: SILENT_LOG });
    await made.run(
      {
        info: (told) => {
          info = told;
        },
        frame: (frame) => {
          const { width, height } = frame;
          first ??= `${width} × ${height}, first frame after ${toSeconds(minus(clock.now(), began)).toFixed(1)} s`;
          frame.release();
          stop.abort();
        },
      },
      stop.signal,
    );
  } catch (thrown) {
    // A source that ends while it is being stopped has shown what was asked for.
    if (first === undefined) return { remedy: PLAY_IT, ...failed(what, 'wrong', thrown, 'source.protocol') };
  } finally {
    cancel();
  }
  if (first === undefined) {
    const detail = `${label}: connected, and no frame came within ${toSeconds(FIRST_FRAME_TIMEOUT)} s`;
    return { what, level: 'wrong', detail, remedy: PLAY_IT };
  }
  return {
    what,
    level: 'ok',
    detail: `${label}: ${info?.codec ?? 'video'} over ${info?.transport ?? 'ffmpeg'}, ${first}`,
  };
}

/** Looks at the machine: what framelift needs, what is there, and how to get the rest. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { asFrameliftError } from '../errors.ts';
import { findFfmpeg } from '../ingest/ffmpeg/source.ts';
import { InterpEngine } from '../interp/engine/engine.ts';
import { findModel, readManifest } from '../interp/models/manifest.ts';
import type { ProviderVerdict } from '../interp/providers/provider.ts';
import { ProviderTrials } from '../interp/providers/trial.ts';
import { Arena } from '../media/arena.ts';
import { noEvents } from '../metrics/events.ts';
import { DEMO_FILE } from '../stream/make-source.ts';
import { systemClock } from '../time.ts';

/** One thing looked at. */
export interface Finding {
  readonly what: string;
  /** `missing` is needed for the main job; `optional` adds something. */
  readonly level: 'ok' | 'optional' | 'missing';
  readonly detail: string;
  /** How to get it. */
  readonly remedy?: string;
}

/** Options of {@link examine}. */
export interface ExamineOptions {
  /** The port that `serve` would listen on. */
  readonly port: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Looks at everything; never throws. */
export async function examine(options: ExamineOptions): Promise<Finding[]> {
  const findings: Finding[] = [node(), cores(), ffmpeg(options.env), demo()];
  findings.push(...(await models()));
  findings.push(...(await providers()), await port(options.port));
  return findings;
}

function node(): Finding {
  const [major = 0] = process.versions.node.split('.').map(Number);
  return major >= 24
    ? { what: 'node', level: 'ok', detail: process.version }
    : { what: 'node', level: 'missing', detail: process.version, remedy: 'Start with npm start, which uses Node 24.' };
}

function cores(): Finding {
  return { what: 'cpu', level: 'ok', detail: `${availableParallelism()} cores` };
}

function ffmpeg(env: ExamineOptions['env']): Finding {
  try {
    const { path, origin } = findFfmpeg(env);
    return { what: 'ffmpeg', level: 'ok', detail: `${path} (${origin}); used for SRT, RTMP, HLS, UDP, V4L2` };
  } catch (thrown) {
    const error = asFrameliftError(thrown, 'ffmpeg.missing');
    return {
      what: 'ffmpeg',
      level: 'optional',
      detail: 'not found; RTSP, files and the demo work without it',
      remedy: error.remedy ?? error.message,
    };
  }
}

function demo(): Finding {
  return existsSync(DEMO_FILE)
    ? { what: 'demo', level: 'ok', detail: 'the built-in video is there' }
    : { what: 'demo', level: 'missing', detail: DEMO_FILE, remedy: 'Check the files out again.' };
}

/** Loads every model of the manifest and runs it once on a small pair. */
async function models(): Promise<Finding[]> {
  try {
    const specs = await readManifest();
    const findings: Finding[] = [];
    for (const spec of specs) {
      const arena = new Arena(64);
      try {
        await using engine = await InterpEngine.start({ arena, clock: systemClock, events: noEvents, model: spec });
        await engine.warmUp(128, 96);
        findings.push({ what: `model ${spec.id}`, level: 'ok', detail: `${spec.kind} ${spec.precision}, runs on cpu` });
      } catch (thrown) {
        const error = asFrameliftError(thrown, 'model.invalid');
        const remedy = error.remedy ?? 'Check the files out again, or choose another model.';
        findings.push({ what: `model ${spec.id}`, level: 'missing', detail: error.message, remedy });
      }
    }
    return findings;
  } catch (thrown) {
    const error = asFrameliftError(thrown, 'model.invalid');
    return [{ what: 'models', level: 'missing', detail: error.message, remedy: 'Check the files out again.' }];
  }
}

/** Networks that providers are tried on: the default flow model, and the smallest one that does everything inside the graph. */
const TRIED = ['flow-s', 'dvf'];

/** Tries every provider as `--provider auto` does, on both kinds of network. */
async function providers(): Promise<Finding[]> {
  const trials = new ProviderTrials();
  const findings: Finding[] = [];
  for (const id of TRIED) {
    try {
      const { provider, verdicts } = await trials.examine(await findModel(id));
      findings.push(...verdicts.map((verdict) => providerFinding(id, verdict, verdict.provider === provider)));
    } catch (thrown) {
      const { message, remedy = 'Check the files out again.' } = asFrameliftError(thrown, 'engine.failed');
      findings.push({ what: `${id} on cpu`, level: 'missing', detail: message, remedy });
    }
  }
  return findings;
}

function providerFinding(model: string, verdict: ProviderVerdict, taken: boolean): Finding {
  const { provider, state, detail, remedy } = verdict;
  return {
    what: `${model} on ${provider}`,
    level: state === 'works' ? 'ok' : provider === 'cpu' ? 'missing' : 'optional',
    detail: taken ? `taken by --provider auto: ${detail}` : detail,
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function port(number: number): Promise<Finding> {
  const missing = (detail: string, remedy: string): Finding => ({ what: 'port', level: 'missing', detail, remedy });
  if (!(Number.isInteger(number) && number >= 0 && number <= 65_535)) {
    return Promise.resolve(missing(`${number} is no port`, 'Give a number from 0 to 65535.'));
  }
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'EADDRINUSE'
          ? missing(`${number} is taken`, `Stop what listens there, or serve with --port ${number + 1}.`)
          : missing(`${number} cannot be used (${error.code})`, 'Serve with a --port above 1023.'),
      ),
    );
    probe.listen(number, '127.0.0.1', () =>
      probe.close(() => resolve({ what: 'port', level: 'ok', detail: `${number} is free` })),
    );
  });
}

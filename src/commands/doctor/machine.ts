/** Looks at the machine: what framelift needs, what is there, and how to get the rest. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ENCODER_CHOICES } from '../../egress/codec/encoder-name.ts';
import { type EncoderSelection, selectEncoder } from '../../egress/codec/hardware/trial.ts';
import { asFrameliftError } from '../../errors.ts';
import { findFfmpeg } from '../../ingest/ffmpeg/source.ts';
import { InterpEngine } from '../../interp/engine/engine.ts';
import { findModel, readManifest } from '../../interp/models/manifest.ts';
import type { ProviderVerdict } from '../../interp/providers/provider.ts';
import { ProviderTrials } from '../../interp/providers/trial.ts';
import { Arena } from '../../media/arena.ts';
import { noEvents } from '../../metrics/events.ts';
import { DEMO_FILE } from '../../stream/make-source.ts';
import { systemClock } from '../../time.ts';
import type { Finding } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Looks at what this machine has, whatever framelift is to serve. Never throws. */
export async function examineMachine(env: Environment): Promise<Finding[]> {
  return [
    node(),
    cores(),
    examineFfmpeg(env),
    demo(),
    ...(await models()),
    ...(await providers()),
    ...(await encoders()),
  ];
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

/** Looks for the ffmpeg program. Never throws. */
export function examineFfmpeg(env: Environment): Finding {
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

/** Tries every encoder as `encoder` in the configuration does. */
async function encoders(): Promise<Finding[]> {
  const selections = await Promise.all(ENCODER_CHOICES.map((choice) => selectEncoder(choice)));
  return selections.map((selection) => encoderFinding(selection));
}

/** A finding of an encoder that was asked for, or might be. @param level of one that does not work. */
export function encoderFinding(
  { wanted, encoder, detail, remedy }: EncoderSelection,
  level: 'optional' | 'wrong' = 'optional',
): Finding {
  const what = `encoder ${wanted}`;
  return { what, level: encoder === wanted ? 'ok' : level, detail, ...(remedy === undefined ? {} : { remedy }) };
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

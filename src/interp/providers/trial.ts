/**
 * Tries providers, each in a child process with a time limit, and remembers what came of it while
 * this process lives.
 */
import { fileURLToPath } from 'node:url';
import { type Log, SILENT_LOG } from '../../log.ts';
import { readModel } from '../models/file.ts';
import type { ModelSpec } from '../models/manifest.ts';
import type { ReferenceModel } from '../models/reference.ts';
import { askChild } from './child-probe.ts';
import { absence } from './files.ts';
import {
  chooseProvider,
  explainFailure,
  PROVIDERS,
  type Provider,
  type ProviderChoice,
  type ProviderSelection,
  type Sample,
  type Trial,
} from './provider.ts';

const PROBE = fileURLToPath(new URL('./probe.ts', import.meta.url));
/**
 * How long a trial may take: what needs longer for a few small frames is of no use live. TensorRT
 * builds an engine for the network first.
 */
const TIMEOUT_MS = { cpu: 30_000, webgpu: 30_000, cuda: 30_000, tensorrt: 300_000 } as const;

/** What a child is asked. */
export interface ProbeRequest {
  readonly provider: Provider;
  readonly model: ModelSpec;
  readonly threads: number;
}

/** What it answers. */
export type ProbeReply = { readonly sample: Sample } | { readonly failure: string };

/** Options of {@link ProviderTrials}. */
export interface ProviderTrialsOptions {
  /** Threads of one inference. Default 1. */
  readonly threads?: number;
  /** Script of the child processes, for tests. */
  readonly script?: string;
  /** Time limit of each trial, for tests. Default: 30 s, five minutes for TensorRT. */
  readonly limitMs?: number;
  /** Gets the result of each trial at `debug`. Default: nothing. */
  readonly log?: Log;
}

/**
 * Trials of providers on models. Each provider is tried once for each network: driver and ONNX
 * Runtime stay the same while the process lives.
 */
export class ProviderTrials {
  readonly #options: ProviderTrialsOptions;
  /** By provider and `ModelFile.sha256`. */
  readonly #trials = new Map<string, Promise<Trial>>();
  readonly #selections = new Map<string, ProviderSelection>();

  constructor(options: ProviderTrialsOptions = {}) {
    this.#options = options;
  }

  /**
   * The provider for a model. `cpu` and reference models need no trial; the CPU is tried where
   * there is something to compare with it.
   * @throws FrameliftError `provider.unusable` when a named one cannot run the model, `model.*`.
   */
  async select(model: ModelSpec | ReferenceModel, wanted: ProviderChoice): Promise<ProviderSelection> {
    const selection = typeof model === 'string' ? withoutNetwork(model, wanted) : await this.#choose(model, wanted);
    this.#selections.set(selection.model, selection);
    return selection;
  }

  /** The last selection for each model. */
  get selections(): readonly ProviderSelection[] {
    return [...this.#selections.values()];
  }

  async #choose(model: ModelSpec, wanted: ProviderChoice): Promise<ProviderSelection> {
    const candidates = wanted === 'auto' ? PROVIDERS.filter((p) => p !== 'cpu') : wanted === 'cpu' ? [] : [wanted];
    const trials = new Map<Provider, Trial>();
    for (const provider of candidates) trials.set(provider, await this.#tried(provider, model));
    if ([...trials.values()].some((trial) => 'sample' in trial)) trials.set('cpu', await this.#tried('cpu', model));
    return chooseProvider({ model: model.id, wanted, trials });
  }

  /**
   * As {@link ProviderTrials.select} with `auto`, but tries the CPU in any case: for reports.
   * @throws FrameliftError `model.*`.
   */
  async examine(model: ModelSpec): Promise<ProviderSelection> {
    const trials = new Map<Provider, Trial>();
    // One after the other: they would slow each other down.
    for (const provider of PROVIDERS) trials.set(provider, await this.#tried(provider, model));
    return chooseProvider({ model: model.id, wanted: 'auto', trials });
  }

  async #tried(provider: Provider, model: ModelSpec): Promise<Trial> {
    const { sha256 } = await readModel(model);
    const key = `${provider} ${sha256}`;
    const known = this.#trials.get(key) ?? this.#try(provider, { ...model, sha256 });
    this.#trials.set(key, known);
    return known;
  }

  async #try(provider: Provider, model: ModelSpec): Promise<Trial> {
    const { script = PROBE, limitMs = TIMEOUT_MS[provider], threads = 1, log = SILENT_LOG } = this.#options;
    const absent = absence(provider);
    const trial = absent ? { refusal: absent } : await runProbe({ provider, model, threads }, script, limitMs);
    log.debug({ provider, model: model.id, ...resultOf(trial) }, 'provider tried');
    return trial;
  }
}

/** What a trial came to, for the log. */
function resultOf(trial: Trial): object {
  if ('refusal' in trial) return trial.refusal;
  const { pairMs, confidence } = trial.sample;
  return { pairMs, confidence };
}

function withoutNetwork(model: ReferenceModel, wanted: ProviderChoice): ProviderSelection {
  return {
    model,
    wanted,
    provider: 'cpu',
    verdicts: [{ provider: 'cpu', state: 'works', detail: `${model} has no network` }],
  };
}

async function runProbe(request: ProbeRequest, script: string, limitMs: number): Promise<Trial> {
  const outcome = await askChild<ProbeReply>(script, request, { limitMs, awaited: 'frame' });
  if ('ended' in outcome) {
    const started = !outcome.ended.startsWith('its test could not');
    const remedy = { remedy: 'Update the driver, or use another provider.' };
    return { refusal: { reason: outcome.ended, ...(started ? remedy : {}) } };
  }
  const { reply, log } = outcome;
  return 'sample' in reply ? reply : { refusal: explainFailure(request.provider, reply.failure, log) };
}

/**
 * Execution providers: which there are, when two agree, and which one is taken. Pure: what was
 * tried comes in as trials.
 */
import { FrameliftError } from '../../errors.ts';

/** Execution providers of ONNX Runtime that framelift knows. */
export const PROVIDERS = ['cpu', 'webgpu', 'cuda', 'tensorrt'] as const;
/** One of {@link PROVIDERS}. */
export type Provider = (typeof PROVIDERS)[number];
/** What a person may ask for. */
export const PROVIDER_CHOICES = ['auto', ...PROVIDERS] as const;
/**
 * One of {@link PROVIDER_CHOICES}: a provider, or the fastest that gives the frames of the CPU.
 */
export type ProviderChoice = (typeof PROVIDER_CHOICES)[number];

/** What a provider made of the test pair. */
export interface Sample {
  /** Planes of the interpolated frame without gaps: luma, then both of chroma. */
  readonly planes: readonly Uint8Array[];
  /** As in `InterpResult`. */
  readonly confidence: number | undefined;
  /**
   * Milliseconds for a pair of 640 × 360, search and warp included: the median of a few. Undefined:
   * a much smaller one already took too long.
   */
  readonly pairMs: number | undefined;
}

/** Why a provider cannot be used. */
export interface Refusal {
  readonly reason: string;
  readonly remedy?: string | undefined;
}

/** What came of trying a provider. */
export type Trial = { readonly sample: Sample } | { readonly refusal: Refusal };

/** What is known of one provider, for people. */
export interface ProviderVerdict {
  readonly provider: Provider;
  /** `works`: agrees with the CPU. `untried`: nothing depended on it. */
  readonly state: 'works' | 'unusable' | 'untried';
  /** Why it was taken, or was not. */
  readonly detail: string;
  readonly remedy?: string;
  /** As in {@link Sample}. */
  readonly pairMs?: number;
  /** Mean difference from the CPU's frame in grey levels, of the plane that differs most. */
  readonly difference?: number;
}

/** The provider that was taken for a model, and why each other one was not. */
export interface ProviderSelection {
  readonly model: string;
  readonly wanted: ProviderChoice;
  readonly provider: Provider;
  readonly verdicts: readonly ProviderVerdict[];
}

/**
 * Grey levels by which a plane may differ from the CPU's on average. Another order of summation
 * changes next to nothing (flow-s on software Vulkan: 0.00); fp16 and TF32 move a vector by a
 * hundredth of a sample, which rounds some pixels to the next level. A provider that computes
 * something else (no motion, another part left out) is off by more on the test pair, which is
 * textured and moves everywhere.
 */
const TOLERANCE = 0.25;
/** Confidences may differ by so much: they decide whether a frame is shown. */
const CONFIDENCE_TOLERANCE = 0.05;

/**
 * Mean absolute difference of the plane that differs most, in grey levels; infinite when sizes
 * differ.
 */
export function difference(a: readonly Uint8Array[], b: readonly Uint8Array[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...a.map((plane, i) => meanDifference(plane, b[i] ?? new Uint8Array(0))));
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum / a.length;
}

/** Why a sample is not the CPU's; undefined when it is. */
function disagreement(sample: Sample, cpu: Sample): string | undefined {
  const levels = difference(sample.planes, cpu.planes);
  if (!(levels <= TOLERANCE)) {
    return `its frame differs from the CPU's by ${levels.toFixed(2)} grey levels on average; ${TOLERANCE} are allowed`;
  }
  const apart = Math.abs((sample.confidence ?? 0) - (cpu.confidence ?? 0));
  if (!(apart <= CONFIDENCE_TOLERANCE)) {
    return `its confidence is ${sample.confidence?.toFixed(3)}, the CPU's ${cpu.confidence?.toFixed(3)}`;
  }
  return undefined;
}

/** What a trial says of its provider, compared with the CPU's. */
function judge(provider: Provider, trial: Trial | undefined, cpu: Trial | undefined): ProviderVerdict {
  if (!trial) return { provider, state: 'untried', detail: 'not needed for the choice' };
  if ('refusal' in trial) {
    const { reason, remedy } = trial.refusal;
    return { provider, state: 'unusable', detail: reason, ...(remedy === undefined ? {} : { remedy }) };
  }
  const { pairMs, planes } = trial.sample;
  if (!cpu || 'refusal' in cpu) {
    const why = cpu ? `: ${cpu.refusal.reason}` : '';
    return { provider, state: 'unusable', detail: `there is no frame of the CPU to compare with${why}` };
  }
  const time = pairMs === undefined ? {} : { pairMs };
  const known = { provider, ...time, difference: difference(planes, cpu.sample.planes) };
  const wrong = disagreement(trial.sample, cpu.sample);
  return wrong === undefined
    ? { ...known, state: 'works', detail: speed(pairMs) }
    : { ...known, state: 'unusable', detail: wrong, remedy: 'Update the driver, or use another provider.' };
}

function speed(pairMs: number | undefined): string {
  return pairMs === undefined ? 'far too slow for live video' : `${pairMs.toFixed(1)} ms for the test pair`;
}

/** `--provider` as a person gave it, and the trials that were made for it. */
export interface ChoiceInput {
  readonly model: string;
  readonly wanted: ProviderChoice;
  /** Providers that were tried, with what came of it. */
  readonly trials: ReadonlyMap<Provider, Trial>;
}

/**
 * Takes the wanted provider; of `auto`, the fastest that agrees with the CPU, and the CPU where
 * none does.
 * @throws FrameliftError `provider.unusable` when a named one is absent, fails or disagrees: never
 * another one in its place.
 */
export function chooseProvider({ model, wanted, trials }: ChoiceInput): ProviderSelection {
  const judged = PROVIDERS.map((provider) => judge(provider, trials.get(provider), trials.get('cpu')));
  const works = judged.filter((verdict) => verdict.state === 'works');
  if (wanted === 'auto') {
    const [fastest] = works
      .filter((verdict) => verdict.pairMs !== undefined)
      .toSorted((a, b) => (a.pairMs ?? 0) - (b.pairMs ?? 0));
    const provider = fastest?.provider ?? 'cpu';
    return { model, wanted, provider, verdicts: judged.map((v) => (v.provider === provider ? taken(v, works) : v)) };
  }
  const named = judged.find((verdict) => verdict.provider === wanted);
  if (wanted !== 'cpu' && named?.state !== 'works') {
    throw new FrameliftError('provider.unusable', `provider "${wanted}" cannot run ${model}: ${named?.detail}`, {
      remedy: `${named?.remedy ?? 'Fix what it says.'} Or let framelift choose: --provider auto (engine.provider).`,
    });
  }
  return {
    model,
    wanted,
    provider: wanted,
    verdicts: judged.map((v) => (v.provider === wanted ? { ...v, detail: 'asked for' } : v)),
  };
}

function taken(verdict: ProviderVerdict, works: readonly ProviderVerdict[]): ProviderVerdict {
  if (verdict.state === 'unusable') return verdict;
  const others = works.filter((other) => other.provider !== verdict.provider);
  const detail = others.length === 0 ? 'no other one works' : 'the fastest that agrees with the CPU';
  return { ...verdict, detail: verdict.state === 'works' ? `${detail}, ${speed(verdict.pairMs)}` : detail };
}

/** One line about each provider, the taken one first. */
export function describeSelection({ provider, verdicts }: ProviderSelection): string[] {
  const first = verdicts.filter((v) => v.provider === provider);
  const rest = verdicts.filter((v) => v.provider !== provider);
  return [...first, ...rest].map((v) => `${v.provider}: ${v.state === 'unusable' ? 'not usable: ' : ''}${v.detail}`);
}

/** A missing library in what the dynamic loader says. */
const MISSING_LIBRARY = /(lib[\w.+-]+\.so[\w.]*): cannot open shared object file/;

/**
 * What a provider's failure means and what helps. @param message of the error. @param log what ONNX
 * Runtime wrote beside it, which names the libraries that are missing.
 */
export function explainFailure(provider: Provider, message: string, log: string): Refusal {
  const missing = log.match(new RegExp(MISSING_LIBRARY, 'g'))?.at(-1)?.match(MISSING_LIBRARY)?.[1];
  if ((provider === 'cuda' || provider === 'tensorrt') && missing !== undefined) {
    return { reason: `the library ${missing} is missing`, remedy: CUDA_NEEDS[provider] };
  }
  if (provider === 'webgpu' && /adapter/i.test(message)) {
    return {
      reason: 'no Vulkan driver offers a GPU',
      remedy: "Install a GPU's Vulkan driver, and libvulkan1.",
    };
  }
  const line = message.split('\n').find((l) => l.trim() !== '') ?? 'it failed without a word';
  return { reason: line.trim().slice(0, 300) };
}

/** What CUDA and TensorRT need besides ONNX Runtime's own libraries (1.30, built for CUDA 12). */
export const CUDA_NEEDS = {
  cuda: 'Install an NVIDIA driver, CUDA 12 (cudart, cublas, cufft, curand, nvrtc) and cuDNN 9, and let the loader find them (ldconfig or LD_LIBRARY_PATH).',
  tensorrt:
    'Install TensorRT 10 besides an NVIDIA driver, CUDA 12 and cuDNN 9, and let the loader find them (ldconfig or LD_LIBRARY_PATH).',
} as const;

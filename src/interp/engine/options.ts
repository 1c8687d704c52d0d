/** What an engine is started with, and what follows from it. Pure. */
import type { DropPolicy } from '../../bounded-queue.ts';
import { FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Arena } from '../../media/arena.ts';
import type { EventSink } from '../../metrics/events.ts';
import type { Clock } from '../../time.ts';
import { HALF, type ModelSpec } from '../models/manifest.ts';
import type { ReferenceModel } from '../models/reference.ts';
import type { Provider } from '../providers/provider.ts';
import type { FlowMode, NetworkFacts } from '../worker/protocol.ts';

/** Options of `InterpEngine.start`. */
export interface InterpEngineOptions {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly model: ModelSpec | ReferenceModel;
  /** Worker threads, each with its own session. Default 1. */
  readonly workers?: number;
  /** Threads of each worker: of its session, and for rows of the kernel's work. Default 2. */
  readonly threads?: number;
  /** What ONNX Runtime runs a network on. Default `cpu`. */
  readonly provider?: Provider;
  /**
   * How much of a real frame's noise interpolated frames get back, 0…1; flow models and `search`
   * only. Default: the model's own setting.
   */
  readonly grain?: number;
  /**
   * Most pairs that share a run of the network, of all streams with frames of one size. Networks
   * whose file fixes the first dimension, `rgb` networks and the block search run one after the
   * other. Default 1 on the CPU, where a batch brings nothing, and {@link GPU_BATCH} elsewhere.
   */
  readonly batch?: number;
  /**
   * Jobs that may wait. Default 8, or two batches. A caller that must lose none (offline
   * conversion) keeps no more than this under way.
   */
  readonly capacity?: number;
  /** What a full queue gives up. Default `drop-oldest`. */
  readonly policy?: DropPolicy;
  /**
   * A worker that is at a job, outside of ONNX Runtime, and neither enters nor leaves it for so
   * long has crashed. Default 10 s.
   */
  readonly limitMs?: number;
  /**
   * The motion of a pair beside is sought where it is not known, so that frames do not depend on what was made before them:
   * for work that nobody waits for. Default: no; a live stream uses what its last pair has left.
   */
  readonly searchBeside?: boolean;
  /** Script of the worker threads, for tests. */
  readonly workerScript?: URL;
  /**
   * `debug`: opening, closing, workers, sessions; `trace`: some pairs; `error`: what ends
   * interpolation. Default: nothing.
   */
  readonly log?: Log;
}

/** Default of {@link InterpEngineOptions.batch} where a graphics processor runs the network. */
const GPU_BATCH = 4;

/** {@link InterpEngineOptions} with the defaults, and what the model adds to them. */
export interface EngineSettings {
  /** Id of the model. */
  readonly model: string;
  readonly provider: Provider;
  readonly workers: number;
  readonly threads: number;
  /** Sides are padded to a multiple of this many luma samples. */
  readonly multiple: number;
  /** Strength of the grain, 0…1. */
  readonly grain: number;
  /** Most pairs of a run, if the network can. */
  readonly maxPairs: number;
  /** Jobs that may wait. */
  readonly capacity: number;
  /** As {@link InterpEngineOptions.searchBeside}. */
  readonly searchBeside: boolean;
  /** How it finds motion when nothing else is said. */
  readonly mode: FlowMode;
}

/** Options with the defaults. */
export function settingsOf(options: InterpEngineOptions): EngineSettings {
  const { model, provider = 'cpu', workers = 1, threads = 2, searchBeside = false } = options;
  const maxPairs = options.batch ?? (provider === 'cpu' ? 1 : GPU_BATCH);
  const capacity = options.capacity ?? Math.max(8, 2 * maxPairs);
  const chosen = { provider, workers, threads, maxPairs, capacity, searchBeside };
  if (typeof model === 'string') {
    // The search alone needs cells by fours (seedField), a network its own multiple.
    return { ...chosen, model, multiple: 32, grain: options.grain ?? 0, mode: 'search' };
  }
  const { id, multiple, grain = 0, half = false } = model;
  return { ...chosen, model: id, multiple, grain: options.grain ?? grain, mode: half ? 'half' : 'whole' };
}

/**
 * Checks that the model can do what is asked of it, once its network is known.
 * @throws FrameliftError `config.invalid` for half the size or grain where it is no flow model.
 */
export function checkSettings({ model, mode, grain }: EngineSettings, network: NetworkFacts | undefined): void {
  if (network?.kind === 'flow') return;
  if (mode === 'half') {
    throw new FrameliftError('config.invalid', `model ${model}: only flow models can work at half the size`, {
      remedy: `Leave "${HALF}" away, or name a flow model (\`framelift models\` lists them).`,
    });
  }
  if (grain !== 0) {
    throw new FrameliftError('config.invalid', `model ${model} cannot add grain`, {
      remedy: 'Grain (--grain, engine.grain) needs a flow model or search; with others it must be 0.',
    });
  }
}

/**
 * Adapter of onnxruntime-node: network files, opened and made into sessions. Worker threads only.
 */
import { InferenceSession, listSupportedBackends } from 'onnxruntime-node';
import { FrameliftError, messageOf } from '../../errors.ts';
import { type Clock, minus } from '../../time.ts';
import type { NetworkBytes } from '../models/file.ts';
import type { ModelKind } from '../models/manifest.ts';
import type { Provider } from '../providers/provider.ts';
import { nativeCall } from '../worker/native-call.ts';
import type { SessionMade } from '../worker/protocol.ts';
import type { IoShape } from './io.ts';
import { detectKind } from './kind.ts';
import { BoundSession, dismiss } from './session.ts';

/** How a network is run. */
export interface SessionOptions {
  /** Threads within one operator. */
  readonly threads: number;
  readonly provider: Provider;
  readonly clock: Clock;
  /** Called with each session that is made, attempts left out. */
  readonly onSession?: (session: SessionMade) => void;
}

function shapesOf(metadata: readonly InferenceSession.ValueMetadata[]): IoShape[] {
  return metadata.map((m) =>
    m.isTensor ? { name: m.name, type: m.type, shape: m.shape } : { name: m.name, type: 'other', shape: [] },
  );
}

/**
 * Names of the execution providers that this build of ONNX Runtime knows, those included whose
 * libraries are not there.
 */
export function listedProviders(): string[] {
  return listSupportedBackends().map(({ name }) => name);
}

async function create(
  id: string,
  { bytes, external }: NetworkBytes,
  options: SessionOptions,
  sizes?: Record<string, number>,
  attempt = false,
): Promise<InferenceSession> {
  try {
    return await nativeCall(() =>
      InferenceSession.create(bytes, {
        // What TensorRT cannot run, CUDA runs; what neither can, the CPU.
        executionProviders: options.provider === 'tensorrt' ? ['tensorrt', 'cuda'] : [options.provider],
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        // Errors, or of an attempt, whose failure is an answer, only what is fatal.
        logSeverityLevel: attempt ? 4 : 3,
        // Idle threads would spin for milliseconds after each run: time that decoder and encoder
        // need on a small machine.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
        ...(external.length > 0 ? { externalData: external } : {}),
        ...(sizes ? { freeDimensionOverrides: sizes } : {}),
      }),
    );
  } catch (cause) {
    throw new FrameliftError(
      'model.invalid',
      `model ${id} cannot be loaded on ${options.provider}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/**
 * Values of the free dimensions, by name. @throws FrameliftError `model.invalid` when a fixed one
 * differs from the shape that is needed.
 */
function freeDimensions(
  id: string,
  inputs: readonly IoShape[],
  wanted: Readonly<Record<string, readonly number[]>>,
): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const { name, shape } of inputs) {
    shape.forEach((dimension, i) => {
      const size = wanted[name]?.[i];
      const known = typeof dimension === 'number' ? dimension : sizes[dimension];
      if (size === undefined || (known !== undefined && known !== size && known >= 0)) {
        throw new FrameliftError(
          'model.invalid',
          `model ${id}: input ${name} is [${shape.join(',')}], this frame size needs [${wanted[name]?.join(',') ?? ''}]`,
        );
      }
      if (typeof dimension === 'string' && dimension !== '') sizes[dimension] = size;
    });
  }
  return sizes;
}

/**
 * A network's file, opened to see what it is. Makes one static-shape session per frame size and
 * number of pairs.
 */
export class Network {
  readonly id: string;
  readonly kind: ModelKind;
  readonly inputs: readonly IoShape[];
  readonly outputs: readonly IoShape[];
  readonly #file: NetworkBytes;
  readonly #options: SessionOptions;

  private constructor(id: string, file: NetworkBytes, options: SessionOptions, probe: InferenceSession) {
    this.id = id;
    this.#file = file;
    this.#options = options;
    this.inputs = shapesOf(probe.inputMetadata);
    this.outputs = shapesOf(probe.outputMetadata);
    this.kind = detectKind(this.inputs, this.outputs);
  }

  /**
   * Whether a run can work on several pairs: the first dimension of every input and output is free, but
   * of `trust`, which is the network's.
   */
  get batches(): boolean {
    const ofPairs = [...this.inputs, ...this.outputs].filter(({ name }) => name !== 'trust');
    return ofPairs.every(({ shape: [first] }) => typeof first === 'string');
  }

  /**
   * Loads the file once to see what it is. @throws FrameliftError `model.invalid`: not ONNX, or of
   * no known layout.
   */
  static async open(id: string, file: NetworkBytes, options: SessionOptions): Promise<Network> {
    const probe = await create(id, file, options);
    try {
      return new Network(id, file, options, probe);
    } finally {
      await dismiss(probe);
    }
  }

  /**
   * A session for inputs of these shapes: free dimensions are fixed, so that the runtime plans its
   * memory once.
   * @param attempt it may fail, also in its runs: the runtime prints no errors of it.
   * @throws FrameliftError `model.invalid` when the file fixes another size.
   */
  async session(wanted: Readonly<Record<string, readonly number[]>>, attempt = false): Promise<BoundSession> {
    const { clock, onSession } = this.#options;
    const begin = clock.now();
    const sizes = freeDimensions(this.id, this.inputs, wanted);
    const session = await create(this.id, this.#file, this.#options, sizes, attempt);
    const inputs = Object.fromEntries(this.inputs.map(({ name }) => [name, wanted[name] ?? []]));
    if (!attempt) onSession?.({ inputs, span: minus(clock.now(), begin) });
    return new BoundSession(this.id, session);
  }
}

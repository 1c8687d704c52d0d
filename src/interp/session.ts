/** The only adapter of onnxruntime-node. Runs block their thread: worker threads only. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { FrameliftError } from '../errors.ts';
import type { Provider } from './messages.ts';
import { detectKind, type PortShape } from './model.ts';

/** How a network is run. */
export interface SessionOptions {
  /** Threads within one operator. */
  readonly threads: number;
  readonly provider: Provider;
}

/** Views on arena memory that a session reads and writes: float32, batch 1. */
export interface FlowBuffers {
  /** [4][2·gridHeight][2·gridWidth]. */
  readonly images: Float32Array;
  /** [3][gridHeight][gridWidth]. */
  readonly seed: Float32Array;
  /** [6][gridHeight][gridWidth], written by the run. */
  readonly field: Float32Array;
  readonly gridWidth: number;
  readonly gridHeight: number;
}

function portsOf(metadata: readonly InferenceSession.ValueMetadata[]): PortShape[] {
  return metadata.map((m) =>
    m.isTensor ? { name: m.name, type: m.type, shape: m.shape } : { name: m.name, type: 'other', shape: [] },
  );
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

async function create(
  id: string,
  bytes: Uint8Array,
  options: SessionOptions,
  sizes?: Record<string, number>,
): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      executionProviders: [options.provider],
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // Idle threads would spin for milliseconds after each run: time that decoder and encoder need on a small machine.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      ...(sizes ? { freeDimensionOverrides: sizes } : {}),
    });
  } catch (cause) {
    throw new FrameliftError(
      'model.invalid',
      `model ${id} cannot be loaded on ${options.provider}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** A flow network that has been opened and found to be one. Makes one static-shape session per frame size. */
export class FlowNetwork {
  readonly id: string;
  readonly #bytes: Uint8Array;
  readonly #options: SessionOptions;
  readonly #inputs: readonly PortShape[];

  private constructor(id: string, bytes: Uint8Array, options: SessionOptions, inputs: readonly PortShape[]) {
    this.id = id;
    this.#bytes = bytes;
    this.#options = options;
    this.#inputs = inputs;
  }

  /** Loads the file once to see what it is. @throws FrameliftError `model.invalid`: not ONNX, not a flow network. */
  static async open(id: string, bytes: Uint8Array, options: SessionOptions): Promise<FlowNetwork> {
    const probe = await create(id, bytes, options);
    try {
      const inputs = portsOf(probe.inputMetadata);
      const kind = detectKind(inputs, portsOf(probe.outputMetadata));
      if (kind !== 'flow') {
        throw new FrameliftError(
          'model.invalid',
          `model ${id} is of kind ${kind}; only flow models run in this version`,
        );
      }
      return new FlowNetwork(id, bytes, options, inputs);
    } finally {
      await probe.release();
    }
  }

  /** A session for one size: free dimensions are fixed, so that the runtime plans its memory once. @throws `model.invalid`. */
  async session(buffers: FlowBuffers): Promise<FlowSession> {
    const { gridWidth, gridHeight } = buffers;
    const wanted: Record<string, readonly number[]> = {
      images: [1, 4, gridHeight * 2, gridWidth * 2],
      seed: [1, 3, gridHeight, gridWidth],
    };
    const sizes: Record<string, number> = {};
    for (const { name, shape } of this.#inputs) {
      shape.forEach((dimension, i) => {
        const size = wanted[name]?.[i];
        const known = typeof dimension === 'number' ? dimension : sizes[dimension];
        if (size === undefined || (known !== undefined && known !== size && known >= 0)) {
          throw new FrameliftError(
            'model.invalid',
            `model ${this.id}: input ${name} is [${shape.join(',')}], this frame size needs [${wanted[name]?.join(',') ?? ''}]`,
          );
        }
        if (typeof dimension === 'string' && dimension !== '') sizes[dimension] = size;
      });
    }
    return new FlowSession(this.id, await create(this.id, this.#bytes, this.#options, sizes), buffers);
  }
}

/** One network at one size, on fixed buffers. */
export class FlowSession {
  readonly #id: string;
  readonly #session: InferenceSession;
  readonly #feeds: Record<string, Tensor>;
  readonly #fetches: Record<string, Tensor>;
  readonly #field: Float32Array;

  /** Made by {@link FlowNetwork.session}. */
  constructor(id: string, session: InferenceSession, { images, seed, field, gridWidth, gridHeight }: FlowBuffers) {
    this.#id = id;
    this.#session = session;
    this.#field = field;
    this.#feeds = {
      images: new Tensor('float32', images, [1, 4, gridHeight * 2, gridWidth * 2]),
      seed: new Tensor('float32', seed, [1, 3, gridHeight, gridWidth]),
    };
    this.#fetches = { field: new Tensor('float32', field, [1, 6, gridHeight, gridWidth]) };
  }

  /** Reads `images` and `seed`, writes `field`. @throws FrameliftError `engine.failed`, or `model.invalid` when the output has another shape. */
  async run(): Promise<void> {
    let field: unknown;
    try {
      const result = await this.#session.run(this.#feeds, this.#fetches);
      field = result.field?.data;
    } catch (cause) {
      const code = /shape|dimension/i.test(messageOf(cause)) ? 'model.invalid' : 'engine.failed';
      throw new FrameliftError(code, `model ${this.#id}: ${messageOf(cause)}`, {
        recoverable: code === 'engine.failed',
        cause,
      });
    }
    if (!(field instanceof Float32Array) || field.length !== this.#field.length) {
      throw new FrameliftError('model.invalid', `model ${this.#id} gave no field of ${this.#field.length} values`);
    }
    // Providers with memory of their own return another buffer.
    if (field.buffer !== this.#field.buffer || field.byteOffset !== this.#field.byteOffset) this.#field.set(field);
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

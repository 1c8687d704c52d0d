/** Sessions of flow networks on fixed buffers. Runs block their thread: worker threads only. */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { FrameliftError } from '../../errors.ts';
import { dismiss, infer, type Network } from './onnx.ts';

/** Views on arena memory that sessions read and write: float32, room for the most pairs of a run. */
export interface FlowBuffers {
  /** [pairs][4][2·gridHeight][2·gridWidth]. */
  readonly images: Float32Array;
  /** [pairs][3][gridHeight][gridWidth]. */
  readonly seed: Float32Array;
  /** [pairs][18][gridHeight][gridWidth]. */
  readonly costs: Float32Array;
  /** [pairs][6 or 12][gridHeight][gridWidth], written by the run. */
  readonly field: Float32Array;
  readonly gridWidth: number;
  readonly gridHeight: number;
}

/** A flow network: a session for each frame size and number of pairs. */
export class FlowNetwork {
  /** Motions of a cell: 1, or 2 that are blended. */
  readonly motions: 1 | 2;
  /** Whether it reads the candidates' costs. */
  readonly costs: boolean;
  /** As {@link Network.batches}. */
  readonly batches: boolean;
  readonly #network: Network;

  /** @param network one of kind `flow`. */
  constructor(network: Network) {
    this.#network = network;
    this.costs = network.inputs.some((port) => port.name === 'costs');
    this.motions = network.outputs.find((port) => port.name === 'field')?.shape[1] === 12 ? 2 : 1;
    this.batches = network.batches;
  }

  /** A session for one size and `pairs` pairs, which are the first ones of the buffers. @throws FrameliftError `model.invalid`. */
  async session(buffers: FlowBuffers, pairs: number): Promise<FlowSession> {
    const { gridWidth, gridHeight } = buffers;
    const shapes = {
      images: [pairs, 4, gridHeight * 2, gridWidth * 2],
      seed: [pairs, 3, gridHeight, gridWidth],
      costs: [pairs, 18, gridHeight, gridWidth],
    };
    const session = await this.#network.session(shapes);
    const feeds = {
      images: tensor(buffers.images, shapes.images),
      seed: tensor(buffers.seed, shapes.seed),
      ...(this.costs ? { costs: tensor(buffers.costs, shapes.costs) } : {}),
    };
    const shape = [pairs, this.motions * 6, gridHeight, gridWidth];
    return new FlowSession(this.#network.id, session, feeds, buffers.field.subarray(0, volume(shape)), shape);
  }
}

function volume(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A tensor on the beginning of a buffer. */
function tensor(buffer: Float32Array, shape: readonly number[]): Tensor {
  return new Tensor('float32', buffer.subarray(0, volume(shape)), shape);
}

/** One network at one size for one number of pairs, on fixed buffers. */
export class FlowSession {
  readonly #id: string;
  readonly #session: InferenceSession;
  readonly #feeds: Readonly<Record<string, Tensor>>;
  readonly #fetches: Readonly<Record<string, Tensor>>;
  readonly #field: Float32Array;

  /** Made by {@link FlowNetwork.session}. */
  constructor(
    id: string,
    session: InferenceSession,
    feeds: Readonly<Record<string, Tensor>>,
    field: Float32Array,
    shape: readonly number[],
  ) {
    this.#id = id;
    this.#session = session;
    this.#feeds = feeds;
    this.#field = field;
    this.#fetches = { field: tensor(field, shape) };
  }

  /** Reads `images`, `seed` and `costs`, writes `field`. @throws FrameliftError `engine.failed`, or `model.invalid` when the output has another shape. */
  async run(): Promise<void> {
    const { field: output } = await infer(this.#id, this.#session, this.#feeds, this.#fetches);
    const field = output?.data;
    if (!(field instanceof Float32Array) || field.length !== this.#field.length) {
      throw new FrameliftError('model.invalid', `model ${this.#id} gave no field of ${this.#field.length} values`);
    }
    // Providers with memory of their own return another buffer.
    if (field.buffer !== this.#field.buffer || field.byteOffset !== this.#field.byteOffset) this.#field.set(field);
  }

  async release(): Promise<void> {
    await dismiss(this.#session);
  }
}

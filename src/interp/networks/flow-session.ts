/** Sessions of `flow` networks on fixed buffers. */
import type { Network } from './onnx.ts';
import { type BoundSession, bind } from './session.ts';

/**
 * Views on arena memory that sessions read and write: float32, room for the most pairs of a run.
 */
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

/** A `flow` network: a session for each frame size and number of pairs. */
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
    this.costs = network.inputs.some(({ name }) => name === 'costs');
    this.motions = network.outputs.find(({ name }) => name === 'field')?.shape[1] === 12 ? 2 : 1;
    this.batches = network.batches;
  }

  /**
   * A session for one size and `pairs` pairs, which are the first ones of the buffers: a run reads
   * `images`, `seed` and `costs` and writes `field`.
   * @throws FrameliftError `model.invalid`.
   */
  async session(buffers: FlowBuffers, pairs: number): Promise<BoundSession> {
    const { gridWidth, gridHeight } = buffers;
    const shapes = {
      images: [pairs, 4, gridHeight * 2, gridWidth * 2],
      seed: [pairs, 3, gridHeight, gridWidth],
      costs: [pairs, 18, gridHeight, gridWidth],
    };
    const session = await this.#network.session(shapes);
    session.feed('images', bind(buffers.images, shapes.images));
    session.feed('seed', bind(buffers.seed, shapes.seed));
    if (this.costs) session.feed('costs', bind(buffers.costs, shapes.costs));
    session.fetch('field', bind(buffers.field, [pairs, this.motions * 6, gridHeight, gridWidth]));
    return session;
  }
}

/** Sessions of `flow` networks on fixed buffers. */
import { CHOICE_PLANES } from '../kernel/kernel.ts';
import type { FlowChannels } from '../worker/scratch-layout.ts';
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
  /** [pairs][18 or 28][gridHeight][gridWidth]. */
  readonly costs: Float32Array;
  /** [pairs][3][gridHeight][gridWidth]. */
  readonly fine: Float32Array;
  /** [pairs][8][gridHeight][gridWidth]. */
  readonly motion: Float32Array;
  /** [pairs][72][gridHeight][gridWidth], written by the run of a network that chooses. */
  readonly choice: Float32Array;
  /** One number, likewise. */
  readonly trust: Float32Array;
  /** [pairs][6 or 12][gridHeight][gridWidth], written by the run of any other. */
  readonly field: Float32Array;
  readonly gridWidth: number;
  readonly gridHeight: number;
}

/** A `flow` network: a session for each frame size and number of pairs. */
export class FlowNetwork implements FlowChannels {
  /** Whether it weighs candidates, of which the kernel makes the field. */
  readonly chooses: boolean;
  /** Motions of a cell: 1, or 2 that are blended. */
  readonly motions: 1 | 2;
  /** Candidates whose costs it reads. */
  readonly costs: 0 | 18 | 28;
  /** Whether it needs the fine search. */
  readonly fine: boolean;
  /** Whether it reads what the pairs beside tell, and accelerates its field by itself. */
  readonly motion: boolean;
  /** As {@link Network.batches}. */
  readonly batches: boolean;
  readonly #takesFine: boolean;
  readonly #network: Network;

  /** @param network one of kind `flow`. */
  constructor(network: Network) {
    this.#network = network;
    const channels = (input: string): unknown => network.inputs.find(({ name }) => name === input)?.shape[1];
    this.costs = channels('costs') === 28 ? 28 : channels('costs') === undefined ? 0 : 18;
    this.#takesFine = channels('fine') !== undefined;
    this.fine = this.#takesFine || this.costs === 28;
    this.motion = channels('motion') !== undefined;
    const field = network.outputs.find(({ name }) => name === 'field');
    this.chooses = field === undefined;
    this.motions = this.chooses || field?.shape[1] === 12 ? 2 : 1;
    this.batches = network.batches;
  }

  /**
   * A session for one size and `pairs` pairs, which are the first ones of the buffers: a run reads
   * those of `images`, `seed`, `costs`, `fine` and `motion` that the network takes, and writes `field`, or
   * `choice` and `trust`.
   * @throws FrameliftError `model.invalid`.
   */
  async session(buffers: FlowBuffers, pairs: number): Promise<BoundSession> {
    const { gridWidth, gridHeight } = buffers;
    const shapes = {
      images: [pairs, 4, gridHeight * 2, gridWidth * 2],
      seed: [pairs, 3, gridHeight, gridWidth],
      costs: [pairs, this.costs, gridHeight, gridWidth],
      fine: [pairs, 3, gridHeight, gridWidth],
      motion: [pairs, 8, gridHeight, gridWidth],
    };
    const session = await this.#network.session(shapes);
    session.feed('images', bind(buffers.images, shapes.images));
    session.feed('seed', bind(buffers.seed, shapes.seed));
    if (this.costs > 0) session.feed('costs', bind(buffers.costs, shapes.costs));
    if (this.#takesFine) session.feed('fine', bind(buffers.fine, shapes.fine));
    if (this.motion) session.feed('motion', bind(buffers.motion, shapes.motion));
    if (this.chooses) {
      session.fetch('choice', bind(buffers.choice, [pairs, CHOICE_PLANES, gridHeight, gridWidth]));
      session.fetch('trust', bind(buffers.trust, [1]));
    } else session.fetch('field', bind(buffers.field, [pairs, this.motions * 6, gridHeight, gridWidth]));
    return session;
  }
}

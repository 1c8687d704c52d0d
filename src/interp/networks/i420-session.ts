/** Sessions of `i420` networks on fixed buffers: the planes of two images and a time → planes. */
import { FrameliftError } from '../../errors.ts';
import type { FrameSize } from '../../media/size.ts';
import type { Times } from '../../pairing/timesteps.ts';
import type { NetworkFacts } from '../worker/protocol.ts';
import { type I420Io, i420Io } from './i420-io.ts';
import type { Network } from './onnx.ts';
import { type BoundSession, type BoundTensor, bind } from './session.ts';

/**
 * Views on one image of each pair of a run in arena memory, one after the other, rows without gaps:
 * width × height luma samples, half as many each way of chroma.
 */
interface ImageBuffers {
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
}

/** Views on arena memory that sessions read and write: room for the most pairs of a run. */
export interface I420Buffers {
  readonly width: number;
  readonly height: number;
  readonly images: readonly ImageBuffers[];
  /** float32 [pairs][3][height/8][width/8], for networks that take it. */
  readonly seed: Float32Array;
  /** float32 [pairs][18][height/8][width/8], for networks that take it. */
  readonly costs: Float32Array;
}

type ImageTensors = Readonly<Record<'y' | 'u' | 'v', BoundTensor>>;

/** The shapes of what goes into a network. */
interface InputShapes {
  readonly luma: readonly number[];
  readonly chroma: readonly number[];
  readonly time: readonly number[];
  readonly seed: readonly number[];
  readonly costs: readonly number[];
}

function shapesFor({ width, height }: FrameSize, pairs: number): InputShapes {
  const grid = [Math.ceil(height / 8), Math.ceil(width / 8)];
  return {
    luma: [pairs, 1, height, width],
    chroma: [pairs, 1, height / 2, width / 2],
    time: [pairs],
    seed: [pairs, 3, ...grid],
    costs: [pairs, 18, ...grid],
  };
}

/** An `i420` network: a session for each frame size and number of pairs. */
export class I420Network {
  readonly facts: NetworkFacts;
  /** Whether it reads the candidates' costs. */
  readonly costs: boolean;
  readonly #network: Network;
  readonly #io: I420Io;

  /**
   * @param network one of kind `i420`. @param times what the manifest says; a network without `t`
   * only knows the middle.
   * @throws FrameliftError `model.invalid`.
   */
  constructor(network: Network, times: Times) {
    this.#network = network;
    this.#io = i420Io(network.inputs, network.outputs);
    this.costs = this.#io.costs;
    this.facts = {
      kind: 'i420',
      seeded: this.#io.seed || this.costs,
      times: this.#io.time ? times : 'half',
      batches: network.batches,
    };
    if (this.facts.seeded && this.facts.times === 'half') {
      throw new FrameliftError(
        'model.invalid',
        `model ${network.id} takes a seed and only knows t = ½: there is no seed between a frame and an interpolated one`,
        { remedy: 'Export it with an input t and no `times: half`, or without seed.' },
      );
    }
  }

  /**
   * The image size for frames of this one: the next multiple, or what the file fixes if that is in
   * between.
   */
  size(width: number, height: number, multiple: number): FrameSize {
    const [, , fixedHeight, fixedWidth] = this.#network.inputs.find(({ name }) => name === 'y0')?.shape ?? [];
    return { width: side(width, fixedWidth, multiple), height: side(height, fixedHeight, multiple) };
  }

  /**
   * A session for one size and `pairs` pairs, which are the first ones of the buffers.
   * @throws FrameliftError `model.invalid` when the file fixes another size.
   */
  async session(buffers: I420Buffers, pairs: number): Promise<I420Session> {
    const shapes = shapesFor(buffers, pairs);
    const { luma, chroma, time, seed, costs } = shapes;
    const images = { y0: luma, u0: chroma, v0: chroma, y1: luma, u1: chroma, v1: chroma };
    const session = await this.#network.session({ ...images, t: time, seed, costs });
    return new I420Session(session, this.#io, buffers, shapes);
  }
}

function side(size: number, fixed: number | string | undefined, multiple: number): number {
  const padded = Math.ceil(size / multiple) * multiple;
  return typeof fixed === 'number' && fixed >= size && fixed <= padded && fixed % 2 === 0 ? fixed : padded;
}

/**
 * One network at one size for one number of pairs, on fixed buffers. Nothing is allocated here for
 * a run.
 */
export class I420Session {
  readonly #session: BoundSession;
  readonly #images: readonly ImageTensors[];
  /** The time of each pair. */
  readonly #times: Float32Array;
  /** The expected error of each pair. */
  readonly #errors: Float32Array | undefined;

  /** Made by {@link I420Network.session}. */
  constructor(session: BoundSession, io: I420Io, buffers: I420Buffers, shapes: InputShapes) {
    const [pairs = 1] = shapes.time;
    this.#session = session;
    this.#images = buffers.images.map(({ y, u, v }) => ({
      y: bind(y, shapes.luma),
      u: bind(u, shapes.chroma),
      v: bind(v, shapes.chroma),
    }));
    this.#times = new Float32Array(pairs);
    if (io.time) session.feed('t', bind(this.#times, shapes.time));
    if (io.seed) session.feed('seed', bind(buffers.seed, shapes.seed));
    if (io.costs) session.feed('costs', bind(buffers.costs, shapes.costs));
    if (!io.error) return;
    this.#errors = new Float32Array(pairs);
    session.fetch('error', bind(this.#errors, shapes.time));
  }

  /**
   * Makes, of each pair, the image of its time `times` between images `a` and `b` (numbers of
   * buffers) in buffer `into`. Resolves with the expected mean absolute luma errors, 0…1, valid
   * until the next run, if the network tells. @throws FrameliftError `engine.failed`,
   * `model.invalid`.
   */
  async run(a: number, b: number, into: number, times: readonly number[]): Promise<Float32Array | undefined> {
    const [before, after, result] = [this.#images[a], this.#images[b], this.#images[into]];
    if (!before || !after || !result) throw new FrameliftError('engine.failed', 'no such image');
    const session = this.#session;
    session.feed('y0', before.y);
    session.feed('u0', before.u);
    session.feed('v0', before.v);
    session.feed('y1', after.y);
    session.feed('u1', after.u);
    session.feed('v1', after.v);
    session.fetch('y', result.y);
    session.fetch('u', result.u);
    session.fetch('v', result.v);
    this.#times.set(times);
    await session.run();
    return this.#errors;
  }

  /** Frees the session. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** Sessions of `i420` networks on fixed buffers: the planes of two images and a time → planes. */
import { FrameliftError } from '../../errors.ts';
import type { FrameSize } from '../../media/size.ts';
import type { Times } from '../../pairing/timesteps.ts';
import type { NetworkFacts } from '../worker/protocol.ts';
import { ENLARGED_FRAMES, type I420Io, i420Io } from './i420-io.ts';
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
  /** Of a network that enlarges, the third one holds three frames of the larger size. */
  readonly images: readonly ImageBuffers[];
  /** float32 [pairs][3][height/8][width/8], for networks that take it. */
  readonly seed: Float32Array;
  /** float32 [pairs][18][height/8][width/8], for networks that take it. */
  readonly costs: Float32Array;
}

/** The image that a network which enlarges makes; others may make any. */
const RESULT = 2;

type ImageTensors = Readonly<Record<'y' | 'u' | 'v', BoundTensor>>;

/** The shapes of what goes into a network and comes out. */
interface Shapes {
  readonly luma: readonly number[];
  readonly chroma: readonly number[];
  /** Of what comes out. */
  readonly outLuma: readonly number[];
  readonly outChroma: readonly number[];
  readonly time: readonly number[];
  readonly seed: readonly number[];
  readonly costs: readonly number[];
}

function shapesFor({ width, height }: FrameSize, pairs: number, scale: number): Shapes {
  const grid = [Math.ceil(height / 8), Math.ceil(width / 8)];
  const frames = scale > 1 ? ENLARGED_FRAMES : 1;
  return {
    luma: [pairs, 1, height, width],
    chroma: [pairs, 1, height / 2, width / 2],
    outLuma: [pairs, frames, scale * height, scale * width],
    outChroma: [pairs, frames, (scale * height) / 2, (scale * width) / 2],
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

  private constructor(network: Network, times: Times, scale: number) {
    this.#network = network;
    this.#io = i420Io(network.inputs, network.outputs);
    this.costs = this.#io.costs;
    this.facts = {
      kind: 'i420',
      seeded: this.#io.seed || this.costs,
      times: this.#io.time ? times : 'half',
      batches: network.batches && scale === 1,
      ...(scale > 1 ? { scale } : {}),
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
   * @param network one of kind `i420`; one that enlarges is run once, to see by how much. @param
   * times what the manifest says; a network without `t` only knows the middle.
   * @throws FrameliftError `model.invalid`.
   */
  static async open(network: Network, multiple: number, times: Times): Promise<I420Network> {
    const { enlarges } = i420Io(network.inputs, network.outputs);
    return new I420Network(network, times, enlarges ? await scaleOf(network, multiple) : 1);
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
    const shapes = shapesFor(buffers, pairs, this.facts.scale ?? 1);
    const { time, seed, costs } = shapes;
    const session = await this.#network.session({ ...imageShapes(shapes), t: time, seed, costs });
    return new I420Session(session, this.#io, buffers, shapes);
  }
}

function imageShapes({ luma, chroma }: Shapes): Readonly<Record<string, readonly number[]>> {
  return { y0: luma, u0: chroma, v0: chroma, y1: luma, u1: chroma, v1: chroma };
}

/** Runs a network that enlarges once, on small black images or those of the size that it fixes. */
async function scaleOf(network: Network, multiple: number): Promise<number> {
  const [, , height, width] = network.inputs.find(({ name }) => name === 'y0')?.shape ?? [];
  const sideOf = (fixed: number | string | undefined, free: number): number =>
    typeof fixed === 'number' && fixed > 0 ? fixed : free;
  const size = { width: sideOf(width, 2 * multiple), height: sideOf(height, multiple) };
  const shapes = shapesFor(size, 1, 1);
  const session = await network.session(imageShapes(shapes), true);
  try {
    for (const [name, shape] of Object.entries(imageShapes(shapes))) {
      session.feed(name, bind(new Uint8Array(size.width * size.height), shape));
    }
    const given = await session.outputShapes();
    const scale = Number(given.y?.[2]) / size.height;
    const [, , outHeight, outWidth] = shapesFor(size, 1, scale).outLuma;
    const fits = Number.isInteger(scale) && scale > 1 && given.y?.[2] === outHeight && given.y?.[3] === outWidth;
    if (fits) return scale;
    throw new FrameliftError(
      'model.invalid',
      `model ${network.id} makes three frames of ${given.y?.[3]} × ${given.y?.[2]} from images of ${size.width} × ${size.height}: ` +
        'neither the same size nor a whole number of times as large',
    );
  } finally {
    await session.release();
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
  constructor(session: BoundSession, io: I420Io, buffers: I420Buffers, shapes: Shapes) {
    const [pairs = 1] = shapes.time;
    this.#session = session;
    this.#images = buffers.images.map(({ y, u, v }, i) => {
      const [luma, chroma] =
        io.enlarges && i === RESULT ? [shapes.outLuma, shapes.outChroma] : [shapes.luma, shapes.chroma];
      return { y: bind(y, luma), u: bind(u, chroma), v: bind(v, chroma) };
    });
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

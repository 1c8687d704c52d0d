/** Adapter of onnxruntime-node for `i420` networks: planes of two pictures and a time → planes. Worker threads only. */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { FrameliftError } from '../../errors.ts';
import type { Times } from '../../pairing/timesteps.ts';
import type { NetworkFacts } from '../engine/protocol.ts';
import { type PlanesPorts, planesPorts } from './i420-io.ts';
import { dismiss, infer, type Network } from './onnx.ts';

/** Views on one picture of each pair of a run in arena memory, one after the other, rows without gaps: width × height luma samples, half as many each way of chroma. */
export interface PictureBuffers {
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
}

/** Views on arena memory that sessions read and write: room for the most pairs of a run. */
export interface PlanesBuffers {
  readonly width: number;
  readonly height: number;
  readonly pictures: readonly PictureBuffers[];
  /** float32 [pairs][3][height/8][width/8], for networks that take it. */
  readonly seed: Float32Array;
  /** float32 [pairs][18][height/8][width/8], for networks that take it. */
  readonly costs: Float32Array;
}

type PictureTensors = Readonly<Record<'y' | 'u' | 'v', Tensor>>;

/** An `i420` network: a session for each frame size and number of pairs. */
export class PlanesNetwork {
  readonly facts: NetworkFacts;
  /** Whether it reads the candidates' costs. */
  readonly costs: boolean;
  readonly #network: Network;
  readonly #ports: PlanesPorts;

  /**
   * @param network one of kind `i420`. @param times what the manifest says; a network without `t` only knows the middle.
   * @throws FrameliftError `model.invalid`.
   */
  constructor(network: Network, times: Times) {
    this.#network = network;
    this.#ports = planesPorts(network.inputs, network.outputs);
    this.costs = this.#ports.costs;
    this.facts = {
      kind: 'i420',
      seeded: this.#ports.seed || this.costs,
      times: this.#ports.time ? times : 'half',
      batches: network.batches,
    };
    if (this.facts.seeded && this.facts.times === 'half') {
      throw new FrameliftError(
        'model.invalid',
        `model ${network.id} takes a seed and only knows t = ½: there is no seed between a frame and a made picture`,
        { remedy: 'Export it with an input t and no `times: half`, or without seed.' },
      );
    }
  }

  /** The picture size for frames of this one: the next multiple, or what the file fixes if that is in between. */
  size(width: number, height: number, multiple: number): { width: number; height: number } {
    const [, , fixedHeight, fixedWidth] = this.#network.inputs.find(({ name }) => name === 'y0')?.shape ?? [];
    return { width: side(width, fixedWidth, multiple), height: side(height, fixedHeight, multiple) };
  }

  /**
   * A session for one size and `pairs` pairs, which are the first ones of the buffers.
   * @throws FrameliftError `model.invalid` when the file fixes another size.
   */
  async session(buffers: PlanesBuffers, pairs: number): Promise<PlanesSession> {
    const { width, height } = buffers;
    const { time, seed, costs } = this.#ports;
    const [luma, chroma, grid] = [
      [pairs, 1, height, width],
      [pairs, 1, height / 2, width / 2],
      [Math.ceil(height / 8), Math.ceil(width / 8)],
    ];
    const session = await this.#network.session({
      y0: luma,
      u0: chroma,
      v0: chroma,
      y1: luma,
      u1: chroma,
      v1: chroma,
      ...(time ? { t: [pairs] } : {}),
      ...(seed ? { seed: [pairs, 3, ...grid] } : {}),
      ...(costs ? { costs: [pairs, 18, ...grid] } : {}),
    });
    return new PlanesSession(this.#network.id, session, this.#ports, firstPairs(buffers, pairs), pairs);
  }
}

function side(size: number, fixed: number | string | undefined, multiple: number): number {
  const padded = Math.ceil(size / multiple) * multiple;
  return typeof fixed === 'number' && fixed >= size && fixed <= padded && fixed % 2 === 0 ? fixed : padded;
}

/** The same buffers, for so many pairs alone. */
function firstPairs(buffers: PlanesBuffers, pairs: number): PlanesBuffers {
  const { width, height, pictures, seed, costs } = buffers;
  const luma = pairs * width * height;
  const cells = pairs * Math.ceil(width / 8) * Math.ceil(height / 8);
  return {
    width,
    height,
    pictures: pictures.map(({ y, u, v }) => ({
      y: y.subarray(0, luma),
      u: u.subarray(0, luma / 4),
      v: v.subarray(0, luma / 4),
    })),
    seed: seed.subarray(0, 3 * cells),
    costs: costs.subarray(0, 18 * cells),
  };
}

/** One network at one size for one number of pairs, on fixed buffers. Nothing is allocated here for a run. */
export class PlanesSession {
  readonly #id: string;
  readonly #session: InferenceSession;
  readonly #pictures: readonly PictureTensors[];
  readonly #buffers: readonly PictureBuffers[];
  readonly #time: Float32Array | undefined;
  readonly #error: Float32Array | undefined;
  readonly #feeds: Record<string, Tensor> = {};
  readonly #fetches: Record<string, Tensor> = {};

  /** Made by {@link PlanesNetwork.session}. */
  constructor(id: string, session: InferenceSession, ports: PlanesPorts, buffers: PlanesBuffers, pairs: number) {
    const { width, height, pictures, seed, costs } = buffers;
    this.#id = id;
    this.#session = session;
    this.#buffers = pictures;
    this.#pictures = pictures.map(({ y, u, v }) => ({
      y: new Tensor('uint8', y, [pairs, 1, height, width]),
      u: new Tensor('uint8', u, [pairs, 1, height / 2, width / 2]),
      v: new Tensor('uint8', v, [pairs, 1, height / 2, width / 2]),
    }));
    if (ports.time) {
      this.#time = new Float32Array(pairs);
      this.#feeds.t = new Tensor('float32', this.#time, [pairs]);
    }
    const grid = [Math.ceil(height / 8), Math.ceil(width / 8)];
    if (ports.seed) this.#feeds.seed = new Tensor('float32', seed, [pairs, 3, ...grid]);
    if (ports.costs) this.#feeds.costs = new Tensor('float32', costs, [pairs, 18, ...grid]);
    if (ports.error) {
      this.#error = new Float32Array(pairs);
      this.#fetches.error = new Tensor('float32', this.#error, [pairs]);
    }
  }

  /**
   * Makes, of each pair, the picture of its time `times` between pictures `a` and `b` (numbers of buffers) in buffer `into`. Resolves with
   * the expected mean absolute luma errors, 0…1, valid until the next run, if the network tells. @throws FrameliftError `engine.failed`, `model.invalid`.
   */
  async run(a: number, b: number, into: number, times: readonly number[]): Promise<Float32Array | undefined> {
    const [before, after, made, buffers] = [
      this.#pictures[a],
      this.#pictures[b],
      this.#pictures[into],
      this.#buffers[into],
    ];
    if (!before || !after || !made || !buffers) throw new FrameliftError('engine.failed', 'no such picture');
    const feeds = this.#feeds;
    const fetches = this.#fetches;
    feeds.y0 = before.y;
    feeds.u0 = before.u;
    feeds.v0 = before.v;
    feeds.y1 = after.y;
    feeds.u1 = after.u;
    feeds.v1 = after.v;
    fetches.y = made.y;
    fetches.u = made.u;
    fetches.v = made.v;
    this.#time?.set(times);
    const outputs = await infer(this.#id, this.#session, feeds, fetches);
    this.#take('y', outputs.y?.data, buffers.y);
    this.#take('u', outputs.u?.data, buffers.u);
    this.#take('v', outputs.v?.data, buffers.v);
    if (!this.#error) return undefined;
    this.#take('error', outputs.error?.data, this.#error);
    return this.#error;
  }

  async release(): Promise<void> {
    await dismiss(this.#session);
  }

  /** Providers with memory of their own return another buffer than the one that was given. */
  #take<T extends Uint8Array | Float32Array>(name: string, data: unknown, into: T): void {
    const same = into instanceof Uint8Array ? data instanceof Uint8Array : data instanceof Float32Array;
    // Narrowed by the comparison above, which the compiler cannot follow for a generic type.
    const given = data as T;
    if (!same || given.length !== into.length) {
      throw new FrameliftError('model.invalid', `model ${this.#id} gave no ${name} of ${into.length} values`);
    }
    if (given.buffer !== into.buffer || given.byteOffset !== into.byteOffset) into.set(given);
  }
}

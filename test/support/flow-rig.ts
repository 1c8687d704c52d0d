/** A worker's flow interpolation without a worker: scenes that move as they are told, in frames of an arena of its own. */
import { loadKernel } from '../../src/interp/kernel/kernel.ts';
import { FlowInterpolator } from '../../src/interp/networks/flow.ts';
import type { FlowNetwork } from '../../src/interp/networks/flow-session.ts';
import type { FlowMode, WireJob, WireNeighbour, WireSeed } from '../../src/interp/worker/protocol.ts';
import { RowThreads } from '../../src/interp/worker/row-threads.ts';
import { paddedPyramidBytes, scratchBytes, seedBytes } from '../../src/interp/worker/scratch-layout.ts';
import { Arena } from '../../src/media/arena.ts';
import { deepLayout, type SampleForm } from '../../src/media/deep-layout.ts';
import { planeLayout } from '../../src/media/frame.ts';
import { systemClock } from '../../src/time.ts';

/** A sample, 0…1, at a place and a time. */
export type MovingScene = (x: number, y: number, time: number) => number;

/** A texture with structure of all sizes, 0…1. */
export function texture(x: number, y: number): number {
  const waves = Math.sin(x / 4.1 + y / 13) + Math.sin(y / 5.3 - x / 17) + Math.sin(x / 29 + y / 23) + Math.sin(x / 9);
  return 0.5 + 0.1 * waves;
}

const [MULTIPLE, THREADS] = [32, 1];
/** What a place in memory holds before anything is written to it. */
const POISON = 0xee;

/** A job as tests put it. */
export interface RigJob extends Pick<WireJob, 'seed' | 'before' | 'after'> {
  readonly times: readonly [a: number, b: number];
  readonly timesteps?: readonly number[];
}

/** Frames of one scene and the interpolator that makes what lies between. */
export class FlowRig {
  readonly arena = new Arena(96);
  readonly width: number;
  readonly height: number;
  readonly interpolator: FlowInterpolator;
  readonly kernel = loadKernel(this.arena.memory);
  readonly #scene: MovingScene;
  readonly #form: SampleForm | undefined;
  readonly #mode: FlowMode;
  readonly #scratch: number;
  readonly #frames = new Map<number, number>();
  readonly #deep = new Map<number, number>();

  constructor(
    scene: MovingScene,
    options: {
      width?: number;
      height?: number;
      mode?: FlowMode;
      form?: SampleForm;
      network?: FlowNetwork;
      pairs?: number;
    } = {},
  ) {
    const { width = 192, height = 128, mode = 'search', form, network, pairs = 1 } = options;
    [this.width, this.height, this.#mode, this.#form, this.#scene] = [width, height, mode, form, scene];
    const setup = {
      memory: this.arena.memory,
      model: 'search',
      multiple: MULTIPLE,
      threads: THREADS,
      provider: 'cpu',
      grain: 0,
      batch: pairs,
    } as const;
    const rowThreads = new RowThreads(this.kernel, this.arena.memory, THREADS);
    this.interpolator = new FlowInterpolator(this.kernel, rowThreads, setup, systemClock, network);
    this.#scratch = this.allocate(scratchBytes(this.interpolator.network, setup, pairs, width, height));
  }

  /** A place for so many bytes, full of nonsense. */
  allocate(bytes: number): number {
    const { offset } = this.arena.allocate(bytes);
    this.arena.u8.fill(POISON, offset, offset + bytes);
    return offset;
  }

  /** The frame at a time: its luma is the scene's, its chroma grey. */
  frame(time: number): number {
    const known = this.#frames.get(time);
    if (known !== undefined) return known;
    const { bytes, strideY } = planeLayout(this.width, this.height);
    const offset = this.allocate(bytes);
    this.arena.u8.fill(128, offset, offset + bytes);
    this.#each((x, y) => {
      this.arena.u8[offset + y * strideY + x] = Math.round(255 * this.#scene(x, y, time));
    });
    this.#frames.set(time, offset);
    return offset;
  }

  /** An empty pyramid of a frame. */
  pyramid(): WireJob['pyramidA'] {
    const bytes = paddedPyramidBytes(this.width, this.height, MULTIPLE, this.#mode === 'half');
    return { offset: this.allocate(bytes), ready: false };
  }

  /** An empty place for a pair's vectors. */
  seed(): WireSeed {
    return { offset: this.allocate(seedBytes(this.width, this.height, MULTIPLE, this.#mode === 'half')), ready: false };
  }

  /** The vectors at a place for them. */
  vectors({ offset }: { readonly offset: number }): Float32Array {
    const bytes = seedBytes(this.width, this.height, MULTIPLE, this.#mode === 'half') - 64;
    return new Float32Array(this.arena.memory.buffer, offset, bytes / 4).slice();
  }

  /** A pair beside, to the frame at that time. */
  neighbour(time: number, ratio = 1): WireNeighbour {
    return { frame: this.frame(time), pyramid: this.pyramid(), seed: this.seed(), ratio };
  }

  /** What the worker is told of a job. */
  wire({ times: [a, b], timesteps = [0.5], ...rest }: RigJob): WireJob {
    const outs = timesteps.map(() => this.allocate(planeLayout(this.width, this.height).bytes));
    const form = this.#form;
    const deepOuts = timesteps.map(() => (form ? this.#deepBlock() : 0));
    return {
      ...{ width: this.width, height: this.height, a: this.frame(a), b: this.frame(b), timesteps, outs },
      ...(form ? { deep: { form, a: this.#deepFrame(a, form), b: this.#deepFrame(b, form), outs: deepOuts } } : {}),
      ...{ scratch: this.#scratch, pyramidA: this.pyramid(), pyramidB: this.pyramid() },
      ...{ minConfidence: 0, grainSeeds: timesteps.map(() => 1), mode: this.#mode },
      ...rest,
    };
  }

  /** The luma of the frames of one job, one after the other. */
  async lumas(job: RigJob): Promise<Uint8Array[]> {
    const wire = this.wire(job);
    await this.interpolator.run([wire]);
    return wire.outs.map((out) => this.luma(out));
  }

  /** The luma of a frame without strides. */
  luma(frame: number): Uint8Array {
    const { strideY } = planeLayout(this.width, this.height);
    const rows = Array.from({ length: this.height }, (_, y) => {
      const row = frame + y * strideY;
      return this.arena.u8.slice(row, row + this.width);
    });
    return Buffer.concat(rows);
  }

  /** Mean squared error in grey levels² against the scene, away from the border. */
  error(made: Uint8Array, time: number, margin = 24): number {
    let [sum, count] = [0, 0];
    this.#each((x, y) => {
      if (x < margin || y < margin || x >= this.width - margin || y >= this.height - margin) return;
      sum += ((made[y * this.width + x] ?? 0) - 255 * this.#scene(x, y, time)) ** 2;
      count += 1;
    });
    return sum / count;
  }

  /** The first plane of the deep form of a job's frame, in 8 bits, unrounded. */
  deepLuma(block: number): Float64Array {
    const form = this.#form;
    const plane = form && deepLayout(form, this.width, this.height).planes[0];
    if (!plane) throw new Error('no deep form');
    const words = new Uint16Array(this.arena.memory.buffer, block + plane.offset, (plane.stride / 2) * plane.height);
    const made = new Float64Array(this.width * this.height);
    this.#each((x, y) => {
      made[y * this.width + x] = (words[(y * plane.stride) / 2 + x] ?? 0) * (255 / (2 ** form.bits - 1));
    });
    return made;
  }

  #deepBlock(): number {
    if (!this.#form) return 0;
    return this.allocate(deepLayout(this.#form, this.width, this.height).bytes);
  }

  #deepFrame(time: number, form: SampleForm): number {
    const known = this.#deep.get(time);
    if (known !== undefined) return known;
    const block = this.#deepBlock();
    const { planes } = deepLayout(form, this.width, this.height);
    for (const [i, { offset, width, height, stride }] of planes.entries()) {
      const words = new Uint16Array(this.arena.memory.buffer, block + offset, (stride / 2) * height);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const value = i === 0 ? this.#scene(x, y, time) : 0.5;
          words[(y * stride) / 2 + x] = Math.round((2 ** form.bits - 1) * value);
        }
      }
    }
    this.#deep.set(time, block);
    return block;
  }

  #each(visit: (x: number, y: number) => void): void {
    for (let y = 0; y < this.height; y++) for (let x = 0; x < this.width; x++) visit(x, y);
  }
}

/** Decibels that the first error is below the second. */
export function decibels(error: number, than: number): number {
  return 10 * Math.log10(than / error);
}

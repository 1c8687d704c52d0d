/**
 * The `rgb` kind in the worker: frames become padded RGB images, run through the network, and come
 * back as I420.
 */
import { type PlaneLayout, planeLayout } from '../../media/frame.ts';
import { type Clock, minus } from '../../time.ts';
import type { Interpolator, NetworkFacts, Preparation, WireJob, WireResult, WorkerSetup } from '../worker/protocol.ts';
import { rgbLayout } from '../worker/scratch-layout.ts';
import { halvings } from './halving.ts';
import { fillFrame, fillRgb, type LumaWeights, lumaWeights, type RgbImage } from './rgb-colour.ts';
import type { RgbNetwork, RgbSession } from './rgb-session.ts';

/** What hangs on one scratch block: images, and the session that works on them. */
interface Workspace {
  readonly frame: PlaneLayout;
  readonly weights: LumaWeights;
  readonly parents: readonly [RgbImage, RgbImage];
  readonly output: RgbImage;
  /** Offsets in the arena of the middles that are halved again, by depth. */
  readonly middles: readonly number[];
  readonly session: RgbSession;
}

/** The job at work: what it has taken so far. */
interface Tally {
  network: number;
  /** An output was not all numbers. */
  broken: boolean;
}

/** Interpolates with an `rgb` network. */
export class RgbInterpolator implements Interpolator {
  readonly network: NetworkFacts;
  readonly #clock: Clock;
  readonly #rgb: RgbNetwork;
  readonly #u8: Uint8Array;
  readonly #clamped: Uint8ClampedArray;
  /** By offset of the scratch block. */
  readonly #spaces = new Map<number, Workspace>();

  constructor(setup: Pick<WorkerSetup, 'memory'>, clock: Clock, rgb: RgbNetwork) {
    this.network = rgb.facts;
    this.#clock = clock;
    this.#rgb = rgb;
    this.#u8 = new Uint8Array(setup.memory.buffer);
    this.#clamped = new Uint8ClampedArray(setup.memory.buffer);
  }

  async prepare({ width, height, scratch }: Preparation): Promise<void> {
    const { session } = await this.#space(width, height, scratch);
    // The first run plans memory and is slow.
    await session.run(0.5);
  }

  async run(jobs: readonly WireJob[]): Promise<readonly WireResult[]> {
    const results: WireResult[] = [];
    for (const job of jobs) results.push(await this.#interpolate(job));
    return results;
  }

  async #interpolate(job: WireJob): Promise<WireResult> {
    const space = await this.#space(job.width, job.height, job.scratch);
    const begin = this.#clock.now();
    const tally: Tally = { network: 0, broken: false };
    if (this.network.times === 'half') {
      await this.#halve(job, space, tally);
    } else {
      this.#load(space, job.a, job.b);
      for (let i = 0; i < job.timesteps.length; i++) {
        await this.#make(space, tally, job.a, job.b, job.outs[i] ?? 0, job.timesteps[i] ?? 0.5);
      }
    }
    return {
      // It does not judge itself, but an output that is no image is not to be trusted.
      confidence: tally.broken ? 0 : undefined,
      spans: { search: 0, network: tally.network, kernel: minus(this.#clock.now(), begin) - tally.network },
    };
  }

  async forget(scratch: number): Promise<void> {
    const space = this.#spaces.get(scratch);
    this.#spaces.delete(scratch);
    await space?.session.release();
  }

  async close(): Promise<void> {
    for (const scratch of [...this.#spaces.keys()]) await this.forget(scratch);
  }

  async #space(width: number, height: number, scratch: number): Promise<Workspace> {
    const known = this.#spaces.get(scratch);
    if (known) return known;
    const size = this.#rgb.size({ width, height });
    const layout = rgbLayout({ width, height }, size, this.#rgb.facts.rgb, this.network.times);
    const buffers = this.#rgb.buffers(this.#u8.buffer, scratch + layout.input, scratch + layout.output, size);
    const samples = 3 * size.width * size.height;
    const parent = (i: number): RgbImage => ({
      samples: buffers.input.subarray(i * samples, (i + 1) * samples),
      ...size,
    });
    const space: Workspace = {
      frame: planeLayout(width, height),
      weights: lumaWeights(height),
      parents: [parent(0), parent(1)],
      output: { samples: buffers.output, ...this.#rgb.outputSize(size) },
      middles: layout.middles.map((offset) => scratch + offset),
      session: await this.#rgb.session(buffers),
    };
    this.#spaces.set(scratch, space);
    return space;
  }

  /** Makes the frames of a network that only knows the middle, each from what stands beside it. */
  async #halve(job: WireJob, space: Workspace, tally: Tally): Promise<void> {
    const [half = 0, quarter = 0, eighth = 0] = space.middles;
    /** Where the frame of so many eighths lies. */
    const places = [job.a, eighth, quarter, eighth, half, eighth, quarter, eighth, job.b];
    for (const { from, to, middle, timesteps } of halvings(job.timesteps)) {
      const [a = 0, b = 0, into = 0] = [places[from], places[to], places[middle]];
      this.#load(space, a, b);
      await this.#make(space, tally, a, b, into, 0.5);
      for (const i of timesteps) this.#copy(space, into, job.outs[i] ?? 0);
    }
  }

  #load({ parents, frame, weights }: Workspace, a: number, b: number): void {
    fillRgb(parents[0], this.#u8, a, frame, weights);
    fillRgb(parents[1], this.#u8, b, frame, weights);
  }

  /**
   * Makes the frame at `into` from the parents that are loaded. What is not all numbers is no
   * image: the nearer parent stands in for it.
   */
  async #make(space: Workspace, tally: Tally, a: number, b: number, into: number, t: number): Promise<void> {
    const begin = this.#clock.now();
    await space.session.run(t);
    tally.network += minus(this.#clock.now(), begin);
    if (fillFrame(this.#clamped, into, space.frame, space.output, space.weights)) return;
    tally.broken = true;
    this.#copy(space, t < 0.5 ? a : b, into);
  }

  #copy({ frame }: Workspace, from: number, into: number): void {
    this.#u8.copyWithin(into, from, from + frame.bytes);
  }
}

/** The `rgb` kind in the worker: frames become padded RGB pictures, run through the network, and come back as I420. */
import { type PlaneLayout, planeLayout } from '../../media/frame.ts';
import { type Clock, minus } from '../../time.ts';
import type { Interpolator, NetworkFacts, Preparation, WireJob, WireResult, WorkerSetup } from '../engine/protocol.ts';
import { rgbLayout } from '../rgb-layout.ts';
import { fillFrame, fillRgb, type LumaWeights, lumaWeights, type RgbPicture } from './rgb-colour.ts';
import type { RgbNetwork, RgbSession } from './rgb-session.ts';

/** What hangs on one scratch block: pictures, and the session that works on them. */
interface Workspace {
  readonly frame: PlaneLayout;
  readonly weights: LumaWeights;
  readonly parents: readonly [RgbPicture, RgbPicture];
  readonly made: RgbPicture;
  /** Offsets in the arena of the middles that are halved again, by depth. */
  readonly middles: readonly number[];
  readonly session: RgbSession;
}

/** A frame of a halving: its time in eighths, and where it is in the arena. */
interface Mark {
  readonly eighth: number;
  readonly offset: number;
}

/** Work of the job under way. */
interface Tally {
  network: number;
  /** A picture was made that is not all numbers. */
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
      await this.#halve(job, space, tally, { eighth: 0, offset: job.a }, { eighth: 8, offset: job.b });
    } else {
      this.#load(space, job.a, job.b);
      for (let i = 0; i < job.timesteps.length; i++) {
        await this.#make(space, tally, job.a, job.b, job.outs[i] ?? 0, job.timesteps[i] ?? 0.5);
      }
    }
    return {
      // It does not judge itself, but what is no picture is not to be trusted.
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
    const made = this.#rgb.outputSize(size);
    const buffers = this.#rgb.buffers(this.#u8.buffer, scratch + layout.input, scratch + layout.output, size);
    const picture = 3 * size.width * size.height;
    const parent = (i: number): RgbPicture => ({
      samples: buffers.input.subarray(i * picture, (i + 1) * picture),
      ...size,
    });
    const space: Workspace = {
      frame: planeLayout(width, height),
      weights: lumaWeights(height),
      parents: [parent(0), parent(1)],
      made: { samples: buffers.output, ...made },
      middles: layout.middles.map((offset) => scratch + offset),
      session: await this.#rgb.session(buffers),
    };
    this.#spaces.set(scratch, space);
    return space;
  }

  /**
   * Makes the middle of two times when it is wanted or something between is, then the middles on both sides of it: a quarter is the middle
   * of the first frame and the middle. Equal times, which come of rounding, get the same picture.
   */
  async #halve(job: WireJob, space: Workspace, tally: Tally, from: Mark, to: Mark, depth = 0): Promise<void> {
    if (!job.timesteps.some((t) => t * 8 > from.eighth && t * 8 < to.eighth)) return;
    const middle: Mark = { eighth: (from.eighth + to.eighth) / 2, offset: space.middles[depth] ?? 0 };
    this.#load(space, from.offset, to.offset);
    await this.#make(space, tally, from.offset, to.offset, middle.offset, 0.5);
    job.timesteps.forEach((t, i) => {
      if (t * 8 === middle.eighth) this.#copy(space, middle.offset, job.outs[i] ?? 0);
    });
    await this.#halve(job, space, tally, from, middle, depth + 1);
    await this.#halve(job, space, tally, middle, to, depth + 1);
  }

  #load({ parents, frame, weights }: Workspace, a: number, b: number): void {
    fillRgb(parents[0], this.#u8, a, frame, weights);
    fillRgb(parents[1], this.#u8, b, frame, weights);
  }

  /** Makes the frame at `into` from the parents that are loaded. What is not all numbers is no picture: the nearer parent stands in for it. */
  async #make(space: Workspace, tally: Tally, a: number, b: number, into: number, t: number): Promise<void> {
    const begin = this.#clock.now();
    await space.session.run(t);
    tally.network += minus(this.#clock.now(), begin);
    if (fillFrame(this.#clamped, into, space.frame, space.made, space.weights)) return;
    tally.broken = true;
    this.#copy(space, t < 0.5 ? a : b, into);
  }

  #copy({ frame }: Workspace, from: number, into: number): void {
    this.#u8.copyWithin(into, from, from + frame.bytes);
  }
}

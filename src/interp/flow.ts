/** The `flow` kind in the worker: search, network, warp. With `search` instead of a network, the search alone. */
import { type Clock, minus } from '../time.ts';
import { searchPair } from './block-search.ts';
import { confidenceFrom } from './confidence.ts';
import type { Crew } from './crew.ts';
import type { Kernel } from './kernel/kernel.ts';
import { CELL_ROWS, LUMA_ROWS } from './kernel/tasks.ts';
import { type ScratchLayout, scratchLayout } from './layout.ts';
import type { Interpolator, WireJob, WireResult, WorkerSetup } from './messages.ts';
import type { FlowNetwork, FlowSession } from './session.ts';

/** What hangs on one scratch block: its layout and the session that works in it. */
interface Workspace {
  readonly layout: ScratchLayout;
  readonly field: Float32Array;
  readonly session: FlowSession | undefined;
}

/** Confidence of a picture from the expected luma error of its cells. */
function confidenceOf(field: Float32Array, layout: ScratchLayout, width: number, height: number): number {
  const { gridWidth, gridHeight } = layout;
  const columns = Math.ceil(width / 8);
  const rows = Math.ceil(height / 8);
  const plane = 5 * gridWidth * gridHeight;
  let sum = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) sum += Math.max(0, field[plane + y * gridWidth + x] ?? 0);
  }
  return confidenceFrom(sum / (rows * columns));
}

/** Interpolates with a flow network, or with the block search alone. */
export class FlowInterpolator implements Interpolator {
  readonly network = { kind: 'flow', seeded: true, times: 'any' } as const;
  readonly #kernel: Kernel;
  readonly #crew: Crew;
  readonly #clock: Clock;
  readonly #memory: WebAssembly.Memory;
  readonly #multiple: number;
  readonly #flow: FlowNetwork | undefined;
  /** Strength of the grain; 0: none. */
  readonly #grain: number;
  /** By offset of the scratch block. */
  readonly #spaces = new Map<number, Workspace>();

  /** @param network a flow network, or none: the search alone. */
  constructor(kernel: Kernel, crew: Crew, setup: WorkerSetup, clock: Clock, network: FlowNetwork | undefined) {
    this.#kernel = kernel;
    this.#crew = crew;
    this.#clock = clock;
    this.#memory = setup.memory;
    this.#multiple = setup.multiple;
    this.#flow = network;
    this.#grain = setup.grain;
  }

  async prepare(width: number, height: number, scratch: number): Promise<void> {
    const space = await this.#space(width, height, scratch);
    // The first run plans memory and is slow.
    await space.session?.run();
  }

  async run(job: WireJob): Promise<WireResult> {
    const { width, height, scratch } = job;
    const space = await this.#space(width, height, scratch);
    const begin = this.#clock.now();
    const flow = job.searchOnly ? undefined : this.#flow;
    this.#seed(job, space.layout, flow);
    const seeded = this.#clock.now();
    if (flow && space.session) await space.session.run();
    else {
      const { gridWidth, gridHeight, seed, field } = space.layout;
      this.#kernel.seedField(scratch + seed, scratch + field, gridWidth * gridHeight);
    }
    const known = this.#clock.now();
    const confidence = confidenceOf(space.field, space.layout, width, height);
    this.#render(job, space.layout, flow?.motions ?? 1);
    return {
      confidence,
      spans: {
        search: minus(seeded, begin),
        network: minus(known, seeded),
        kernel: minus(this.#clock.now(), known),
      },
    };
  }

  async forget(scratch: number): Promise<void> {
    const space = this.#spaces.get(scratch);
    this.#spaces.delete(scratch);
    await space?.session?.release();
  }

  async close(): Promise<void> {
    for (const scratch of [...this.#spaces.keys()]) await this.forget(scratch);
    this.#crew.close();
  }

  async #space(width: number, height: number, scratch: number): Promise<Workspace> {
    const known = this.#spaces.get(scratch);
    if (known) return known;
    const layout = scratchLayout(width, height, this.#multiple, this.#grain > 0, this.#crew.size);
    const { gridWidth, gridHeight } = layout;
    const cells = gridWidth * gridHeight;
    const floats = (offset: number, count: number): Float32Array<ArrayBufferLike> =>
      new Float32Array(this.#memory.buffer, scratch + offset, count);
    const field = floats(layout.field, 12 * cells);
    const buffers = {
      images: floats(layout.images, 16 * cells),
      seed: floats(layout.seed, 3 * cells),
      costs: floats(layout.costs, 18 * cells),
      field,
      gridWidth,
      gridHeight,
    };
    buffers.images.fill(0);
    buffers.seed.fill(0);
    buffers.costs.fill(0);
    const space: Workspace = { layout, field, session: await this.#flow?.session(buffers) };
    if (this.#grain > 0) this.#kernel.grainStart(scratch + layout.grain);
    this.#spaces.set(scratch, space);
    return space;
  }

  #seed(job: WireJob, layout: ScratchLayout, flow: FlowNetwork | undefined): void {
    searchPair(this.#kernel, this.#crew, job, layout, flow?.costs ?? false);
    if (!flow) return;
    const { paddedWidth: w, paddedHeight: h, gridHeight, laneBytes } = layout;
    const { scratch, pyramidA, pyramidB } = job;
    const [seed, images, lanes] = [scratch + layout.seed, scratch + layout.images, scratch + layout.lanes];
    const task = ['images', pyramidA.offset, pyramidB.offset, w, h, seed, images, lanes, laneBytes] as const;
    this.#crew.run(task, gridHeight, CELL_ROWS);
  }

  #render(job: WireJob, layout: ScratchLayout, motions: 1 | 2): void {
    const { a, b, width, height, scratch, timesteps, outs, grainSeeds } = job;
    const { gridWidth, gridHeight, field, grain } = layout;
    if (this.#grain > 0) {
      this.#kernel.grainMeasure(a, b, width, height, scratch + field, gridWidth, gridHeight, scratch + grain);
    }
    for (let i = 0; i < timesteps.length; i++) {
      const out = outs[i] ?? 0;
      const source = this.#warp(job, layout, motions, timesteps[i] ?? 0.5, out);
      if (this.#grain > 0) {
        this.#kernel.grainAdd(
          out,
          width,
          height,
          source,
          gridWidth,
          gridHeight,
          motions,
          this.#grain,
          grainSeeds[i] ?? 0,
          scratch + grain,
        );
      }
    }
  }

  /** The frame at `t`; gives the offset of the field it was made by. */
  #warp(job: WireJob, layout: ScratchLayout, motions: 1 | 2, t: number, out: number): number {
    const { a, b, width, height, scratch } = job;
    const { gridWidth, gridHeight, laneBytes } = layout;
    const lanes = scratch + layout.lanes;
    const field = scratch + (t === 0.5 ? layout.field : layout.retimed);
    for (let motion = 0; t !== 0.5 && motion < motions; motion++) {
      const step = motion * 24 * gridWidth * gridHeight;
      this.#kernel.retimeField(scratch + layout.field + step, field + step, gridWidth, gridHeight, t);
    }
    const task = ['render', a, b, out, width, height, field, gridWidth, gridHeight, motions, lanes, laneBytes] as const;
    this.#crew.run(task, height, LUMA_ROWS);
    return field;
  }
}

/** The `flow` kind in the worker: search, network, warp. With `search` instead of a network, the search alone. */
import { type Clock, type Micros, minus } from '../time.ts';
import { searchPair } from './block-search.ts';
import { confidenceFrom } from './confidence.ts';
import type { Crew } from './crew.ts';
import type { Kernel } from './kernel/kernel.ts';
import { CELL_ROWS, LUMA_ROWS } from './kernel/tasks.ts';
import { layoutOfPair, type ScratchLayout, scratchLayout } from './layout.ts';
import type { Interpolator, NetworkFacts, Preparation, WireJob, WireResult, WorkerSetup } from './messages.ts';
import type { FlowBuffers, FlowNetwork, FlowSession } from './session.ts';

/** Where one pair of a run lies. */
interface Slot {
  readonly layout: ScratchLayout;
  readonly field: Float32Array;
}

/** What hangs on one scratch block: its layout, and the sessions that work in it. */
interface Workspace {
  readonly buffers: FlowBuffers;
  readonly slots: readonly Slot[];
  /** By number of pairs. */
  readonly sessions: Map<number, FlowSession>;
}

/** Confidence of a picture from the expected luma error of its cells. */
function confidenceOf({ field, layout }: Slot, width: number, height: number): number {
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
  readonly network: NetworkFacts;
  readonly #kernel: Kernel;
  readonly #crew: Crew;
  readonly #clock: Clock;
  readonly #memory: WebAssembly.Memory;
  readonly #multiple: number;
  /** Most pairs of a run. */
  readonly #pairs: number;
  readonly #flow: FlowNetwork | undefined;
  /** Strength of the grain; 0: none. */
  readonly #grain: number;
  /** By offset of the scratch block. */
  readonly #spaces = new Map<number, Workspace>();

  /** @param network a flow network, or none: the search alone. */
  constructor(kernel: Kernel, crew: Crew, setup: WorkerSetup, clock: Clock, network: FlowNetwork | undefined) {
    this.network = { kind: 'flow', seeded: true, times: 'any', batches: network?.batches ?? false };
    this.#kernel = kernel;
    this.#crew = crew;
    this.#clock = clock;
    this.#memory = setup.memory;
    this.#multiple = setup.multiple;
    this.#pairs = this.network.batches ? setup.batch : 1;
    this.#flow = network;
    this.#grain = setup.grain;
  }

  async prepare({ width, height, pairs, scratch }: Preparation): Promise<void> {
    const space = this.#space(width, height, scratch);
    // The first run plans memory and is slow.
    if (this.#flow) await (await this.#session(this.#flow, space, pairs)).run();
  }

  async run(jobs: readonly WireJob[]): Promise<readonly WireResult[]> {
    const [first] = jobs;
    if (!first) return [];
    const { width, height, scratch } = first;
    const space = this.#space(width, height, scratch);
    const flow = first.searchOnly ? undefined : this.#flow;
    const session = flow && (await this.#session(flow, space, jobs.length));
    const work = jobs.flatMap((job, i) => {
      const slot = space.slots[i];
      return slot ? { job, slot } : [];
    });
    const begin = this.#clock.now();
    for (const { job, slot } of work) this.#seed(job, slot.layout, flow);
    const seeded = this.#clock.now();
    if (session) await session.run();
    else for (const { slot } of work) this.#passSeed(scratch, slot.layout);
    const known = this.#clock.now();
    const confidences = work.map(({ job, slot }) => {
      this.#render(job, slot.layout, flow?.motions ?? 1);
      return confidenceOf(slot, width, height);
    });
    const share = (from: Micros, to: Micros): number => minus(to, from) / work.length;
    const spans = {
      search: share(begin, seeded),
      network: share(seeded, known),
      kernel: share(known, this.#clock.now()),
    };
    return confidences.map((confidence) => ({ confidence, spans }));
  }

  async forget(scratch: number): Promise<void> {
    const space = this.#spaces.get(scratch);
    this.#spaces.delete(scratch);
    for (const session of space?.sessions.values() ?? []) await session.release();
  }

  async close(): Promise<void> {
    for (const scratch of [...this.#spaces.keys()]) await this.forget(scratch);
    this.#crew.close();
  }

  #space(width: number, height: number, scratch: number): Workspace {
    const known = this.#spaces.get(scratch);
    if (known) return known;
    const pairs = this.#pairs;
    const layout = scratchLayout(width, height, this.#multiple, this.#grain > 0, this.#crew.size, pairs);
    const { gridWidth, gridHeight } = layout;
    const cells = gridWidth * gridHeight;
    const floats = (offset: number, count: number): Float32Array<ArrayBufferLike> =>
      new Float32Array(this.#memory.buffer, scratch + offset, count);
    const buffers: FlowBuffers = {
      images: floats(layout.images, pairs * 16 * cells).fill(0),
      seed: floats(layout.seed, pairs * 3 * cells).fill(0),
      costs: floats(layout.costs, pairs * 18 * cells).fill(0),
      field: floats(layout.field, pairs * 12 * cells),
      gridWidth,
      gridHeight,
    };
    const slots = Array.from({ length: pairs }, (_, i) => {
      const own = layoutOfPair(layout, i, this.#flow?.motions ?? 1);
      return { layout: own, field: floats(own.field, 6 * cells) };
    });
    if (this.#grain > 0) this.#kernel.grainStart(scratch + layout.grain);
    const space: Workspace = { buffers, slots, sessions: new Map() };
    this.#spaces.set(scratch, space);
    return space;
  }

  async #session(flow: FlowNetwork, { buffers, sessions }: Workspace, pairs: number): Promise<FlowSession> {
    const session = sessions.get(pairs) ?? (await flow.session(buffers, pairs));
    sessions.set(pairs, session);
    return session;
  }

  /** The field of the search alone. */
  #passSeed(scratch: number, { gridWidth, gridHeight, seed, field }: ScratchLayout): void {
    this.#kernel.seedField(scratch + seed, scratch + field, gridWidth * gridHeight);
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

/**
 * The `flow` kind in the worker: search, network, warp. With `search` instead of a network, the
 * search alone.
 */

import { isBeyond } from '../../pairing/timesteps.ts';
import { type Clock, type Micros, minus } from '../../time.ts';
import { CHOICE_PLANES, type Kernel } from '../kernel/kernel.ts';
import { CELL_ROWS, LUMA_ROWS } from '../kernel/tasks.ts';
import { BlockSearch } from '../worker/block-search.ts';
import { CellJudge, type Judgement } from '../worker/cell-judge.ts';
import { NETWORK_ODDS, SEARCH_ODDS } from '../worker/confidence.ts';
import { type AppliedField, grainDeep, warpDeep } from '../worker/deep.ts';
import type {
  FlowMode,
  Interpolator,
  NetworkFacts,
  Preparation,
  WireJob,
  WireResult,
  WorkerSetup,
} from '../worker/protocol.ts';
import type { RowThreads } from '../worker/row-threads.ts';
import {
  type FlowChannels,
  type FlowLayout,
  flowLayout,
  flowLayoutOfPair,
  type HalfFlowLayout,
  halfFlowLayout,
} from '../worker/scratch-layout.ts';
import { smoothSeams } from '../worker/seams.ts';
import { accelerate, findMotion } from './flow-motion.ts';
import type { FlowBuffers, FlowNetwork } from './flow-session.ts';
import type { BoundSession } from './session.ts';

/** Of the search alone. */
const SEARCH_CHANNELS: FlowChannels = { costs: 0, motions: 1 };
/**
 * How much of the acceleration in a field an extrapolated frame goes on with: of 0, 1 and 1.7 the curve through their
 * PSNR on clips is highest here; the rest is noise.
 */
const BEND = 0.6;

/** Where one pair of a run lies. */
interface PairPlace {
  readonly layout: FlowLayout;
  readonly field: Float32Array;
}

/** Where the motion of a run is found: at the size of the frames, or at half of it. */
interface Site {
  readonly pairs: readonly PairPlace[];
  readonly buffers: FlowBuffers;
  /** By number of pairs. */
  readonly sessions: Map<number, BoundSession>;
}

/** What hangs on one scratch block. */
interface Workspace {
  readonly whole: Site;
  readonly halved: Site & { readonly layout: HalfFlowLayout };
}

function siteOf({ whole, halved }: Workspace, mode: FlowMode): Site {
  return mode === 'half' ? halved : whole;
}

/** Interpolates with a flow network, or with the block search alone. */
export class FlowInterpolator implements Interpolator {
  readonly network: NetworkFacts;
  readonly #kernel: Kernel;
  readonly #search: BlockSearch;
  readonly #rowThreads: RowThreads;
  readonly #judge: CellJudge;
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
  constructor(
    kernel: Kernel,
    rowThreads: RowThreads,
    setup: WorkerSetup,
    clock: Clock,
    network: FlowNetwork | undefined,
  ) {
    this.network = {
      kind: 'flow',
      seeded: true,
      times: 'any',
      batches: network?.batches ?? false,
      chooses: network?.chooses ?? false,
    };
    this.#kernel = kernel;
    this.#search = new BlockSearch(kernel, rowThreads, setup.memory);
    this.#rowThreads = rowThreads;
    this.#clock = clock;
    this.#memory = setup.memory;
    this.#judge = new CellJudge(kernel, rowThreads, setup.memory);
    this.#multiple = setup.multiple;
    this.#pairs = this.network.batches ? setup.batch : 1;
    this.#flow = network;
    this.#grain = setup.grain;
  }

  async prepare({ width, height, pairs, scratch, mode }: Preparation): Promise<void> {
    const site = siteOf(this.#space(width, height, scratch), mode);
    // The first run plans memory and is slow.
    if (this.#flow && mode !== 'search') await (await this.#session(this.#flow, site, pairs)).run();
  }

  async run(jobs: readonly WireJob[]): Promise<readonly WireResult[]> {
    const [first] = jobs;
    if (!first) return [];
    const { width, height, scratch, mode } = first;
    const space = this.#space(width, height, scratch);
    const site = siteOf(space, mode);
    const half = mode === 'half' ? space.halved.layout : undefined;
    const flow = mode === 'search' ? undefined : this.#flow;
    const session = flow && (await this.#session(flow, site, jobs.length));
    const work = jobs.flatMap((job, i) => {
      const [place, found] = [space.whole.pairs[i], site.pairs[i]];
      return place && found ? { job, place, found } : [];
    });
    const begin = this.#clock.now();
    this.#search.begin();
    for (const { job, found } of work) this.#seed(job, found.layout, flow, half);
    const seeded = this.#clock.now();
    if (session) await session.run();
    if (flow?.chooses) for (const { found } of work) this.#choose(scratch, found.layout);
    if (!flow) for (const { found } of work) this.#passSeed(scratch, found.layout);
    if (!flow?.motion)
      for (const { job, found } of work) accelerate(this.#kernel, job, found.layout, flow?.motions ?? 1);
    const known = this.#clock.now();
    const judgements = work.map(({ job, place, found }) => {
      if (half) this.#expand(scratch, found.layout, place.layout);
      const judgement = this.#judge.judge(job, place.layout, flow ? NETWORK_ODDS : SEARCH_ODDS);
      this.#render(job, place.layout, flow?.motions ?? 1, judgement);
      return judgement;
    });
    const share = (from: Micros, to: Micros): number => minus(to, from) / work.length;
    const spans = {
      search: share(begin, seeded),
      network: share(seeded, known),
      kernel: share(known, this.#clock.now()),
    };
    return judgements.map(({ confidence, unsure, parental }) => ({ confidence, cells: { unsure, parental }, spans }));
  }

  async forget(scratch: number): Promise<void> {
    const space = this.#spaces.get(scratch);
    this.#spaces.delete(scratch);
    if (!space) return;
    for (const { sessions } of [space.whole, space.halved]) {
      for (const session of sessions.values()) await session.release();
    }
  }

  async close(): Promise<void> {
    for (const scratch of [...this.#spaces.keys()]) await this.forget(scratch);
    this.#rowThreads.close();
  }

  #space(width: number, height: number, scratch: number): Workspace {
    const known = this.#spaces.get(scratch);
    if (known) return known;
    const [multiple, pairs, threads] = [this.#multiple, this.#pairs, this.#rowThreads.size];
    const chooses = this.#flow?.chooses ?? false;
    const layout = flowLayout(width, height, multiple, this.#grain > 0, threads, pairs, chooses);
    const half = halfFlowLayout(width, height, multiple, threads, pairs, layout, chooses);
    if (this.#grain > 0) this.#kernel.grainStart(scratch + layout.grain);
    const space: Workspace = {
      whole: this.#site(scratch, layout),
      halved: { ...this.#site(scratch, half.path), layout: half },
    };
    this.#spaces.set(scratch, space);
    return space;
  }

  #site(scratch: number, layout: FlowLayout): Site {
    const { gridWidth, gridHeight } = layout;
    const pairs = this.#pairs;
    const cells = gridWidth * gridHeight;
    const floats = (offset: number, count: number): Float32Array<ArrayBufferLike> =>
      new Float32Array(this.#memory.buffer, scratch + offset, count);
    const buffers: FlowBuffers = {
      images: floats(layout.images, pairs * 16 * cells).fill(0),
      seed: floats(layout.seed, pairs * 3 * cells).fill(0),
      costs: floats(layout.costs, pairs * 28 * cells).fill(0),
      fine: floats(layout.fine, pairs * 3 * cells).fill(0),
      motion: floats(layout.motion, pairs * 8 * cells).fill(0),
      choice: floats(layout.choice, this.#flow?.chooses ? pairs * CHOICE_PLANES * cells : 0),
      trust: floats(layout.trust, 1),
      field: floats(layout.field, pairs * 12 * cells),
      gridWidth,
      gridHeight,
    };
    const places = Array.from({ length: pairs }, (_, i) => {
      const own = flowLayoutOfPair(layout, i, this.#flow ?? SEARCH_CHANNELS);
      return { layout: own, field: floats(own.field, 6 * cells) };
    });
    return { buffers, pairs: places, sessions: new Map() };
  }

  async #session(flow: FlowNetwork, { buffers, sessions }: Site, pairs: number): Promise<BoundSession> {
    const session = sessions.get(pairs) ?? (await flow.session(buffers, pairs));
    sessions.set(pairs, session);
    return session;
  }

  /** The field found at half the size as that of the whole. */
  #expand(scratch: number, from: FlowLayout, to: FlowLayout): void {
    const sides = [from.gridWidth, from.gridHeight, scratch + to.field, to.gridWidth, to.gridHeight] as const;
    const task = ['expand', scratch + from.field, ...sides, this.#flow?.motions ?? 1] as const;
    this.#rowThreads.run(task, to.gridHeight, CELL_ROWS);
  }

  /** The field of the search alone. */
  #passSeed(scratch: number, { gridWidth, gridHeight, seed, field }: FlowLayout): void {
    this.#kernel.seedField(scratch + seed, scratch + field, gridWidth * gridHeight);
  }

  /** The field of a network that weighs candidates. */
  #choose(scratch: number, layout: FlowLayout): void {
    const { gridWidth, gridHeight, rowScratchBytes } = layout;
    const at = ({ choice, trust, seed, fine, motion, costs, field }: FlowLayout) =>
      [choice, trust, seed, fine, motion, costs, field].map((offset) => scratch + offset);
    const [choice = 0, trust = 0, seed = 0, fine = 0, motion = 0, costs = 0, field = 0] = at(layout);
    const seen = [seed, fine, motion, costs] as const;
    const rowScratch = scratch + layout.rowScratch;
    const task = ['choice', choice, trust, ...seen, field, gridWidth, gridHeight, rowScratch, rowScratchBytes] as const;
    this.#rowThreads.run(task, gridHeight, CELL_ROWS);
  }

  #seed(job: WireJob, layout: FlowLayout, flow: FlowNetwork | undefined, half: HalfFlowLayout | undefined): void {
    this.#search.search(job, layout, half);
    findMotion(this.#kernel, job, layout, flow?.motion === true || flow?.costs === 28);
    if (!flow) return;
    if (flow.fine) this.#search.fine(job, layout);
    if (flow.costs > 0) this.#search.costs(job, layout, flow.costs === 28 ? layout : undefined);
    const { paddedWidth: w, paddedHeight: h, gridHeight, rowScratchBytes } = layout;
    const { scratch, pyramidA, pyramidB } = job;
    const [seed, images, rowScratch] = [scratch + layout.seed, scratch + layout.images, scratch + layout.rowScratch];
    const task = ['images', pyramidA.offset, pyramidB.offset, w, h, seed, images, rowScratch, rowScratchBytes] as const;
    this.#rowThreads.run(task, gridHeight, CELL_ROWS);
  }

  #render(job: WireJob, layout: FlowLayout, motions: 1 | 2, { anyGives }: Judgement): void {
    const { a, b, width, height, scratch, timesteps, outs, grainSeeds } = job;
    const { gridWidth, gridHeight, field, grain } = layout;
    if (this.#grain > 0) {
      this.#kernel.grainMeasure(a, b, width, height, scratch + field, gridWidth, gridHeight, scratch + grain);
    }
    const detail = scratch + layout.measured + 12 * gridWidth * gridHeight;
    for (let i = 0; i < timesteps.length; i++) {
      const out = outs[i] ?? 0;
      const applied = this.#warp(job, layout, motions, timesteps[i] ?? 0.5, out);
      warpDeep(this.#rowThreads, job, i, applied);
      smoothSeams(this.#rowThreads, job, i, applied, detail);
      if (anyGives) this.#judge.giveWay(job, layout, i);
      if (this.#grain > 0) {
        // By the luma of 8 bits as it is before its own grain.
        grainDeep(this.#kernel, job, i, applied, this.#grain, scratch + grain);
        this.#kernel.grainAdd(
          out,
          width,
          height,
          applied.field,
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

  /** The frame at `t` in I420; says what it was made by. */
  #warp(job: WireJob, layout: FlowLayout, motions: 1 | 2, t: number, out: number): AppliedField {
    const { a, b, width, height, scratch } = job;
    const { gridWidth, gridHeight, rowScratchBytes } = layout;
    const rowScratch = scratch + layout.rowScratch;
    const field = scratch + (t === 0.5 ? layout.field : layout.retimed);
    const beyond = isBeyond(t);
    for (let motion = 0; t !== 0.5 && motion < motions; motion++) {
      const step = motion * 24 * gridWidth * gridHeight;
      const of = [scratch + layout.field + step, field + step, gridWidth, gridHeight, t] as const;
      // The search is done: its scratch is free.
      if (beyond) this.#kernel.extrapolateField(...of, BEND, scratch + layout.work);
      else this.#kernel.retimeField(...of);
    }
    const task = [
      'render',
      beyond ? b : a,
      b,
      out,
      width,
      height,
      field,
      gridWidth,
      gridHeight,
      motions,
      rowScratch,
      rowScratchBytes,
    ] as const;
    this.#rowThreads.run(task, height, LUMA_ROWS);
    return { field, gridWidth, gridHeight, motions, rowScratch, rowScratchBytes };
  }
}

/**
 * Judges the cells of an interpolated frame before it is rendered, and afterwards lets a parent take the
 * place of those that are worse than it.
 */
import type { Kernel } from '../kernel/kernel.ts';
import { CELL_ROWS, LUMA_ROWS } from '../kernel/tasks.ts';
import { type OddsWeights, oddsGate, worstConfidence } from './confidence.ts';
import { planesOf } from './deep.ts';
import type { WireJob } from './protocol.ts';
import type { RowThreads } from './row-threads.ts';
import { type FlowLayout, JUDGED_BY, JUDGED_BYTES } from './scratch-layout.ts';

/** Numbers that the kernel writes before the bins. */
const COUNTS = 3;

/** What was found of a pair. */
export interface Judgement {
  /** Of its worst 2 % of cells. */
  readonly confidence: number;
  /** Share of cells below the gate. */
  readonly unsure: number;
  /** Share of cells that show a parent. */
  readonly parental: number;
  /** Whether any cell gives way, be it a little. */
  readonly anyGives: boolean;
}

/** Cells of one pair after the other. */
export class CellJudge {
  readonly #kernel: Kernel;
  readonly #rowThreads: RowThreads;
  readonly #memory: WebAssembly.Memory;

  constructor(kernel: Kernel, rowThreads: RowThreads, memory: WebAssembly.Memory) {
    this.#kernel = kernel;
    this.#rowThreads = rowThreads;
    this.#memory = memory;
  }

  /** Judges the frames of a pair by its field at t = ½, which tells the expected error as its sixth channel. */
  judge(job: WireJob, layout: FlowLayout, odds: OddsWeights): Judgement {
    const { a, b, width, height, scratch } = job;
    const { gridWidth, gridHeight } = layout;
    const [field, measured] = [scratch + layout.field, scratch + layout.measured];
    const [columns, rows] = [(width + 7) >> 3, (height + 7) >> 3];
    // Motion that was found in half the picture is as good, or as bad, in four cells of the whole.
    const step = job.mode === 'half' ? 2 : 1;
    const task = ['measure', a, b, width, height, field, gridWidth, gridHeight, measured, step] as const;
    this.#rowThreads.run(task, rows, CELL_ROWS);
    const counts = this.#count(job, layout, odds, columns, rows);
    const [over = 0, given = 0, some = 0] = counts;
    const cells = columns * rows;
    return {
      confidence: worstConfidence(counts.subarray(COUNTS)),
      unsure: over / cells,
      parental: given / cells,
      anyGives: some > 0,
    };
  }

  /** Judges the cells that have been measured: fills the layout's `way`. @returns what the kernel counts. */
  #count(job: WireJob, layout: FlowLayout, odds: OddsWeights, columns: number, rows: number): Int32Array {
    const { gridWidth, gridHeight, rowScratchBytes } = layout;
    const [field, measured, way, judged, rowScratch] = (
      ['field', 'measured', 'way', 'judged', 'rowScratch'] as const
    ).map((place) => job.scratch + layout[place]) as [number, number, number, number, number]; // five of five
    const plane = 4 * gridWidth * gridHeight;
    const { drift, standing, error, contrast, bias } = odds;
    const noise = this.#kernel.judgeNoise(measured + plane, columns, rows, gridWidth, rowScratch);
    const by = [drift, standing, error, contrast, bias, oddsGate(job.minConfidence), noise];
    const { buffer } = this.#memory;
    new Float32Array(buffer, judged, by.length).set(by);
    const each = JUDGED_BYTES / 4;
    const all = new Int32Array(buffer, judged + JUDGED_BY, each * this.#rowThreads.size).fill(0);
    new Float32Array(buffer, way, gridWidth * gridHeight).fill(0);
    const grid = [columns, rows, gridWidth, gridHeight, judged, rowScratch, rowScratchBytes] as const;
    const found = [way, judged + JUDGED_BY, JUDGED_BYTES] as const;
    this.#rowThreads.run(['judge', measured, field + 5 * plane, ...grid, ...found], rows, CELL_ROWS);
    const counts = all.subarray(0, each);
    for (let n = each; n < all.length; n++) counts[n % each] = (counts[n % each] ?? 0) + (all[n] ?? 0);
    return counts;
  }

  /**
   * Puts the nearer parent in the place of cells of the frame at a timestep, in all its forms; half-way
   * that is the earlier one. Borders are soft: weights are bilinear between cells.
   */
  giveWay(job: WireJob, layout: FlowLayout, timestep: number): void {
    const { width, height, scratch, outs, deep } = job;
    const out = outs[timestep] ?? 0;
    const later = (job.timesteps[timestep] ?? 0.5) > 0.5;
    const parent = later ? job.b : job.a;
    const rows = (height + 7) >> 3;
    const { gridWidth, rowScratchBytes } = layout;
    const cells = [scratch + layout.way, gridWidth, rows, scratch + layout.rowScratch] as const;
    this.#rowThreads.run(['give-way', parent, out, width, height, ...cells, rowScratchBytes], height, LUMA_ROWS);
    const deepOut = deep?.outs[timestep];
    if (!deep || deepOut === undefined) return;
    const deepParent = later ? deep.b : deep.a;
    for (const { plane, shiftX, shiftY } of planesOf(job)) {
      const { offset, width: w, height: h, stride } = plane;
      this.#kernel.giveWay(deepParent + offset, deepOut + offset, w, stride, shiftX, shiftY, 1, ...cells, 0, h);
    }
  }
}

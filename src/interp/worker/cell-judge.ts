/**
 * Judges the cells of an interpolated frame before it is rendered, and afterwards lets a parent take the
 * place of those that are worse than it.
 */
import { planeLayout } from '../../media/frame.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { CELL_ROWS } from '../kernel/tasks.ts';
import { ODDS_BINS, type OddsWeights, oddsGate, worstConfidence } from './confidence.ts';
import { planesOf } from './deep.ts';
import type { WireJob } from './protocol.ts';
import type { RowThreads } from './row-threads.ts';
import type { FlowLayout } from './scratch-layout.ts';

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
    const [field, measured, way, judged] = [layout.field, layout.measured, layout.way, layout.judged].map(
      (offset) => scratch + offset,
    ) as [number, number, number, number]; // four of four
    const plane = 4 * gridWidth * gridHeight;
    const [columns, rows] = [(width + 7) >> 3, (height + 7) >> 3];
    // Motion that was found in half the picture is as good, or as bad, in four cells of the whole.
    const step = job.mode === 'half' ? 2 : 1;
    const task = ['measure', a, b, width, height, field, gridWidth, gridHeight, measured, step] as const;
    this.#rowThreads.run(task, rows, CELL_ROWS);
    const { drift, standing, error, contrast, bias } = odds;
    const weights = [drift, standing, error, contrast, bias, oddsGate(job.minConfidence)] as const;
    const grid = [columns, rows, gridWidth, gridHeight] as const;
    const { rowScratch } = layout;
    this.#kernel.judgeCells(measured, field + 5 * plane, ...grid, ...weights, scratch + rowScratch, way, judged);
    const counts = new Int32Array(this.#memory.buffer, judged, COUNTS + ODDS_BINS);
    const [over = 0, given = 0, some = 0] = counts;
    const cells = columns * rows;
    return {
      confidence: worstConfidence(counts.subarray(COUNTS)),
      unsure: over / cells,
      parental: given / cells,
      anyGives: some > 0,
    };
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
    const { y, u, v, strideY, strideC, chromaWidth, chromaHeight } = planeLayout(width, height);
    const rows = (height + 7) >> 3;
    const grid = [scratch + layout.way, layout.gridWidth, rows, scratch + layout.rowScratch] as const;
    const put = (offset: number, w: number, h: number, stride: number, shift: 0 | 1): void =>
      this.#kernel.giveWay(parent + offset, out + offset, w, stride, shift, shift, 0, ...grid, 0, h);
    put(y, width, height, strideY, 0);
    put(u, chromaWidth, chromaHeight, strideC, 1);
    put(v, chromaWidth, chromaHeight, strideC, 1);
    const deepOut = deep?.outs[timestep];
    if (!deep || deepOut === undefined) return;
    const deepParent = later ? deep.b : deep.a;
    for (const { plane, shiftX, shiftY } of planesOf(job)) {
      const { offset, width: w, height: h, stride } = plane;
      this.#kernel.giveWay(deepParent + offset, deepOut + offset, w, stride, shiftX, shiftY, 1, ...grid, 0, h);
    }
  }
}

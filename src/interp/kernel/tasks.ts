/**
 * Kernel work whose rows are independent: what a task's numbers mean, and how some of its rows are
 * done.
 */
import { planeLayout } from '../../media/frame.ts';
import { type Kernel, searchGrid } from './kernel.ts';

/**
 * A task and its numbers; offsets in bytes in the arena, `rowScratch` has `rowScratchBytes` for
 * every thread that takes part.
 */
export type Task =
  /** One pass of the block search over rows of blocks: {@link Kernel.searchRows}. */
  | readonly [
      'search',
      p0: number,
      p1: number,
      w: number,
      h: number,
      work: number,
      seed: number,
      level: number,
      pass: number,
      fine: number,
    ]
  /** {@link Kernel.candidateCosts} of rows of cells. */
  | readonly [
      'costs',
      p0: number,
      p1: number,
      w: number,
      h: number,
      seed: number,
      fine: number,
      motion: number,
      costs: number,
      rowScratch: number,
      rowScratchBytes: number,
    ]
  /** {@link Kernel.chooseField} of rows of cells. */
  | readonly [
      'choice',
      choice: number,
      trust: number,
      seed: number,
      fine: number,
      motion: number,
      costs: number,
      field: number,
      gridWidth: number,
      gridHeight: number,
      rowScratch: number,
      rowScratchBytes: number,
    ]
  /** {@link Kernel.prepareImages} of rows of cells. */
  | readonly [
      'images',
      p0: number,
      p1: number,
      w: number,
      h: number,
      seed: number,
      images: number,
      rowScratch: number,
      rowScratchBytes: number,
    ]
  /** {@link Kernel.measureCells} of rows of cells. */
  | readonly [
      'measure',
      a: number,
      b: number,
      width: number,
      height: number,
      field: number,
      gridWidth: number,
      gridHeight: number,
      out: number,
      step: 1 | 2,
    ]
  /** {@link Kernel.judgeCells} of rows of cells; `result` has `resultBytes` for every thread. */
  | readonly [
      'judge',
      measured: number,
      error: number,
      columns: number,
      rows: number,
      gridWidth: number,
      gridHeight: number,
      odds: number,
      rowScratch: number,
      rowScratchBytes: number,
      way: number,
      result: number,
      resultBytes: number,
    ]
  /** {@link Kernel.giveWay} of luma rows of an I420 frame and the chroma under them; `rows` of cells. */
  | readonly [
      'give-way',
      parent: number,
      out: number,
      width: number,
      height: number,
      way: number,
      gridWidth: number,
      rows: number,
      rowScratch: number,
      rowScratchBytes: number,
    ]
  /** {@link Kernel.expandField} of rows of cells. */
  | readonly [
      'expand',
      from: number,
      fromWidth: number,
      fromHeight: number,
      field: number,
      gridWidth: number,
      gridHeight: number,
      motions: number,
    ]
  /** {@link Kernel.warpBlend} of luma rows with every motion of the field. */
  | readonly [
      'render',
      a: number,
      b: number,
      out: number,
      width: number,
      height: number,
      field: number,
      gridWidth: number,
      gridHeight: number,
      motions: number,
      rowScratch: number,
      rowScratchBytes: number,
    ]
  /** {@link Kernel.warpDeep} of rows of a plane with every motion of the field. */
  | readonly [
      'render-deep',
      a: number,
      b: number,
      out: number,
      width: number,
      height: number,
      stride: number,
      shiftX: number,
      shiftY: number,
      field: number,
      gridWidth: number,
      gridHeight: number,
      motions: number,
      rowScratch: number,
      rowScratchBytes: number,
    ]
  /** {@link Kernel.renderSeams} of rows of cells of an I420 frame, after {@link Kernel.findSeams}. */
  | readonly [
      'seams',
      a: number,
      b: number,
      out: number,
      width: number,
      height: number,
      field: number,
      gridWidth: number,
      gridHeight: number,
      motions: number,
      detail: number,
      rowScratch: number,
      rowScratchBytes: number,
    ]
  /** {@link Kernel.renderSeams} of rows of cells of one plane of 16 bits, after {@link Kernel.findSeams}. */
  | readonly [
      'seams-deep',
      a: number,
      b: number,
      out: number,
      width: number,
      height: number,
      stride: number,
      shiftX: number,
      shiftY: number,
      field: number,
      gridWidth: number,
      gridHeight: number,
      motions: number,
      detail: number,
      rowScratch: number,
      rowScratchBytes: number,
    ]
  /** {@link Kernel.stillDamage} of rows of cells. */
  | readonly [
      'still-damage',
      a: number,
      b: number,
      before: number,
      after: number,
      out: number,
      width: number,
      height: number,
      work: number,
    ]
  /** {@link Kernel.stillLabels} of rows of cells. */
  | readonly [
      'still-labels',
      a: number,
      b: number,
      before: number,
      after: number,
      out: number,
      width: number,
      height: number,
      work: number,
      masks: number,
    ];

/** Names of tasks, as numbers in shared memory. */
export const TASKS = [
  'search',
  'costs',
  'images',
  'choice',
  'measure',
  'judge',
  'give-way',
  'expand',
  'render',
  'render-deep',
  'seams',
  'seams-deep',
  'still-damage',
  'still-labels',
] as const satisfies readonly Task[0][];
/** Most numbers that a task has. */
export const MAX_ARGUMENTS = 15;

/**
 * Rows of cells that a thread's row scratch is made for, and rows of luma: what one thread takes at
 * a time.
 */
export const CELL_ROWS = 8;
export const LUMA_ROWS = 32;
/**
 * Levels of the search whose blocks are fewer than this are done by one thread: the others would
 * not be awake in time.
 */
const FEW_BLOCKS = 1000;

/** Passes of the block search over each level: match, propagate, settle. */
const PASSES = 3;
const LEVELS = 5;

/**
 * The tasks of a whole block search in their order, each with its rows and how many of them are
 * taken at a time. `fine`: in small windows.
 */
export function searchTasks(
  p0: number,
  p1: number,
  width: number,
  height: number,
  work: number,
  seed: number,
  fine = false,
): { task: Task; rows: number; chunk: number }[] {
  return Array.from({ length: LEVELS * PASSES }, (_, n) => {
    const level = LEVELS - Math.floor(n / PASSES);
    const grid = searchGrid(width, height, level);
    return {
      task: ['search', p0, p1, width, height, work, seed, level, n % PASSES, fine ? 1 : 0],
      rows: grid.height,
      chunk: grid.width * grid.height < FEW_BLOCKS ? grid.height : CELL_ROWS,
    };
  });
}

/**
 * Does rows [begin, end) of a task on row thread number `thread`. At most {@link
 * CELL_ROWS} rows of cells at a time.
 */
export function perform(
  kernel: Kernel,
  name: Task[0],
  n: Int32Array,
  thread: number,
  begin: number,
  end: number,
): void {
  const [
    n0 = 0,
    n1 = 0,
    n2 = 0,
    n3 = 0,
    n4 = 0,
    n5 = 0,
    n6 = 0,
    n7 = 0,
    n8 = 0,
    n9 = 0,
    n10 = 0,
    n11 = 0,
    n12 = 0,
    n13 = 0,
    n14 = 0,
  ] = n;
  switch (name) {
    case 'search':
      kernel.searchRows(n0, n1, n2, n3, n4, n5, n6, n7, n8 === 0 ? 0 : 1, begin, end);
      return;
    case 'costs':
      kernel.candidateCosts(n0, n1, n2, n3, n4, n5, n6, n7, n8 + thread * n9, begin, end);
      return;
    case 'images':
      kernel.prepareImages(n0, n1, n2, n3, n4, n5, n6 + thread * n7, begin, end);
      return;
    case 'choice':
      kernel.chooseField(n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 + thread * n10, begin, end);
      return;
    case 'seams': {
      const { y, u, v, strideY, strideC, chromaWidth, chromaHeight } = planeLayout(n3, n4);
      const marks = n10 + thread * n11;
      kernel.findSeams(n5, n6, n7, (n3 + 7) >> 3, n8, n9, marks, begin, end);
      const motion = [n5, n6, n7, n8, marks, begin, end] as const;
      kernel.renderSeams(n0 + y, n1 + y, n2 + y, n3, n4, strideY, 0, 0, 0, ...motion);
      for (const plane of [u, v]) {
        const places = [n0 + plane, n1 + plane, n2 + plane] as const;
        kernel.renderSeams(...places, chromaWidth, chromaHeight, strideC, 1, 1, 0, ...motion);
      }
      return;
    }
    case 'seams-deep': {
      const marks = n13 + thread * n14;
      kernel.findSeams(n8, n9, n10, ((n3 << n6) + 7) >> 3, n11, n12, marks, begin, end);
      kernel.renderSeams(n0, n1, n2, n3, n4, n5, n6, n7, 1, n8, n9, n10, n11, marks, begin, end);
      return;
    }
    case 'still-damage':
      kernel.stillDamage(n0, n1, n2, n3, n4, n5, n6, n7, begin, end);
      return;
    case 'still-labels':
      kernel.stillLabels(n0, n1, n2, n3, n4, n5, n6, n7, n8, begin, end);
      return;
    case 'measure':
      kernel.measureCells(n0, n1, n2, n3, n4, n5, n6, n7, n8 === 2 ? 2 : 1, begin, end);
      return;
    case 'judge': {
      const scratch = n7 + thread * n8;
      kernel.judgeCells(n0, n1, n2, n3, n4, n5, n6, scratch, n9, n10 + thread * n11, begin, end);
      return;
    }
    case 'give-way': {
      const { y, u, v, strideY, strideC, chromaWidth } = planeLayout(n2, n3);
      const cells = [n4, n5, n6, n7 + thread * n8] as const;
      kernel.giveWay(n0 + y, n1 + y, n2, strideY, 0, 0, 0, ...cells, begin, end);
      for (const plane of [u, v]) {
        const places = [n0 + plane, n1 + plane] as const;
        kernel.giveWay(...places, chromaWidth, strideC, 1, 1, 0, ...cells, begin >> 1, (end + 1) >> 1);
      }
      return;
    }
    case 'expand':
      kernel.expandField(n0, n1, n2, n3, n4, n5, n6, begin, end);
      return;
    case 'render': {
      const step = 24 * n6 * n7;
      for (let motion = 0; motion < n8; motion++) {
        const field = n5 + motion * step;
        kernel.warpBlend(n0, n1, n2, n3, n4, field, n6, n7, n9 + thread * n10, begin, end, motion === 0 ? 0 : 1);
      }
      return;
    }
    case 'render-deep': {
      const scratch = n12 + thread * n13;
      for (let motion = 0; motion < n11; motion++) {
        const field = n8 + motion * 24 * n9 * n10;
        const shared = motion === 0 ? 0 : 1;
        kernel.warpDeep(n0, n1, n2, n3, n4, n5, n6, n7, field, n9, n10, scratch, begin, end, shared);
      }
      return;
    }
  }
}

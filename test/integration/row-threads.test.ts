import { describe, expect, it } from 'vitest';
import { Finisher } from '../../src/interp/finish/finisher.ts';
import { finishLayout } from '../../src/interp/finish/layout.ts';
import { loadKernel } from '../../src/interp/kernel/kernel.ts';
import { CELL_ROWS, LUMA_ROWS, searchTasks } from '../../src/interp/kernel/tasks.ts';
import { CellJudge, type Judgement } from '../../src/interp/worker/cell-judge.ts';
import { SEARCH_ODDS } from '../../src/interp/worker/confidence.ts';
import type { WireJob } from '../../src/interp/worker/protocol.ts';
import { RowThreads } from '../../src/interp/worker/row-threads.ts';
import { flowLayout } from '../../src/interp/worker/scratch-layout.ts';
import { smoothSeams } from '../../src/interp/worker/seams.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, type FrameInfo, planeLayout, SOURCE } from '../../src/media/frame.ts';
import { ZERO } from '../../src/time.ts';
import { drawText, scene, windowOf } from '../support/overlay.ts';
import { seededRandom } from '../support/random.ts';

const [WIDTH, HEIGHT] = [640, 352];
const INFO: FrameInfo = { pts: ZERO, arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };
/** What the jobs here have in common. */
const JOB: WireJob = {
  ...{ width: WIDTH, height: HEIGHT, a: 0, b: 0, outs: [], timesteps: [0.5], grainSeeds: [0] },
  ...{ minConfidence: 0, mode: 'whole', scratch: 0 },
  ...{ pyramidA: { offset: 0, ready: false }, pyramidB: { offset: 0, ready: false } },
};
const arena = new Arena(64);
const kernel = loadKernel(arena.memory);

/** Blobs, moved by `shift`, in a frame block. */
function blobs(shift: number): number {
  const { bytes, strideY } = planeLayout(WIDTH, HEIGHT);
  const { offset } = arena.allocate(bytes);
  const next = seededRandom(5);
  const waves = Array.from({ length: 6 }, () => [next() / 4, next() / 4, next() * 6] as const);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const value = waves.reduce((sum, [a, b, c]) => sum + Math.sin(a * (x - shift) + b * y + c), 0);
      arena.u8[offset + y * strideY + x] = 128 + 20 * value;
    }
  }
  return offset;
}

const [a, b] = [blobs(0), blobs(7)];
const layout = flowLayout(WIDTH, HEIGHT, 32, false, 4, 1, true);
const { bytes } = planeLayout(WIDTH, HEIGHT);
const pyramids = [a, b].map((frame) => {
  const { offset } = arena.allocate(2 * WIDTH * HEIGHT);
  kernel.buildPyramid(frame, WIDTH, HEIGHT, WIDTH, HEIGHT, offset);
  return offset;
});

/** Search, costs, network inputs, a field, and a rendered and judged frame by these threads: all bytes. */
function work(rowThreads: RowThreads): { scratch: Uint8Array; frame: Uint8Array; judgement: Judgement } {
  const scratch = arena.allocate(layout.bytes);
  const out = arena.allocate(bytes);
  arena.u8.fill(0, scratch.offset, scratch.offset + layout.bytes);
  arena.u8.fill(0, out.offset, out.offset + bytes);
  const at = (piece: number): number => scratch.offset + piece;
  const { gridWidth, gridHeight, rowScratchBytes } = layout;
  const [p0 = 0, p1 = 0] = pyramids;
  const [seed, rowScratch] = [at(layout.seed), at(layout.rowScratch)];
  const fine = at(layout.fine);
  const searches = [
    searchTasks(p0, p1, WIDTH, HEIGHT, at(layout.work), seed),
    searchTasks(p0, p1, WIDTH, HEIGHT, at(layout.work), fine, true),
  ];
  for (const { task, rows, chunk } of searches.flat()) rowThreads.run(task, rows, chunk);
  const candidates = [seed, fine, at(layout.motion), at(layout.costs)] as const;
  rowThreads.run(['costs', p0, p1, WIDTH, HEIGHT, ...candidates, rowScratch, rowScratchBytes], gridHeight, CELL_ROWS);
  rowThreads.run(
    ['images', p0, p1, WIDTH, HEIGHT, seed, at(layout.images), rowScratch, rowScratchBytes],
    gridHeight,
    CELL_ROWS,
  );
  const field = at(layout.field);
  const random = seededRandom(5);
  const choice = new Float32Array(arena.memory.buffer, at(layout.choice), 72 * gridWidth * gridHeight);
  choice.forEach((_, n) => {
    choice[n] = random() - 0.5;
  });
  new Float32Array(arena.memory.buffer, at(layout.trust), 1)[0] = 30;
  const seen = [seed, fine, at(layout.motion), at(layout.costs), field, gridWidth, gridHeight] as const;
  const choose = ['choice', at(layout.choice), at(layout.trust), ...seen, rowScratch, rowScratchBytes] as const;
  rowThreads.run(choose, gridHeight, CELL_ROWS);
  rowThreads.run(
    ['render', a, b, out.offset, WIDTH, HEIGHT, field, gridWidth, gridHeight, 2, rowScratch, rowScratchBytes],
    HEIGHT,
    LUMA_ROWS,
  );
  const judge = new CellJudge(kernel, rowThreads, arena.memory);
  const job: WireJob = { ...JOB, a, b, outs: [out.offset], minConfidence: 0.9999, scratch: scratch.offset };
  const judgement = judge.judge(job, layout, SEARCH_ODDS);
  const applied = { field, gridWidth, gridHeight, motions: 2, rowScratch, rowScratchBytes } as const;
  smoothSeams(rowThreads, job, 0, applied, at(layout.measured) + 12 * gridWidth * gridHeight);
  judge.giveWay(job, layout, 0);
  // What each thread has counted is its own.
  arena.u8.fill(0, at(layout.judged), at(layout.work));
  // What lies before the row scratch is the result; the row scratch is left as the last row's thread left it.
  const result = {
    scratch: arena.u8.slice(scratch.offset, rowScratch),
    frame: arena.u8.slice(out.offset, out.offset + bytes),
    judgement,
  };
  arena.free(scratch);
  arena.free(out);
  return result;
}

describe('RowThreads', () => {
  const alone = work(new RowThreads(kernel, arena.memory, 1));

  it('finds motion in the test frames, so that there is something to compare', () => {
    const vx = new Float32Array(alone.scratch.buffer, layout.seed, layout.gridWidth * layout.gridHeight);
    expect(vx.filter((v) => Math.abs(v - 7) < 1).length).toBeGreaterThan(0.8 * vx.length);
  });

  it.each([2, 4])('of %i threads makes the same bytes as one thread, however often', async (size) => {
    const rowThreads = new RowThreads(kernel, arena.memory, size);
    // They start in the background.
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let round = 0; round < 40; round++) {
      const together = work(rowThreads);
      expect(Buffer.compare(together.scratch, alone.scratch)).toBe(0);
      expect(Buffer.compare(together.frame, alone.frame)).toBe(0);
      expect(together.judgement).toEqual(alone.judgement);
    }
    rowThreads.close();
  });

  it.each([2, 4])('of %i threads keep text still as one thread does', async (size) => {
    const CLOCK = '30-11-2026 09:41:27';
    const wide = scene(WIDTH + 200, HEIGHT + 6);
    const shot = (left: number, text: string): Frame => {
      const frame = Frame.allocate(arena, WIDTH, HEIGHT, INFO);
      const picture = windowOf(wide, left, WIDTH, HEIGHT);
      for (const top of [8, 150, 250]) drawText(picture, text, 20, top, 2);
      for (let y = 0; y < HEIGHT; y++) {
        frame.bytes.set(picture.samples.subarray(y * WIDTH, (y + 1) * WIDTH), y * frame.layout.strideY);
      }
      return frame;
    };
    const [before, from, to, made] = [shot(88, CLOCK), shot(100, CLOCK), shot(112, CLOCK), shot(106, '')];
    const out = Frame.allocate(arena, WIDTH, HEIGHT, INFO);
    const job: WireJob = { ...JOB, a: from.offset, b: to.offset, frameBefore: before.offset, outs: [out.offset] };
    const scratch = arena.allocate(finishLayout(WIDTH, HEIGHT).bytes);
    const finished = (rowThreads: RowThreads): Uint8Array => {
      out.bytes.set(made.bytes);
      new Finisher(kernel, rowThreads).finish(job, scratch.offset);
      return out.bytes.slice();
    };
    const expected = finished(new RowThreads(kernel, arena.memory, 1));
    expect(Buffer.compare(expected, made.bytes)).not.toBe(0);
    const rowThreads = new RowThreads(kernel, arena.memory, size);
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let round = 0; round < 40; round++) expect(Buffer.compare(finished(rowThreads), expected)).toBe(0);
    rowThreads.close();
    for (const frame of [before, from, to, made, out]) frame.release();
    arena.free(scratch);
  });

  it('does not wait for threads that have not started, nor for those that have ended', () => {
    const rowThreads = new RowThreads(kernel, arena.memory, 3);
    expect(Buffer.compare(work(rowThreads).frame, alone.frame)).toBe(0);
    rowThreads.close();
    expect(Buffer.compare(work(rowThreads).frame, alone.frame)).toBe(0);
  });
});

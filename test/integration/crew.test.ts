import { describe, expect, it } from 'vitest';
import { loadKernel } from '../../src/interp/kernel/kernel.ts';
import { CELL_ROWS, LUMA_ROWS, searchTasks } from '../../src/interp/kernel/tasks.ts';
import { Crew } from '../../src/interp/worker/row-threads.ts';
import { scratchLayout } from '../../src/interp/worker/scratch-layout.ts';
import { Arena } from '../../src/media/arena.ts';
import { planeLayout } from '../../src/media/frame.ts';
import { seededRandom } from '../support/random.ts';

const [WIDTH, HEIGHT] = [640, 352];
const arena = new Arena(64);
const kernel = loadKernel(arena.memory);

/** A picture of blobs, moved by `shift`, in a frame block. */
function picture(shift: number): number {
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

const [a, b] = [picture(0), picture(7)];
const layout = scratchLayout(WIDTH, HEIGHT, 32, false, 4, 1);
const { bytes } = planeLayout(WIDTH, HEIGHT);
const pyramids = [a, b].map((frame) => {
  const { offset } = arena.allocate(2 * WIDTH * HEIGHT);
  kernel.buildPyramid(frame, WIDTH, HEIGHT, WIDTH, HEIGHT, offset);
  return offset;
});

/** Search, costs, network inputs and a rendered frame by this crew: all bytes. */
function work(crew: Crew): { scratch: Uint8Array; frame: Uint8Array } {
  const scratch = arena.allocate(layout.bytes);
  const out = arena.allocate(bytes);
  arena.u8.fill(0, scratch.offset, scratch.offset + layout.bytes);
  arena.u8.fill(0, out.offset, out.offset + bytes);
  const at = (piece: number): number => scratch.offset + piece;
  const { gridWidth, gridHeight, laneBytes } = layout;
  const [p0 = 0, p1 = 0] = pyramids;
  const [seed, lanes] = [at(layout.seed), at(layout.lanes)];
  for (const { task, rows, chunk } of searchTasks(p0, p1, WIDTH, HEIGHT, at(layout.work), seed)) {
    crew.run(task, rows, chunk);
  }
  crew.run(['costs', p0, p1, WIDTH, HEIGHT, seed, at(layout.costs), lanes, laneBytes], gridHeight, CELL_ROWS);
  crew.run(['images', p0, p1, WIDTH, HEIGHT, seed, at(layout.images), lanes, laneBytes], gridHeight, CELL_ROWS);
  kernel.seedField(seed, at(layout.field), gridWidth * gridHeight);
  const field = at(layout.field);
  crew.run(
    ['render', a, b, out.offset, WIDTH, HEIGHT, field, gridWidth, gridHeight, 1, lanes, laneBytes],
    HEIGHT,
    LUMA_ROWS,
  );
  // What lies before the lanes is the result; the lanes themselves belong to whoever did a row last.
  const result = {
    scratch: arena.u8.slice(scratch.offset, lanes),
    frame: arena.u8.slice(out.offset, out.offset + bytes),
  };
  arena.free(scratch);
  arena.free(out);
  return result;
}

describe('Crew', () => {
  const alone = work(new Crew(kernel, arena.memory, 1));

  it('finds motion in the test picture, so that there is something to compare', () => {
    const vx = new Float32Array(alone.scratch.buffer, layout.seed, layout.gridWidth * layout.gridHeight);
    expect(vx.filter((v) => Math.abs(v - 7) < 1).length).toBeGreaterThan(0.8 * vx.length);
  });

  it.each([2, 4])('of %i threads makes the same bytes as one thread, however often', async (size) => {
    const crew = new Crew(kernel, arena.memory, size);
    // The hands start in the background.
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let turn = 0; turn < 40; turn++) {
      const together = work(crew);
      expect(Buffer.compare(together.scratch, alone.scratch)).toBe(0);
      expect(Buffer.compare(together.frame, alone.frame)).toBe(0);
    }
    crew.close();
  });

  it('does not wait for hands that have not started, nor for those that have ended', () => {
    const crew = new Crew(kernel, arena.memory, 3);
    expect(Buffer.compare(work(crew).frame, alone.frame)).toBe(0);
    crew.close();
    expect(Buffer.compare(work(crew).frame, alone.frame)).toBe(0);
  });
});

import { expect, it } from 'vitest';
import { grainScratchBytes, gridSize, loadKernel } from '../../../../../../src/interp/kernel/kernel.ts';
import { Arena } from '../../../../../../src/media/arena.ts';
import { deepLayout, type SampleForm } from '../../../../../../src/media/deep-layout.ts';
import { planeLayout } from '../../../../../../src/media/frame.ts';
import { random } from '../../../../../support/kernel-scalar.ts';
import { fillBlock, planesOfBlock } from '../../../../../support/kernel-scalar-deep.ts';

const arena = new Arena(64);
const kernel = loadKernel(arena.memory);

/** Luma of noise over greys from `low` to `high`. */
function noisy(width: number, height: number, seed: number, [low, high]: readonly [number, number]) {
  const next = random(seed);
  const { bytes, strideY } = planeLayout(width, height);
  const block = arena.allocate(bytes);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const grey = low + ((high - low) * x) / width + 24 * (next() - 0.5);
      arena.u8[block.offset + y * strideY + x] = Math.min(Math.max(Math.round(grey), 0), 255);
    }
  }
  return block;
}

it.each([
  [8, 265, 167, 1, 40, 220],
  [10, 200, 120, 2, 40, 220],
  [12, 133, 370, 1, 0, 255],
  [16, 256, 192, 2, 0, 255],
])('%i bits at %i × %i get the grain of 8 bits, %i motions, greys %i…%i', (bits, width, height, motions, low, high) => {
  const form: SampleForm = { model: 'grey', bits, shiftX: 0, shiftY: 0, alpha: false };
  const layout = deepLayout(form, width, height);
  const [plane] = layout.planes;
  const { strideY } = planeLayout(width, height);
  const [a, b, out] = [1, 2, 3].map((seed) => noisy(width, height, seed, [low, high]));
  if (!a || !b || !out || !plane) throw new Error('no memory');
  const grid = gridSize(width, height, 32);
  const cells = grid.width * grid.height;
  const [fieldBlock, grain, deep] = [24 * motions * cells, grainScratchBytes(cells), layout.bytes + 128].map((size) =>
    arena.allocate(size),
  );
  if (!fieldBlock || !grain || !deep) throw new Error('no memory');
  const next = random(9);
  const field = new Float32Array(arena.memory.buffer, fieldBlock.offset, 6 * motions * cells);
  field.forEach((_, i) => {
    field[i] = Math.floor(i / cells) % 6 < 4 ? next() * 4 - 2 : next();
  });
  const gain = 2 ** (bits - 8);
  const luma = (x: number, y: number): number => arena.u8[out.offset + y * strideY + x] ?? Number.NaN;
  const guarded = arena.u8.subarray(deep.offset, deep.offset + layout.bytes + 128).fill(0xa5);
  const words = guarded.subarray(64, 64 + layout.bytes);
  fillBlock(words, layout, (_, x, y) => luma(x, y) * gain);
  const before = planesOfBlock(words, layout)[0]?.samples ?? new Uint16Array(0);
  const by = [fieldBlock.offset, grid.width, grid.height] as const;
  const size = [width, height] as const;
  kernel.grainStart(grain.offset);
  kernel.grainMeasure(a.offset, b.offset, ...size, ...by, grain.offset);
  const levels = [gain, 2 ** bits - 1] as const;
  const at = deep.offset + 64;
  kernel.grainAddDeep(out.offset, at, ...size, plane.stride, ...levels, ...by, motions, 1, 77, grain.offset);
  kernel.grainAdd(out.offset, ...size, ...by, motions, 1, 77, grain.offset);
  const after = planesOfBlock(words, layout)[0]?.samples ?? new Uint16Array(0);
  let [worst, finer, changed] = [0, 0, 0];
  after.forEach((v, i) => {
    worst = Math.max(worst, Math.abs(v / gain - luma(i % width, Math.floor(i / width))));
    if (v % gain !== 0 && v < 2 ** bits - 1) finer += 1;
    if (v !== before[i]) changed += 1;
  });
  // Whatever 8 bits round off, they round off twice; the brightest of them is not the brightest here.
  expect(worst).toBeLessThanOrEqual(1.05);
  expect(changed).toBeGreaterThan(after.length / 4);
  if (bits > 8) expect(finer).toBeGreaterThan(after.length / 8);
  expect([...guarded.subarray(0, 64), ...guarded.subarray(64 + layout.bytes)].every((v) => v === 0xa5)).toBe(true);
  for (const block of [a, b, out, fieldBlock, grain, deep]) arena.free(block);
});

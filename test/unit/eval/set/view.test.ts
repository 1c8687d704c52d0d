import { expect, it } from 'vitest';
import { viewOf } from '../../../../src/eval/set/view.ts';

/** A picture whose red is its column and whose green is its row, modulo 256. */
function numbered(width: number, height: number) {
  const rgba = new Uint8Array(4 * width * height);
  for (let i = 0; i < width * height; i++) rgba.set([i % width, Math.floor(i / width), 7, 255], 4 * i);
  return { width, height, rgba };
}

it('the whole picture is left as it is', () => {
  const picture = numbered(6, 4);
  expect(viewOf(picture, 'whole')).toBe(picture);
});

it.each([
  ['centre-half', 40, 24, [20, 12], [10, 6]],
  ['centre-512', 600, 520, [512, 512], [44, 4]],
  ['centre-512', 40, 600, [40, 512], [0, 44]],
] as const)('%s of %d×%d is %j from %j on', (view, width, height, size, [left, top]) => {
  const part = viewOf(numbered(width, height), view);
  expect([part.width, part.height]).toEqual(size);
  expect([part.rgba[0], part.rgba[1]]).toEqual([left % 256, top % 256]);
  const last = 4 * (part.width * part.height - 1);
  expect([part.rgba[last], part.rgba[last + 1]]).toEqual([(left + size[0] - 1) % 256, (top + size[1] - 1) % 256]);
});

it('half the size has rounded means of four pixels', () => {
  const rgba = new Uint8Array([0, 10, 255, 255, 1, 11, 255, 255, 1, 12, 255, 255, 1, 14, 254, 255]);
  // 3/4 → 1, 47/4 → 12, 1019/4 → 255.
  expect(viewOf({ width: 2, height: 2, rgba }, 'half')).toEqual({
    width: 1,
    height: 1,
    rgba: new Uint8Array([1, 12, 255, 255]),
  });
});

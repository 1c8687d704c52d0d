/** Pictures of half the size: each sample is the mean of four. */
import type { Arena } from '../../media/arena.ts';
import { Frame } from '../../media/frame.ts';

/** @returns a frame of half the width and height, in even numbers; the one that is given stays the caller's. @throws FrameliftError `arena.full`. */
export function halve(frame: Frame, arena: Arena): Frame {
  const { width, height, layout: from, bytes: source } = frame;
  const small = Frame.allocate(arena, (width >> 2) << 1, (height >> 2) << 1, frame);
  const { layout: to, bytes: target } = small;
  const planes = [
    [from.y, from.strideY, to.y, to.strideY, to.width, to.height],
    [from.u, from.strideC, to.u, to.strideC, to.chromaWidth, to.chromaHeight],
    [from.v, from.strideC, to.v, to.strideC, to.chromaWidth, to.chromaHeight],
  ] as const;
  for (const [start, stride, toStart, toStride, columns, rows] of planes) {
    for (let row = 0; row < rows; row += 1) {
      const above = start + 2 * row * stride;
      const below = above + stride;
      const out = toStart + row * toStride;
      for (let x = 0; x < columns; x += 1) {
        const at = 2 * x;
        // At even sizes twice a column or row is always within the plane.
        const sum = source[above + at]! + source[above + at + 1]! + source[below + at]! + source[below + at + 1]!;
        target[out + x] = (sum + 2) >> 2;
      }
    }
  }
  return small;
}

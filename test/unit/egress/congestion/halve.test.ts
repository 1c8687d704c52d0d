import { expect, it } from 'vitest';
import { halve } from '../../../../src/egress/congestion/halve.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../../src/media/frame.ts';
import { micros } from '../../../../src/time.ts';

const arena = new Arena(16);
const INFO = { pts: micros(7), arrival: micros(8), capture: micros(9), discontinuity: false, provenance: SOURCE };

it.each([
  [16, 12, 8, 6],
  [642, 362, 320, 180],
  [37, 23, 18, 10],
])('halves %d×%d to even sizes, each sample the mean of four', (width, height, smallWidth, smallHeight) => {
  const frame = Frame.allocate(arena, width, height, INFO);
  const { layout, bytes } = frame;
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = (i * 31) % 251;
  const small = halve(frame, arena);
  expect([small.width, small.height, small.pts, small.capture]).toEqual([smallWidth, smallHeight, 7, 9]);
  const planes = [
    [layout.y, layout.strideY, small.layout.y, small.layout.strideY, smallWidth, smallHeight],
    [layout.u, layout.strideC, small.layout.u, small.layout.strideC, smallWidth / 2, smallHeight / 2],
    [layout.v, layout.strideC, small.layout.v, small.layout.strideC, smallWidth / 2, smallHeight / 2],
  ] as const;
  for (const [from, stride, to, toStride, columns, rows] of planes) {
    const wrong: string[] = [];
    for (let y = 0; y < rows; y += 1) {
      for (let x = 0; x < columns; x += 1) {
        const at = from + 2 * y * stride + 2 * x;
        const sum = [at, at + 1, at + stride, at + stride + 1].reduce((of, i) => of + (bytes[i] ?? Number.NaN), 2);
        if (small.bytes[to + y * toStride + x] !== Math.floor(sum / 4)) wrong.push(`${x},${y}`);
      }
    }
    expect(wrong).toEqual([]);
  }
  frame.release();
  small.release();
  expect(arena.liveFrames).toBe(0);
});

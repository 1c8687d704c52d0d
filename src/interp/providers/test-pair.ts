/** The test pair of the providers' self-test: textured everywhere, and everything moves. */
import type { Arena } from '../../media/arena.ts';
import { Frame, SOURCE } from '../../media/frame.ts';
import { fromMs, ZERO } from '../../time.ts';

/** Luma samples that the ground and the disc move between both frames. */
const GROUND = { x: 6, y: -3 };
const DISC = { x: -5, y: 4 };

/** Waves of a few lengths and directions, 16…235. */
function texture(x: number, y: number): number {
  const waves = Math.sin(x / 5 + y / 9) + Math.sin(x / 13 - y / 7) + Math.sin((x + 2 * y) / 23) + Math.sin(y / 4);
  return 126 + 27 * waves;
}

function luma(x: number, y: number, width: number, height: number, t: number): number {
  const [cx, cy] = [width / 2 + DISC.x * t, height / 2 + DISC.y * t];
  if (Math.hypot(x - cx, y - cy) < Math.min(width, height) / 4) return texture(3 * (x - cx), 2 * (y - cy));
  return texture(x - GROUND.x * t, y - GROUND.y * t);
}

/** Both frames of the pair; the caller owns them. @throws FrameliftError `arena.full`. */
export function testPair(arena: Arena, width: number, height: number): [a: Frame, b: Frame] {
  return [draw(arena, width, height, 0), draw(arena, width, height, 1)];
}

function draw(arena: Arena, width: number, height: number, t: number): Frame {
  const time = t === 0 ? ZERO : fromMs(40);
  const info = { pts: time, arrival: time, capture: time, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info);
  const { y: luma0, u, v, strideY, strideC, chromaWidth, chromaHeight } = frame.layout;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) frame.bytes[luma0 + y * strideY + x] = luma(x, y, width, height, t);
  }
  for (let y = 0; y < chromaHeight; y++) {
    for (let x = 0; x < chromaWidth; x++) {
      const value = luma(2 * x, 2 * y, width, height, t);
      frame.bytes[u + y * strideC + x] = value;
      frame.bytes[v + y * strideC + x] = 255 - value;
    }
  }
  return frame;
}

/** Copies of a frame's planes without gaps: luma, u, v. */
export function planesOf(frame: Frame): Uint8Array[] {
  const { y, u, v, width, height, strideY, strideC, chromaWidth, chromaHeight } = frame.layout;
  const plane = (at: number, stride: number, columns: number, rows: number): Uint8Array => {
    const copy = new Uint8Array(columns * rows);
    for (let row = 0; row < rows; row++) {
      copy.set(frame.bytes.subarray(at + row * stride, at + row * stride + columns), row * columns);
    }
    return copy;
  };
  return [
    plane(y, strideY, width, height),
    plane(u, strideC, chromaWidth, chromaHeight),
    plane(v, strideC, chromaWidth, chromaHeight),
  ];
}

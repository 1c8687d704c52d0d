/**
 * The test pair: textured everywhere, and everything moves. Providers are compared by it, and
 * models timed.
 */
import type { Arena } from '../../media/arena.ts';
import { Frame, SOURCE } from '../../media/frame.ts';
import { fromMs, ZERO } from '../../time.ts';

/** Luma samples that the ground and the disc move between both frames. */
const GROUND = { x: 6, y: -3 };
const DISC = { x: -5, y: 4 };
/** How much finer the disc's texture is. */
const DISC_SCALE = { x: 3, y: 2 };

/** The waves of the texture: radians a sample along x, and along y. */
const WAVES = [
  { x: 1 / 5, y: 1 / 9 },
  { x: 1 / 13, y: -1 / 7 },
  { x: 1 / 23, y: 2 / 23 },
  { x: 0, y: 1 / 4 },
] as const;

/**
 * Sine and cosine of each wave's part of the angle at every position along one axis, wave after
 * wave.
 */
interface Table {
  readonly length: number;
  readonly sin: Float64Array;
  readonly cos: Float64Array;
}

function tableAlong(axis: 'x' | 'y', length: number, origin: number, scale = 1): Table {
  const angles = WAVES.flatMap((wave) => Array.from({ length }, (_, at) => wave[axis] * scale * (at - origin)));
  return { length, sin: Float64Array.from(angles, Math.sin), cos: Float64Array.from(angles, Math.cos) };
}

/** The texture at a sample, 16…235: of each wave the sine of the sum of its two angles. */
function textureAt(columns: Table, rows: Table, x: number, y: number): number {
  let sum = 0;
  for (let wave = 0; wave < WAVES.length; wave++) {
    const c = wave * columns.length + x;
    const r = wave * rows.length + y;
    sum += (columns.sin[c] ?? 0) * (rows.cos[r] ?? 0) + (columns.cos[c] ?? 0) * (rows.sin[r] ?? 0);
  }
  return 126 + 27 * sum;
}

/** Both frames of the pair; the caller owns them. @throws FrameliftError `arena.full`. */
export function testPair(arena: Arena, width: number, height: number): [a: Frame, b: Frame] {
  return [draw(arena, width, height, 0), draw(arena, width, height, 1)];
}

function draw(arena: Arena, width: number, height: number, t: number): Frame {
  const time = t === 0 ? ZERO : fromMs(40);
  const info = { pts: time, arrival: time, capture: time, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info);
  drawLuma(frame, t);
  drawChroma(frame);
  return frame;
}

/** The ground, and a disc in front of it. */
function drawLuma({ bytes, layout }: Frame, t: number): void {
  const { width, height } = layout;
  const centre = { x: width / 2 + DISC.x * t, y: height / 2 + DISC.y * t };
  const radius = Math.min(width, height) / 4;
  const ground = {
    columns: tableAlong('x', width, GROUND.x * t),
    rows: tableAlong('y', height, GROUND.y * t),
  };
  const disc = {
    columns: tableAlong('x', width, centre.x, DISC_SCALE.x),
    rows: tableAlong('y', height, centre.y, DISC_SCALE.y),
  };
  for (let y = 0; y < height; y++) {
    const row = layout.y + y * layout.strideY;
    for (let x = 0; x < width; x++) {
      const isDisc = (x - centre.x) ** 2 + (y - centre.y) ** 2 < radius ** 2;
      const { columns, rows } = isDisc ? disc : ground;
      bytes[row + x] = textureAt(columns, rows, x, y);
    }
  }
}

/** The luma of every second sample, and its opposite. */
function drawChroma({ bytes, layout }: Frame): void {
  const { y: luma, u, v, strideY, strideC, chromaWidth, chromaHeight } = layout;
  for (let y = 0; y < chromaHeight; y++) {
    for (let x = 0; x < chromaWidth; x++) {
      const value = bytes[luma + 2 * y * strideY + 2 * x] ?? 0;
      bytes[u + y * strideC + x] = value;
      bytes[v + y * strideC + x] = 255 - value;
    }
  }
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

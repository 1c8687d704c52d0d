/** Small drawn videos: which picture each frame shows, and what lies over it. */
import type { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { micros } from '../../src/time.ts';
import { seededRandom } from './random.ts';

const WIDTH = 128;
const HEIGHT = 72;

/** A video of drawings. */
export interface Cartoon {
  readonly frames: number;
  readonly fps: number;
  /** Number of the picture that frame i shows. */
  readonly pictureOf: (i: number) => number;
  /** Amplitude of the grain, new with each frame, in luma levels. */
  readonly grain?: number;
  /** What moves from picture to picture: a disc across the frame, or a mouth of 14 × 8 samples. Default: the disc. */
  readonly moves?: 'disc' | 'mouth';
  /** Frames between which the background moves with each frame. */
  readonly panFrom?: number;
  readonly panTo?: number;
  /** This frame does not follow on the one before. */
  readonly breakAt?: number;
  /** Where the disc is, instead of by the picture's number; samples. */
  readonly positionOf?: (i: number) => number;
}

/** Each picture stands for so many frames, in turn. */
export function heldFor(...frames: readonly number[]): (i: number) => number {
  const cycle = frames.reduce((sum, n) => sum + n, 0);
  return (i) => {
    let [left, picture] = [i % cycle, Math.floor(i / cycle) * frames.length];
    for (const n of frames) {
      if (left < n) return picture;
      left -= n;
      picture += 1;
    }
    return picture;
  };
}

/** `pictures` a second in `fps` frames, each shown until the next. */
export function pulledDown(pictures: number, fps: number): (i: number) => number {
  return (i) => Math.floor((i * pictures) / fps + 1e-9);
}

/** A scene in which each frame is of its own, noise over it. */
export function natural(manner: number, seed: number): Cartoon {
  const random = seededRandom(77 + seed);
  const positions: number[] = [20];
  let speed = 1.5;
  let rest = 0;
  for (let i = 1; i < 150; i++) {
    if (manner === 1) speed = Math.abs(speed + (random() - 0.5) * 1.2);
    if (manner === 2) rest = rest > 0 ? rest - 1 : random() < 0.08 ? Math.ceil(random() * 12) : 0;
    const step = manner === 3 ? 0.08 : rest > 0 ? 0 : speed;
    positions.push((positions[i - 1] ?? 0) + step);
  }
  return { frames: 150, fps: 30, pictureOf: (i) => i, grain: 6, positionOf: (i) => (positions[i] ?? 0) % 110 };
}

/** The i-th frame. */
export function cartoonFrame(arena: Arena, cartoon: Cartoon, i: number): Frame {
  const { fps, pictureOf, grain = 0, moves = 'disc', panFrom = 0, panTo = 0, breakAt, positionOf } = cartoon;
  const at = micros((i * 1e6) / fps);
  const discontinuity = i === 0 || i === breakAt;
  const info = { pts: at, arrival: at, capture: micros(0), discontinuity, provenance: SOURCE };
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, info);
  const { bytes, layout } = frame;
  const random = seededRandom(5000 + i);
  const picture = pictureOf(i);
  const pan = 2 * Math.max(0, Math.min(i, panTo) - panFrom);
  const x0 = positionOf?.(i) ?? 20 + Math.abs(((picture * 3) % 180) - 90);
  const open = 1 + ((picture * 3) % 6);
  bytes.fill(128);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      let value = 90 + 30 * Math.sin((x + pan) / 6) + y / 3;
      if (moves === 'disc' && (x - x0) ** 2 + (y - 36) ** 2 < 225) value = 200;
      if (moves === 'mouth' && Math.abs(x - 64) < 7 && Math.abs(y - 44) < open) value = 30;
      value += grain * (random() - 0.5) * 2;
      bytes[layout.y + y * layout.strideY + x] = Math.max(0, Math.min(255, Math.round(value)));
    }
  }
  return frame;
}

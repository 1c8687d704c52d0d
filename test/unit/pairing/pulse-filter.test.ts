import { describe, expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../src/media/frame.ts';
import { PulseFilter } from '../../../src/pairing/pulse-filter.ts';
import { type Micros, micros } from '../../../src/time.ts';
import { seededRandom } from '../../support/random.ts';

const WIDTH = 128;
const HEIGHT = 72;

/**
 * A video of X-ray pulses: which pulse each frame shows, and what lies between two frames of one
 * pulse.
 */
interface Exam {
  readonly videoFps: number;
  /** Pulse shown by the i-th frame. */
  readonly pulseOf: (i: number) => number;
  readonly frames: number;
  /**
   * Amplitude of the X-ray noise, new with each pulse, and of the frame grabber's, new with each
   * frame. Luma levels.
   */
  readonly quantum?: number;
  readonly grabber?: number;
  /** Frames that are coded anew, a little different, whatever they show. */
  readonly keyframeEvery?: number;
  readonly cutAt?: number;
}

/** The i-th frame: a dark disc that moves with each pulse, over a ramp. */
function draw(arena: Arena, exam: Exam, i: number): Frame {
  const { videoFps, quantum = 6, grabber = 0, keyframeEvery = 0, cutAt } = exam;
  const pulse = exam.pulseOf(i);
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, {
    pts: micros((i * 1e6) / videoFps),
    arrival: micros((i * 1e6) / videoFps),
    capture: micros(0),
    discontinuity: i === cutAt,
    provenance: SOURCE,
  });
  const { bytes, layout } = frame;
  const ray = seededRandom(1000 + pulse);
  const grab = seededRandom(1_000_000 + i);
  const refreshed = keyframeEvery > 0 && i % keyframeEvery === 0 ? 2 : 0;
  const x0 = 50 + 30 * Math.sin(pulse / 3);
  bytes.fill(128);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const disc = (x - x0) ** 2 + (y - 36) ** 2 < 400 ? -50 : 0;
      const noise = quantum * (ray() - 0.5) * 2 + grabber * (grab() - 0.5) * 2;
      const coding = refreshed * ((x + y) % 2 === 0 ? 1 : -1);
      bytes[layout.y + y * layout.strideY + x] = Math.round(130 + x / 8 + disc + noise + coding);
    }
  }
  return frame;
}

/** Numbers of the frames kept, and the interval found at the end. */
function kept(exam: Exam): { frames: number[]; interval: Micros | undefined } {
  const arena = new Arena(16);
  const filter = new PulseFilter();
  const frames: number[] = [];
  for (let i = 0; i < exam.frames; i++) {
    const frame = draw(arena, exam, i);
    if (filter.keep(frame)) frames.push(i);
    frame.release();
  }
  expect(arena.liveFrames).toBe(0);
  return { frames, interval: filter.interval };
}

/** Each of `pulses` a second is shown until the next, at `video` frames a second. */
const repeated =
  (pulses: number, video: number) =>
  (i: number): number =>
    Math.floor((i * pulses) / video + 1e-9);

/** Frames that are the first of their pulse. */
function firsts({ pulseOf, frames }: Exam, from: number): number[] {
  return Array.from({ length: frames }, (_, i) => i).filter((i) => i >= from && pulseOf(i) !== pulseOf(i - 1));
}

describe('PulseFilter', () => {
  it.each([
    [7.5, 30],
    [15, 30],
    [7.5, 60],
    [15, 60],
    [7.5, 25],
  ])('%f pulses a second in %i frames: from the first second on the first frame of each pulse', (pulses, videoFps) => {
    const exam: Exam = { videoFps, pulseOf: repeated(pulses, videoFps), frames: 3 * videoFps };
    const { frames, interval } = kept(exam);
    expect(frames.filter((i) => i >= videoFps)).toEqual(firsts(exam, videoFps));
    // To a frame: 7.5 pulses do not fill whole frames of a 25 fps video.
    expect(Math.abs((interval ?? 0) - 1e6 / pulses)).toBeLessThan(0.5e6 / videoFps);
  });

  it.each([
    ['noise of a frame grabber, a quarter of the X-ray noise', { grabber: 1.5 }],
    ['keyframes coded anew twice a second', { keyframeEvery: 14 }],
    ['both', { grabber: 1, keyframeEvery: 14 }],
  ])('finds the pulses through %s', (_what, disturbed) => {
    const exam: Exam = { videoFps: 30, pulseOf: repeated(7.5, 30), frames: 120, ...disturbed };
    expect(kept(exam).frames.filter((i) => i >= 30)).toEqual(firsts(exam, 30));
  });

  it.each([7.5, 15, 30])('leaves a video of %f frames a second alone whose frames are all pulses', (fps) => {
    const { frames, interval } = kept({ videoFps: fps, pulseOf: (i) => i, frames: 60 });
    expect(frames).toHaveLength(60);
    expect(interval).toBeUndefined();
  });

  it('goes on at the pulses’ pace while an image is held, and finds the pulses again', () => {
    const held = (i: number): number => Math.floor(Math.min(i, 60) / 4) + Math.floor(Math.max(0, i - 180) / 4);
    const { frames, interval } = kept({ videoFps: 30, pulseOf: held, frames: 300 });
    const gaps = frames.slice(1).map((i, k) => i - (frames[k] ?? 0));
    const during = gaps.filter((_, k) => (frames[k] ?? 0) >= 60 && (frames[k + 1] ?? 0) < 180);
    // The first one waits for a pulse that may be a frame late.
    expect(during[0]).toBe(5);
    expect(new Set(during.slice(1))).toEqual(new Set([4]));
    expect(frames.filter((i) => i >= 190)).toEqual(
      Array.from({ length: 300 }, (_, i) => i).filter((i) => i >= 190 && i % 4 === 0),
    );
    expect(interval).toBe(133_333);
  });

  it('follows a change of the pulse rate', () => {
    const slowThenFast = (i: number): number => (i < 90 ? Math.floor(i / 4) : 100 + Math.floor((i - 90) / 2));
    const { frames, interval } = kept({ videoFps: 30, pulseOf: slowThenFast, frames: 180 });
    // The very first one may be too weak to count before it is due.
    expect(frames.filter((i) => i >= 92)).toEqual(Array.from({ length: 44 }, (_, k) => 92 + 2 * k));
    expect(interval).toBe(66_667);
  });

  it('takes the frame after a discontinuity for a pulse, and still knows the others', () => {
    const exam: Exam = { videoFps: 30, pulseOf: repeated(7.5, 30), frames: 90, cutAt: 61 };
    expect(kept(exam).frames.filter((i) => i > 60)).toEqual([61, ...firsts(exam, 62)]);
  });
});

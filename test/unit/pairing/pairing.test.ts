import { describe, expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import type { PairDecision } from '../../../src/media/pair-decision.ts';
import { Pairing } from '../../../src/pairing/pairing.ts';
import { fromMs, type Micros, micros } from '../../../src/time.ts';
import { flatFrame } from '../../support/frames.ts';

/** Decides on frames given as [pts, level, size, discontinuity]; releases each at once. */
function decide(
  frames: readonly (readonly [pts: Micros, level: number, size?: number, discontinuity?: boolean])[],
  pairing = new Pairing(),
): (PairDecision | undefined)[] {
  const arena = new Arena(16);
  const decisions = frames.map(([pts, level, size = 64, discontinuity = false]) => {
    const frame = flatFrame(arena, pts, level, size, { discontinuity });
    const decision = pairing.next(frame);
    frame.release();
    return decision;
  });
  expect(arena.liveFrames).toBe(0);
  return decisions;
}

const ms = fromMs;

describe('Pairing', () => {
  it('has nothing to decide on the first frame, discontinuity or not', () => {
    expect(decide([[ms(0), 100]])).toEqual([undefined]);
    expect(decide([[ms(0), 100, 64, true]])).toEqual([undefined]);
  });

  it('lets interpolate between frames of one scene', () => {
    expect(
      decide([
        [ms(0), 100],
        [ms(33), 103],
        [ms(67), 106],
      ]),
    ).toEqual([undefined, 'interpolate', 'interpolate']);
  });

  it('reads pixels only while it is asked: a frame that is gone is still compared', () => {
    expect(
      decide([
        [ms(0), 100],
        [ms(33), 100],
        [ms(67), 101],
        [ms(100), 101],
      ]),
    ).toEqual([undefined, 'duplicate', 'interpolate', 'duplicate']);
  });

  it('separates at a discontinuity, at times that stand still or go back, and at a gap too long', () => {
    expect(
      decide([
        [ms(0), 100],
        [ms(33), 103, 64, true],
        [ms(67), 106],
        [ms(67), 109],
        [ms(50), 112],
        [ms(550), 115],
        [micros(1_050_001), 118],
        [micros(1_550_001), 121],
      ]),
    ).toEqual([
      undefined,
      'discontinuity',
      'interpolate',
      'discontinuity',
      'discontinuity',
      'interpolate',
      'discontinuity',
      'interpolate',
    ]);
  });

  it('of a file interpolates across any gap: a time lapse, a picture that stood', () => {
    const gaps: [Micros, number][] = [
      [ms(0), 100],
      [ms(90_000), 103],
      [ms(90_040), 106],
    ];
    expect(decide(gaps, new Pairing({ anyGap: true }))).toEqual([undefined, 'interpolate', 'interpolate']);
  });

  it('separates at a change of size, which counts more than a discontinuity', () => {
    expect(
      decide([
        [ms(0), 100],
        [ms(33), 103, 96, true],
        [ms(67), 106, 96],
        [ms(100), 106, 64],
      ]),
    ).toEqual([undefined, 'size-change', 'interpolate', 'size-change']);
  });

  it('sees a cut, once', () => {
    expect(
      decide([
        [ms(0), 40],
        [ms(33), 43],
        [ms(67), 200],
        [ms(100), 203],
        [ms(133), 40],
      ]),
    ).toEqual([undefined, 'interpolate', 'cut', 'interpolate', 'cut']);
  });

  it('calls a cut across a discontinuity a discontinuity, and is not confused after it', () => {
    expect(
      decide([
        [ms(0), 40],
        [ms(33), 200, 64, true],
        [ms(67), 203],
      ]),
    ).toEqual([undefined, 'discontinuity', 'interpolate']);
  });

  it('starts anew after reset', () => {
    const pairing = new Pairing();
    decide([[ms(0), 100]], pairing);
    pairing.reset();
    expect(
      decide(
        [
          [ms(33), 103],
          [ms(67), 106],
        ],
        pairing,
      ),
    ).toEqual([undefined, 'interpolate']);
  });

  it('never mixes up its two fingerprints over many frames', () => {
    const pairing = new Pairing();
    const frames = Array.from({ length: 50 }, (_, i) => [ms(33 * i), i % 4 < 2 ? 100 : 104] as const);
    const decisions = decide(frames, pairing).slice(1);
    decisions.forEach((decision, i) => {
      expect(decision).toBe(i % 2 ? 'interpolate' : 'duplicate');
    });
  });
});

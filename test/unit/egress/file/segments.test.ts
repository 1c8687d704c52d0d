import { describe, expect, it } from 'vitest';
import { segmentFrames } from '../../../../src/egress/file/segments.ts';

describe('segmentFrames', () => {
  it.each([
    [1, 48],
    [24, 48],
    [25, 50],
    [48, 96],
    [60, 120],
    [240, 120],
  ])('at %i fps: %i, two seconds, but not too much work and not too many keyframes', (fps, frames) => {
    expect(segmentFrames({ num: fps, den: 1 })).toBe(frames);
  });
});

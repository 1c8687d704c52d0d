import { describe, expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import { Frame, planeLayout, SOURCE } from '../../../src/media/frame.ts';
import { micros } from '../../../src/time.ts';
import { flatFrame } from '../../support/frames.ts';

const misuse = expect.objectContaining({ code: 'frame.misuse' });

describe('planeLayout', () => {
  it.each([
    [2, 2],
    [3, 5],
    [63, 1],
    [64, 48],
    [65, 49],
    [1279, 719],
    [1920, 1080],
  ])('places the planes of %i × %i apart, aligned, within the block', (width, height) => {
    const l = planeLayout(width, height);
    expect([l.chromaWidth, l.chromaHeight]).toEqual([Math.ceil(width / 2), Math.ceil(height / 2)]);
    expect(l.strideY % 64).toBe(0);
    expect(l.strideC % 32).toBe(0);
    expect(l.strideY).toBeGreaterThanOrEqual(width);
    expect(l.strideC).toBeGreaterThanOrEqual(l.chromaWidth);
    expect(l.u).toBeGreaterThanOrEqual(l.y + l.strideY * height);
    expect(l.v).toBeGreaterThanOrEqual(l.u + l.strideC * l.chromaHeight);
    expect(l.bytes).toBeGreaterThanOrEqual(l.v + l.strideC * l.chromaHeight + 64);
  });
});

describe('Frame', () => {
  it('counts as live until it is released, and gives its pixels back', () => {
    const arena = new Arena(16);
    const frame = flatFrame(arena, micros(0));
    expect(arena.liveFrames).toBe(1);
    expect(arena.usedBytes).toBeGreaterThanOrEqual(frame.layout.bytes);
    expect(frame.alive).toBe(true);
    frame.release();
    expect(frame.alive).toBe(false);
    expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  });

  it('throws on a second release and on any use after the first, without harm to others', () => {
    const arena = new Arena(16);
    const frame = flatFrame(arena, micros(0));
    frame.release();
    const heir = flatFrame(arena, micros(1));
    expect(() => frame.release()).toThrow(misuse);
    expect(() => frame.bytes).toThrow(misuse);
    expect(() => frame.offset).toThrow(misuse);
    expect(() => frame.share()).toThrow(misuse);
    expect(heir.bytes.at(0)).toBe(128);
    expect(arena.liveFrames).toBe(1);
    heir.release();
    expect(arena.liveFrames).toBe(0);
  });

  it('shares pixels among handles and frees them with the last one, in any order', () => {
    const arena = new Arena(16);
    const first = flatFrame(arena, micros(0), 50);
    const second = first.share();
    const third = second.share();
    expect(arena.liveFrames).toBe(3);
    first.release();
    expect(second.offset).toBe(third.offset);
    second.release();
    expect(third.bytes[0]).toBe(50);
    expect(arena.usedBytes).toBeGreaterThan(0);
    third.release();
    expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  });

  it('changes only what share is told to change, falsy values included', () => {
    const arena = new Arena(16);
    const frame = flatFrame(arena, micros(7), 1, 16, { arrival: micros(9), discontinuity: true });
    const synthetic = { kind: 'synthetic', t: 0.5, model: 'm', confidence: 0.9 } as const;
    const changed = frame.share({ pts: micros(0), discontinuity: false, provenance: synthetic });
    expect(changed).toMatchObject({ pts: 0, arrival: 9, discontinuity: false, provenance: synthetic });
    expect(frame).toMatchObject({ pts: 7, arrival: 9, discontinuity: true, provenance: SOURCE });
    const same = frame.share();
    expect(same).toMatchObject({ pts: 7, arrival: 9, discontinuity: true, provenance: SOURCE });
    for (const handle of [frame, changed, same]) handle.release();
  });

  it('is not counted when the arena has no room for it', () => {
    const arena = new Arena(16);
    const full = expect.objectContaining({ code: 'arena.full' });
    const info = { pts: micros(0), arrival: micros(0), capture: micros(0), discontinuity: false, provenance: SOURCE };
    expect(() => Frame.allocate(arena, 8192, 8192, info)).toThrow(full);
    expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  });
});

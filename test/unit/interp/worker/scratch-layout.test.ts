import { describe, expect, it } from 'vitest';
import { finishLayout } from '../../../../src/interp/finish/layout.ts';
import type { NetworkFacts } from '../../../../src/interp/worker/protocol.ts';
import {
  flowLayout,
  flowLayoutOfPair,
  halfFlowLayout,
  i420Layout,
  i420LayoutOfPair,
  JUDGED_BY,
  JUDGED_BYTES,
  rgbLayout,
  scratchBytes,
} from '../../../../src/interp/worker/scratch-layout.ts';

/** A piece of a scratch: where it begins and how long it is. */
type Piece = readonly [offset: number, bytes: number];

/** Whether the pieces lie behind each other, aligned, within so many bytes. */
function expectApart(pieces: readonly Piece[], total: number): void {
  const inOrder = pieces.toSorted(([a], [b]) => a - b);
  for (const [i, [offset, bytes]] of inOrder.entries()) {
    expect(offset % 64).toBe(0);
    expect(offset + bytes).toBeLessThanOrEqual(inOrder[i + 1]?.[0] ?? total);
  }
}

const [PAIRS, THREADS] = [3, 2];

describe.each([
  [1280, 720],
  [71, 45],
])('the scratch for %d × %d', (width, height) => {
  const flow = flowLayout(width, height, 32, true, THREADS, PAIRS, true);
  const cells = flow.gridWidth * flow.gridHeight;
  const piecesOfPair = (index: number, motions: 1 | 2): Piece[] => {
    const { seed, images, fine, costs, motion, choice, field } = flowLayoutOfPair(flow, index, { costs: 28, motions });
    return [
      [seed, 12 * cells],
      [images, 64 * cells],
      [fine, 12 * cells],
      [costs, 112 * cells],
      [motion, 32 * cells],
      [choice, 288 * cells],
      [field, motions * 24 * cells],
    ];
  };

  it('of a flow network has its own place for each pair, each thread and the grain', () => {
    const pairs = Array.from({ length: PAIRS }, (_, i) => piecesOfPair(i, 2));
    const bounds = pairs.flat().toSorted(([a], [b]) => a - b);
    for (const [i, [offset, bytes]] of bounds.entries()) {
      expect(offset + bytes).toBeLessThanOrEqual(bounds[i + 1]?.[0] ?? flow.retimed);
    }
    expectApart(
      [
        [flow.trust, 4],
        [flow.retimed, 48 * cells],
        [flow.measured, 16 * cells],
        [flow.way, 4 * cells],
        [flow.judged, JUDGED_BY + THREADS * JUDGED_BYTES],
        [flow.work, 0],
        [flow.rowScratch, THREADS * flow.rowScratchBytes],
        [flow.grain, cells],
      ],
      flow.bytes,
    );
  });

  it('of a flow network at half the size lies behind that of the whole', () => {
    const half = halfFlowLayout(width, height, 32, THREADS, PAIRS, flow, true);
    expect([half.width, half.height]).toEqual([Math.ceil(width / 2), Math.ceil(height / 2)]);
    const { seed, images, fine, costs, motion, field, retimed, work, rowScratch } = half.path;
    const offsets = [seed, images, fine, costs, motion, field, retimed, work, rowScratch];
    expect(Math.min(...offsets)).toBeGreaterThanOrEqual(half.luma + half.width * half.height);
    expect(half.luma).toBe(flow.bytes);
    expect(half.bytes).toBeGreaterThan(Math.max(...offsets));
    expect(half.path.paddedWidth).toBeLessThan(flow.paddedWidth);
  });

  it('of an i420 network has the images of all pairs one after the other', () => {
    const [w, h] = [flow.paddedWidth, flow.paddedHeight];
    const layout = i420Layout(w, h, { seeded: true, times: 'any' }, THREADS, PAIRS);
    const pieces = Array.from({ length: PAIRS }, (_, i) => i420LayoutOfPair(layout, i)).flatMap(({ images }) =>
      images.flatMap(({ y, u, v }): Piece[] => [
        [y, w * h],
        [u, (w * h) / 4],
        [v, (w * h) / 4],
      ]),
    );
    const inOrder = pieces.toSorted(([a], [b]) => a - b);
    expect(inOrder).toHaveLength(PAIRS * 9);
    for (const [i, [offset, bytes]] of inOrder.entries()) {
      expect(offset + bytes).toBeLessThanOrEqual(inOrder[i + 1]?.[0] ?? layout.seed);
    }
  });

  it('of an rgb network has frames for three halvings where it only knows the middle', () => {
    const rgb = { multiple: 32, planes: 7, inputBytes: 2, outputBytes: 4 } as const;
    const padded = { width: flow.paddedWidth, height: flow.paddedHeight };
    const samples = padded.width * padded.height;
    const half = rgbLayout({ width, height }, padded, rgb, 'half');
    expect(half.middles).toHaveLength(3);
    expectApart(
      [
        [half.input, 14 * samples],
        [half.output, 12 * samples],
        ...half.middles.map((at): Piece => [at, width * height]),
      ],
      half.bytes,
    );
    expect(rgbLayout({ width, height }, padded, rgb, 'any').middles).toEqual([]);
  });

  it('is what the engine allocates: enough for the padding of each kind of network', () => {
    const setup = { multiple: 32, grain: 1, threads: THREADS };
    const facts = { seeded: true, times: 'any', batches: true } as const;
    const bytesOf = (network: NetworkFacts | undefined): number =>
      scratchBytes(network, setup, PAIRS, width, height) - finishLayout(width, height).bytes;
    const flowBytes = [true, false].map((chooses) => {
      const whole = flowLayout(width, height, 32, true, THREADS, PAIRS, chooses);
      const half = halfFlowLayout(width, height, 32, THREADS, PAIRS, whole, chooses);
      expect(bytesOf({ ...facts, kind: 'flow', chooses })).toBe(half.bytes);
      return half.bytes;
    });
    // Who gives a field has no room for a choice.
    expect(flowBytes[1]).toBeLessThan(flowBytes[0] ?? 0);
    const [w, h] = [flow.paddedWidth, flow.paddedHeight];
    expect(bytesOf({ ...facts, kind: 'i420' })).toBe(i420Layout(w, h, facts, THREADS, PAIRS).bytes);
    const rgb = { multiple: 64, planes: 11, inputBytes: 4, outputBytes: 4 } as const;
    const up = (side: number): number => Math.ceil(side / 64) * 64;
    const padded = { width: up(width), height: up(height) };
    expect(bytesOf({ ...facts, kind: 'rgb', rgb })).toBe(rgbLayout({ width, height }, padded, rgb, 'any').bytes);
    expect(bytesOf(undefined)).toBe(0);
  });
});

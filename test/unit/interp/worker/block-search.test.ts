import { describe, expect, it } from 'vitest';
import { type Kernel, pyramidBytes } from '../../../../src/interp/kernel/kernel.ts';
import { BlockSearch } from '../../../../src/interp/worker/block-search.ts';
import type { WireJob } from '../../../../src/interp/worker/protocol.ts';
import { RowThreads } from '../../../../src/interp/worker/row-threads.ts';
import { flowLayout, type HalfFlowLayout, halfFlowLayout } from '../../../../src/interp/worker/scratch-layout.ts';
import { FlowRig, texture } from '../../../support/flow-rig.ts';

/** A texture that gathers speed. */
const scene = (x: number, y: number, t: number): number => texture(x - 7 * t - 3 * t * t, y + 4 * t);

/** What a pair beside has whose vectors are ready. */
const NOT_LENT = { offset: 0, ready: false };

/** A rig whose calls of the kernel are counted. */
function counted(half = false) {
  const rig = new FlowRig(scene, { mode: half ? 'half' : 'search', pairs: 2 });
  const calls = { searches: 0, pyramids: 0 };
  const kernel: Kernel = {
    ...rig.kernel,
    searchRows: (...n) => {
      // The first rows of the last pass.
      if (n[6] === 1 && n[7] === 2 && n[8] === 0) calls.searches += 1;
      rig.kernel.searchRows(...n);
    },
    buildPyramid: (...n) => {
      calls.pyramids += 1;
      rig.kernel.buildPyramid(...n);
    },
  };
  const search = new BlockSearch(kernel, new RowThreads(kernel, rig.arena.memory, 1), rig.arena.memory);
  const whole = flowLayout(rig.width, rig.height, 32, false, 1, 2, true);
  const layout: HalfFlowLayout | undefined = half
    ? halfFlowLayout(rig.width, rig.height, 32, 1, 2, whole, true)
    : undefined;
  const run = (...jobs: WireJob[]): void => {
    search.begin();
    for (const job of jobs) search.search(job, layout?.path ?? whole, layout);
  };
  const found = ({ scratch }: WireJob): Float32Array => rig.vectors({ offset: scratch + (layout?.path ?? whole).seed });
  return { rig, calls, run, found };
}

/** Horizontal motion in the middle of a grid of vectors. */
function middle(vectors: Float32Array): number {
  return vectors.subarray(0, vectors.length / 3).toSorted()[vectors.length / 6] ?? Number.NaN;
}

describe.each([false, true])('the block search of a run, half the size: %s', (half) => {
  const scale = half ? 0.5 : 1;

  it('keeps the vectors that it finds, its own and those of the pairs beside', () => {
    const { rig, calls, run, found } = counted(half);
    const [seed, before, after] = [rig.seed(), rig.neighbour(-1), rig.neighbour(2)];
    const job = rig.wire({ times: [0, 1], seed, before, after });
    run(job);
    expect(calls).toEqual({ searches: 3, pyramids: 4 });
    expect(rig.vectors(seed)).toEqual(found(job));
    for (const [place, moved] of [
      [before.seed, 4],
      [seed, 10],
      [after.seed, 16],
    ] as const) {
      expect(Math.abs(middle(rig.vectors(place)) - scale * moved)).toBeLessThan(0.5);
    }
  });

  it('reads what is kept and searches nothing', () => {
    const { rig, calls, run, found } = counted(half);
    const [seed, before] = [rig.seed(), rig.neighbour(-1)];
    const first = rig.wire({ times: [0, 1], seed, before });
    run(first);
    const vectors = rig.vectors(seed);
    const ready = { ...seed, ready: true };
    const besideReady = { ...before, seed: { ...before.seed, ready: true }, pyramid: NOT_LENT };
    const pyramidA = { ...first.pyramidA, ready: true };
    const pyramidB = { ...first.pyramidB, ready: true };
    const again = { ...rig.wire({ times: [0, 1], seed: ready, before: besideReady }), pyramidA, pyramidB };
    found(again).fill(0);
    run(again);
    expect(calls).toEqual({ searches: 2, pyramids: 3 });
    expect(found(again)).toEqual(vectors);
  });

  it('fills the pyramids of a job whose vectors are kept', () => {
    const { rig, calls, run } = counted(half);
    const seed = rig.seed();
    run(rig.wire({ times: [0, 1], seed }));
    const job = rig.wire({ times: [0, 1], seed: { ...seed, ready: true } });
    run(job);
    expect(calls).toEqual({ searches: 1, pyramids: 4 });
    const size = pyramidBytes(rig.width * scale, rig.height * scale);
    expect(rig.arena.u8.subarray(job.pyramidB.offset, job.pyramidB.offset + size).some((v) => v !== 0xee)).toBe(true);
  });

  it('fills what the jobs of a run share once', () => {
    const { rig, calls, run, found } = counted(half);
    const first = rig.wire({ times: [0, 1], seed: rig.seed() });
    const kept = first.seed ?? rig.seed();
    const second = {
      ...rig.wire({ times: [1, 2], before: { frame: first.a, pyramid: first.pyramidA, seed: kept, ratio: 1 } }),
      pyramidA: first.pyramidB,
    };
    run(first, second);
    expect(calls).toEqual({ searches: 2, pyramids: 3 });
    expect(Math.abs(middle(rig.vectors(kept)) - scale * 10)).toBeLessThan(0.5);
    expect(Math.abs(middle(found(second)) - scale * 16)).toBeLessThan(0.5);
    // The next run finds the same places with other frames in them.
    run(first);
    expect(calls).toEqual({ searches: 3, pyramids: 5 });
  });
});

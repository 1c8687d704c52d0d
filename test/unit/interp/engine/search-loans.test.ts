import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SearchCaches } from '../../../../src/interp/engine/search-loans.ts';
import { Arena } from '../../../../src/media/arena.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { fromMs } from '../../../../src/time.ts';
import { flatFrame } from '../../../support/frames.ts';

const SETTINGS = { workers: 1, maxPairs: 1, multiple: 32 };

let arena: Arena;
let frames: Frame[];
let caches: SearchCaches;
beforeEach(() => {
  arena = new Arena(16);
  frames = Array.from({ length: 8 }, (_, i) => flatFrame(arena, fromMs(40 * i), 100, 64));
});
afterEach(() => {
  for (const frame of frames) frame.release();
  caches.clear();
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

/** The job of a pair, by the number of its first frame. */
function job(i: number, more: { mode?: 'whole' | 'half' | 'search'; after?: boolean; stream?: string } = {}) {
  const [before, a, b, after] = [-1, 0, 1, 2].map((k) => frames[i + k]);
  if (!a || !b) throw new Error('no such pair');
  return {
    stream: more.stream ?? 's',
    a,
    b,
    mode: more.mode ?? ('whole' as const),
    ...(before ? { before: { frame: before, ratio: 1 } } : {}),
    ...(more.after && after ? { after: { frame: after, ratio: 0.5 } } : {}),
  };
}

/** Runs jobs one after the other; says which blocks each had, and which of these were ready. */
function run(jobs: readonly ReturnType<typeof job>[], fails: readonly number[] = []) {
  return jobs.map((one, i) => {
    const loans = caches.lend(one, true);
    const { seed, before, after, pyramidA, pyramidB } = loans.wire;
    loans.done(!fails.includes(i));
    const readyOf = (pair: typeof before): unknown => pair && [pair.seed.ready, pair.pyramid.offset > 0];
    return {
      pyramids: [pyramidA.ready, pyramidB.ready],
      seed: seed?.ready,
      before: readyOf(before),
      after: readyOf(after),
    };
  });
}

describe('SearchCaches, live', () => {
  beforeEach(() => {
    caches = new SearchCaches(arena, { ...SETTINGS, searchBeside: false });
  });

  it('tells of the pair before where its vectors are there, and never has them sought', () => {
    expect(run([job(1), job(2), job(3)])).toEqual([
      { pyramids: [false, false], seed: false, before: undefined, after: undefined },
      { pyramids: [true, false], seed: false, before: [true, false], after: undefined },
      { pyramids: [true, false], seed: false, before: [true, false], after: undefined },
    ]);
  });

  it('does not tell of one that failed, was left out, is still under way, or was sought at another size', () => {
    expect(run([job(1), job(2)], [0])[1]?.before).toBeUndefined();
    expect(run([job(4)])[0]?.before).toBeUndefined();
    const underWay = caches.lend(job(5), true);
    expect(run([job(6)])[0]?.before).toBeUndefined();
    underWay.done(true);
    expect(run([job(6, { mode: 'half' })])[0]?.before).toBeUndefined();
    // The search alone works at the size of the frames.
    expect(run([job(6, { mode: 'search' })])[0]?.before).toEqual([true, false]);
  });

  it('keeps two pairs of vectors for a stream, however long it runs', () => {
    const pixels = arena.usedBytes;
    run([job(1), job(2), job(3)]);
    const settled = arena.usedBytes;
    run([job(4), job(5), job(6)]);
    expect(arena.usedBytes).toBe(settled);
    expect(settled).toBeGreaterThan(pixels);
  });

  it('keeps none for a model that makes no use of them', () => {
    const loans = caches.lend(job(1), false);
    expect(Object.keys(loans.wire)).toEqual(['pyramidA', 'pyramidB']);
    loans.done(true);
  });
});

describe('SearchCaches, for files', () => {
  beforeEach(() => {
    caches = new SearchCaches(arena, { ...SETTINGS, searchBeside: true });
  });

  it('has vectors sought that are not there, each once, with the pyramids that this takes', () => {
    const all = { after: true };
    expect(run([job(2, all), job(3, all), job(4)])).toEqual([
      { pyramids: [false, false], seed: false, before: [false, true], after: [false, true] },
      { pyramids: [true, true], seed: true, before: [true, false], after: [false, true] },
      { pyramids: [true, true], seed: true, before: [true, false], after: undefined },
    ]);
  });

  it('has them sought again when a job has failed', () => {
    const all = { after: true };
    const failed = { pyramids: [false, false], seed: false, before: [false, true], after: [false, true] };
    expect(run([job(2, all), job(2, all)], [0])).toEqual([failed, failed]);
  });

  it('lends nothing where there is no room', () => {
    const rest = arena.allocate(16 * 2 ** 20 - arena.usedBytes - 65_536 - 40_000);
    expect(() => caches.lend(job(2, { after: true }), true)).toThrow('arena');
    arena.free(rest);
    expect(run([job(2)])[0]).toMatchObject({ pyramids: [false, false], seed: false });
  });

  it('gives the ratio of each pair beside', () => {
    const loans = caches.lend(job(2, { after: true }), true);
    expect([loans.wire.before?.ratio, loans.wire.after?.ratio]).toEqual([1, 0.5]);
    expect([loans.wire.before?.frame, loans.wire.after?.frame]).toEqual([frames[1]?.offset, frames[4]?.offset]);
    loans.done(true);
  });
});

import { expect, it } from 'vitest';
import { PyramidCache } from '../../../../src/interp/engine/pyramid-cache.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../../src/media/frame.ts';
import { micros } from '../../../../src/time.ts';

const arena = new Arena(16);
const frame = (ms: number): Frame => {
  const at = micros(ms * 1000);
  return Frame.allocate(arena, 16, 16, { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE });
};

it('lends a filled pyramid again, also for another handle, and never one that is being filled, failed, or of the halved picture', () => {
  const cache = new PyramidCache(arena, 4);
  const a = frame(0);
  const first = cache.lend(a, 100, false);
  const second = cache.lend(a, 100, false);
  expect([first.ready, second.ready, first.offset === second.offset]).toEqual([false, false, false]);
  first.done(true);
  first.done(true);
  second.done(false);
  const handle = a.share();
  const third = cache.lend(handle, 100, false);
  expect([third.ready, third.offset]).toEqual([true, first.offset]);
  third.done(true);
  const half = cache.lend(a, 100, true);
  expect(half.ready).toBe(false);
  half.done(true);
  for (const f of [a, handle]) f.release();
  cache.clear();
  expect(arena.usedBytes).toBe(0);
});

it('knows a new frame in the block of an old one, at the same instants', () => {
  const cache = new PyramidCache(arena, 4);
  const old = frame(0);
  const { offset } = old;
  cache.lend(old, 100, false).done(true);
  old.release();
  const next = frame(0);
  expect(next.offset).toBe(offset);
  const loan = cache.lend(next, 100, false);
  expect(loan.ready).toBe(false);
  loan.done(true);
  next.release();
  cache.clear();
});

it('keeps to its capacity, reuses blocks, and frees lent ones only when they come back', () => {
  const cache = new PyramidCache(arena, 2);
  const frames = [0, 1, 2, 3, 4, 5].map(frame);
  const pixels = arena.usedBytes;
  for (const f of frames) cache.lend(f, 128, false).done(true);
  expect(arena.usedBytes - pixels).toBe(256);
  const loans = frames.map((f) => cache.lend(f, 128, false));
  expect(new Set(loans.map((l) => l.offset)).size).toBe(6);
  cache.clear();
  expect(arena.usedBytes - pixels).toBe(6 * 128);
  for (const loan of loans) loan.done(true);
  expect(arena.usedBytes - pixels).toBe(256);
  cache.clear();
  for (const f of frames) f.release();
  expect(arena.usedBytes).toBe(0);
});

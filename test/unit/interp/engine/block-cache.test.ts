import { expect, it } from 'vitest';
import { BlockCache, type BlockLoan } from '../../../../src/interp/engine/block-cache.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { seededRandom } from '../../../support/random.ts';

const arena = new Arena(16);

function lendOne(cache: BlockCache, key: string, bytes = 100, stream = 's'): BlockLoan {
  const [loan] = cache.lend([{ stream, key, bytes }]);
  if (!loan) throw new Error('no loan');
  return loan;
}

it('lends what was filled again, and never what is being filled, has failed, or is of another key or size', () => {
  const cache = new BlockCache(arena, 4);
  const first = lendOne(cache, 'a');
  const second = lendOne(cache, 'a');
  expect([first.ready, second.ready, first.offset === second.offset]).toEqual([false, false, false]);
  expect(cache.has({ stream: 's', key: 'a', bytes: 100 })).toBe(false);
  first.done(true);
  first.done(true);
  second.done(false);
  expect(cache.has({ stream: 's', key: 'a', bytes: 100 })).toBe(true);
  const third = lendOne(cache, 'a');
  expect([third.ready, third.offset]).toEqual([true, first.offset]);
  // A job that fails leaves what it was lent filled as it was.
  third.done(false);
  expect(lendOne(cache, 'a').ready).toBe(true);
  for (const [key, bytes] of [
    ['b', 100],
    ['a', 164],
  ] as const) {
    expect(lendOne(cache, key, bytes).ready).toBe(false);
  }
});

it('makes room for a stream in what that stream no longer looks at, never in what the same job needs', () => {
  const cache = new BlockCache(arena, 64);
  const before = arena.usedBytes;
  const jobs = Array.from({ length: 20 }, (_, i) => [`${i}`, `${i + 1}`, `${i + 2}`]);
  for (const [i, keys] of jobs.entries()) {
    const loans = cache.lend(keys.map((key) => ({ stream: 's', key, bytes: 128 })));
    expect(loans.map(({ ready }) => ready)).toEqual(i === 0 ? [false, false, false] : [true, true, false]);
    for (const loan of loans) loan.done(true);
  }
  expect(arena.usedBytes - before).toBe(3 * 128);
  // In whatever order they are asked for.
  const [fresh, known] = cache.lend(['new', '19'].map((key) => ({ stream: 's', key, bytes: 128 })));
  expect([fresh?.ready, known?.ready]).toEqual([false, true]);
  for (const loan of [fresh, known]) loan?.done(true);
  // Another stream takes nothing of it.
  lendOne(cache, 'x', 128, 'other').done(true);
  expect(['new', '19'].map((key) => cache.has({ stream: 's', key, bytes: 128 }))).toEqual([true, true]);
  cache.clear();
  expect(arena.usedBytes).toBe(before);
});

it('keeps to its capacity, and frees lent blocks only when they come back', () => {
  const cache = new BlockCache(arena, 2);
  const before = arena.usedBytes;
  const keys = ['0', '1', '2', '3', '4', '5'];
  for (const key of keys) lendOne(cache, key, 128, key).done(true);
  expect(arena.usedBytes - before).toBe(256);
  const loans = cache.lend(keys.map((key) => ({ stream: key, key, bytes: 128 })));
  expect(new Set(loans.map((l) => l.offset)).size).toBe(6);
  cache.clear();
  expect(arena.usedBytes - before).toBe(6 * 128);
  for (const loan of loans) loan.done(true);
  expect(arena.usedBytes - before).toBe(256);
  cache.clear();
  expect(arena.usedBytes).toBe(before);
});

it('lends nothing where there is no room for all', () => {
  const small = new Arena(16);
  const cache = new BlockCache(small, 4);
  lendOne(cache, 'a').done(true);
  const wanted = ['a', 'b'].map((key) => ({ stream: 's', key, bytes: 100 }));
  expect(() => cache.lend([...wanted, { stream: 's', key: 'c', bytes: 32 * 2 ** 20 }])).toThrow('no');
  expect([...wanted.map((one) => cache.has(one))]).toEqual([true, false]);
  cache.clear();
  expect(small.usedBytes).toBe(0);
});

it('2,000 jobs of four streams that finish in any order: what is ready is what was asked for, and nothing is left', () => {
  const random = seededRandom(7);
  const cache = new BlockCache(arena, 6);
  const before = arena.usedBytes;
  /** What a job has written, by the place of the block. */
  const written = new Map<number, string>();
  const writing = new Set<number>();
  let running: (() => void)[] = [];
  let [hits, most] = [0, 0];
  for (let i = 0; i < 2000; i++) {
    const stream = `${Math.floor(random() * 4)}`;
    const [from, bytes] = [Math.floor(i / 20), random() < 0.1 ? 192 : 128];
    const wanted = [0, 1, 2].map((k) => ({ stream, key: `${stream} ${from + k}`, bytes }));
    const loans = cache.lend(wanted);
    const fails = random() < 0.1;
    for (const [k, { ready, offset }] of loans.entries()) {
      expect(writing.has(offset)).toBe(false);
      if (ready) {
        hits += 1;
        expect(written.get(offset)).toBe(`${wanted[k]?.key} ${bytes}`);
      } else {
        writing.add(offset);
        written.set(offset, 'half filled');
      }
    }
    running.push(() => {
      for (const [k, { ready, offset }] of loans.entries()) {
        if (ready) continue;
        writing.delete(offset);
        if (!fails) written.set(offset, `${wanted[k]?.key} ${bytes}`);
      }
      for (const loan of loans) loan.done(!fails);
    });
    if (running.length > 3) running.splice(Math.floor(random() * running.length), 1)[0]?.();
    most = Math.max(most, arena.usedBytes - before);
  }
  for (const end of running) end();
  running = [];
  expect(hits).toBeGreaterThan(500);
  expect(most).toBeLessThanOrEqual((6 + 4 * 3) * 192);
  cache.clear();
  expect(arena.usedBytes).toBe(before);
});

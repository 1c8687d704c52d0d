import { describe, expect, it } from 'vitest';
import { Arena, type Block } from '../../../src/media/arena.ts';
import { seededRandom } from '../../support/random.ts';

const MIB = 1_048_576;
/** What a fresh arena of 16 MiB can give: one page is the kernel's. */
const ROOM = 16 * MIB - 65_536;

/** Fails unless the arena is one hole again: only then does the largest block fit. */
function expectWhole(arena: Arena): void {
  expect(arena.usedBytes).toBe(0);
  const all = arena.allocate(ROOM);
  expect(arena.usedBytes).toBe(ROOM);
  arena.free(all);
}

describe('Arena', () => {
  it.each([0, 15.9, 2049, Number.NaN, -1])('refuses a size of %s MiB, naming the range', (megabytes) => {
    expect(() => new Arena(megabytes)).toThrow(/arena size .* MiB is outside 16…2048/);
  });

  it('is shared memory, and views on it show the same bytes', () => {
    const arena = new Arena(16);
    expect(arena.memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    const block = arena.allocate(10);
    arena.u8[block.offset] = 7;
    expect(new Uint8Array(arena.memory.buffer, block.offset, 1)[0]).toBe(7);
  });

  it('leaves the first page to the kernel and starts every block on a cache line', () => {
    const arena = new Arena(16);
    for (const bytes of [0, 1, 63, 64, 65, 1000]) {
      const block = arena.allocate(bytes);
      expect(block.offset).toBeGreaterThanOrEqual(65_536);
      expect(block.offset % 64).toBe(0);
      expect(block.bytes).toBe(Math.max(64, Math.ceil(bytes / 64) * 64));
    }
  });

  it('fills up to the last byte, says so, and goes on once something is freed', () => {
    const arena = new Arena(16);
    const half = arena.allocate(ROOM / 2);
    const rest = arena.allocate(ROOM / 2);
    expect(rest.offset + rest.bytes).toBe(16 * MIB);
    expect(() => arena.allocate(1)).toThrow(
      expect.objectContaining({ code: 'arena.full', recoverable: true, remedy: expect.stringContaining('arenaMb') }),
    );
    expect(arena.usedBytes).toBe(ROOM);
    arena.free(half);
    expect(arena.allocate(ROOM / 2).offset).toBe(half.offset);
  });

  it('joins neighbours in whatever order they are freed', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
    ]) {
      const arena = new Arena(16);
      const blocks = [arena.allocate(100), arena.allocate(5000), arena.allocate(64)];
      for (const i of order) arena.free(blocks[i] ?? { offset: -1, bytes: 0 });
      expectWhole(arena);
    }
  });

  it('does not take a hole that is too small, and does take one that fits', () => {
    const arena = new Arena(16);
    const a = arena.allocate(1024);
    const wall = arena.allocate(64);
    arena.free(a);
    expect(arena.allocate(1025).offset).toBeGreaterThan(wall.offset);
    expect(arena.allocate(1024).offset).toBe(a.offset);
  });

  it('throws on a second free, even when the place belongs to another block by then', () => {
    const arena = new Arena(16);
    const block = arena.allocate(128);
    arena.free(block);
    const misuse = expect.objectContaining({ code: 'frame.misuse' });
    expect(() => arena.free(block)).toThrow(misuse);
    const heir = arena.allocate(128);
    expect(heir.offset).toBe(block.offset);
    expect(() => arena.free(block)).toThrow(misuse);
    arena.free(heir);
    expectWhole(arena);
  });

  it.each([1, 2, 3])('holds against a model for 20,000 random steps (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const arena = new Arena(16);
    const live: Block[] = [];
    let used = 0;
    let refused = 0;
    for (let i = 0; i < 20_000; i++) {
      if (random() < 0.55 || live.length === 0) {
        const bytes = Math.floor(random() ** 3 * 2 * MIB);
        try {
          const block = arena.allocate(bytes);
          expect(block.offset % 64 === 0 && block.bytes >= bytes).toBe(true);
          const end = block.offset + block.bytes;
          const clash = live.find((other) => block.offset < other.offset + other.bytes && other.offset < end);
          if (clash || end > 16 * MIB || block.offset < 65_536) throw new Error(`block ${block.offset}…${end} clashes`);
          live.push(block);
          used += block.bytes;
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'arena.full' });
          // Refusal is right only if no gap between live blocks is wide enough.
          expect(widestGap(live)).toBeLessThan(Math.max(64, Math.ceil(bytes / 64) * 64));
          refused += 1;
        }
      } else {
        const [block] = live.splice(Math.floor(random() * live.length), 1);
        if (block) {
          arena.free(block);
          used -= block.bytes;
        }
      }
      if (arena.usedBytes !== used) throw new Error(`${arena.usedBytes} bytes in use, the model says ${used}`);
    }
    expect(refused).toBeGreaterThan(0);
    for (const block of live) arena.free(block);
    expectWhole(arena);
  });
});

function widestGap(live: readonly Block[]): number {
  let from = 65_536;
  let widest = 0;
  for (const { offset, bytes } of live.toSorted((a, b) => a.offset - b.offset)) {
    widest = Math.max(widest, offset - from);
    from = offset + bytes;
  }
  return Math.max(widest, 16 * MIB - from);
}

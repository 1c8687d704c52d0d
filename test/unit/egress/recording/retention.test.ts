import { describe, expect, it } from 'vitest';
import { expired, type Kept, reserveOf } from '../../../../src/egress/recording/retention.ts';
import { fromMs } from '../../../../src/time.ts';

const segment = (name: string, endSeconds: number, bytes: number, open = false): Kept & { name: string } => ({
  ...{ name, end: fromMs(endSeconds * 1000), bytes, open },
});
const NOW = fromMs(1_000_000);
const names = (gone: ReturnType<typeof expired<Kept & { name: string }>>) =>
  gone.map(({ segment: { name }, reason }) => `${name}: ${reason}`);

describe('what is kept', () => {
  it('is younger than the age', () => {
    const segments = [segment('a', 100, 5), segment('b', 399, 5), segment('c', 401, 5)];
    expect(names(expired(segments, NOW, { keep: fromMs(600_000) }))).toEqual(['a: age', 'b: age']);
  });

  it('fits: the oldest go first, and no more than have to', () => {
    const segments = [segment('a', 900, 40), segment('b', 910, 40), segment('c', 920, 40), segment('d', 930, 40)];
    expect(names(expired(segments, NOW, { keep: fromMs(600_000), maxBytes: 80 }))).toEqual(['a: size', 'b: size']);
    expect(expired(segments, NOW, { keep: fromMs(600_000), maxBytes: 160 })).toEqual([]);
  });

  it('frees by age what then need not go by size', () => {
    const segments = [segment('a', 100, 60), segment('b', 910, 40), segment('c', 920, 40)];
    expect(names(expired(segments, NOW, { keep: fromMs(600_000), maxBytes: 80 }))).toEqual(['a: age']);
  });

  it('is always what is being written', () => {
    const segments = [segment('a', 100, 500, true), segment('b', 900, 40)];
    expect(names(expired(segments, NOW, { keep: fromMs(600_000), maxBytes: 80 }))).toEqual(['b: size']);
  });
});

it('a twentieth of a disk stays free, 256 MiB at most', () => {
  expect(reserveOf(20 << 20)).toBe(1 << 20);
  expect(reserveOf(4e12)).toBe(256 << 20);
});

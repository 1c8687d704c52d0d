import { expect, test } from 'vitest';
import { Reordering } from '../../../../src/ingest/decode/reordering.ts';

function after(...waiting: readonly number[]): number {
  const reordering = new Reordering();
  for (const count of waiting) reordering.observe(count);
  return reordering.frames;
}

const times = (count: number, value: number): number[] => Array.from({ length: count }, () => value);

test('a stream in order waits for nothing, and nothing is said before that is known', () => {
  expect(after(...times(15, 2))).toBe(0);
  expect(after(...times(64, 0))).toBe(0);
});

test('what waits after each frame is what is reordered; losses that leave more behind do not count', () => {
  expect(after(...times(16, 2))).toBe(2);
  expect(after(...times(10, 7), ...times(6, 2))).toBe(2);
});

test('a stream that changes its order is followed', () => {
  expect(after(...times(16, 2), ...times(16, 0))).toBe(0);
  expect(after(...times(16, 0), ...times(32, 1))).toBe(1);
});

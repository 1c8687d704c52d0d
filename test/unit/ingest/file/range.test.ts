import { describe, expect, it } from 'vitest';
import { clipped, overlaps } from '../../../../src/ingest/file/range.ts';
import { micros } from '../../../../src/time.ts';

const span = (start: number, end: number): { start: ReturnType<typeof micros>; end: ReturnType<typeof micros> } => ({
  ...{ start: micros(start), end: micros(end) },
});

describe('a part of a file', () => {
  it.each([
    [0, 10, false],
    [0, 11, true],
    [12, 13, true],
    [19, 30, true],
    [20, 30, false],
    [10, 10, true],
    [9, 9, false],
    [20, 20, false],
  ])('%i to %i lies in 10 to 20: %s', (start, end, wanted) => {
    expect(overlaps(span(start, end), span(10, 20))).toBe(wanted);
  });

  it('clips to it, and to nothing at an open end', () => {
    expect(clipped(span(5, 30), span(10, 20))).toEqual(span(10, 20));
    expect(clipped(span(12, 13), span(10, 20))).toEqual(span(12, 13));
    expect(clipped(span(5, 30), { start: micros(10) })).toEqual(span(10, 30));
  });
});

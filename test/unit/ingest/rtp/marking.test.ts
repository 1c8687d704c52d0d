import { expect, test } from 'vitest';
import { Marking } from '../../../../src/ingest/rtp/marking.ts';

function after(...units: readonly boolean[]): boolean {
  const marking = new Marking();
  for (const marked of units) marking.unit(marked);
  return marking.absent;
}

const times = (count: number, value: boolean): boolean[] => Array.from({ length: count }, () => value);

test('a mark that is lost now and then is no mark that is missing', () => {
  expect(after(...times(100, true))).toBe(false);
  expect(after(...times(7, false), true, ...times(7, false), true)).toBe(false);
});

test('eight units in a row without one are a camera without marks, until there are eight with one', () => {
  expect(after(...times(8, false))).toBe(true);
  expect(after(...times(8, false), ...times(7, true), false)).toBe(true);
  expect(after(...times(8, false), ...times(8, true))).toBe(false);
});

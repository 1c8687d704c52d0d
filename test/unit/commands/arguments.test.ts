import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../../src/commands/arguments.ts';

describe('milliseconds', () => {
  it.each([
    ['120', 120],
    ['120ms', 120],
    ['0.12s', 120],
    ['16.7ms', 16.7],
    ['0', 0],
    [' 80ms ', 80],
  ])('%s is %d ms', (text, ms) => {
    expect(milliseconds(text)).toBeCloseTo(ms, 9);
  });

  it.each(['', 'soon', '-5', '120 ms', '1m', '5sec', '1e3', 'ms'])('refuses "%s"', (text) => {
    expect(() => milliseconds(text)).toThrow('expected a time such as 120ms');
  });
});

import { describe, expect, it } from 'vitest';
import { framesPerSecond, milliseconds, time } from '../../../src/commands/arguments.ts';

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

describe('time', () => {
  it.each([
    ['90', 90],
    ['90.5', 90.5],
    ['1:30.25', 90.25],
    ['0:01:30.5', 90.5],
    ['12:00:00', 43_200],
    ['0', 0],
  ])('%s is %d s', (text, seconds) => {
    expect(time(text)).toBe(seconds * 1e6);
  });

  it.each(['', 'noon', '-5', '1:60', '1:2:3:4', '1:75:00', '10s', '1:-1', ':30', '1e3'])('refuses "%s"', (text) => {
    expect(() => time(text)).toThrow('expected a time such as 90.5, 1:30.5 or 0:01:30.5');
  });
});

describe('framesPerSecond', () => {
  it.each([
    ['60', 60],
    ['59.94', 59.94],
    ['60000/1001', 60_000 / 1001],
    ['24000:1001', 24_000 / 1001],
  ])('%s is %d', (text, fps) => {
    expect(framesPerSecond(text)).toBe(fps);
  });

  it.each(['', 'ntsc', '-30', '60/', '60/0', '0/0', '1e2'])('refuses "%s"', (text) => {
    expect(() => framesPerSecond(text)).toThrow('expected a rate such as 60, 59.94 or 60000/1001');
  });
});

/// <reference lib="dom" />
import { expect, it } from 'vitest';
import { Plot, scaleMark } from '../../../src/web/plot.js';

// Nothing is drawn here, so that no canvas is needed.
const plot = (): Plot => new Plot({} as HTMLCanvasElement, ['--source', '--synthetic']);

it('scales to the first mark that values stay below, a little above it included', () => {
  const marks = [15, 30, 60];
  expect([0, 15, 15.6, 15.7, 59, 1000].map((highest) => scaleMark(highest, marks))).toEqual([15, 15, 15, 30, 60, 60]);
});

it('remembers a minute of two samples a second, gaps included', () => {
  const fps = plot();
  expect(fps.highest).toBe(0);
  fps.push([30, 240]);
  for (let i = 0; i < 119; i += 1) fps.push([undefined, 60]);
  expect(fps.highest).toBe(240);
  fps.push([30, 60]);
  expect(fps.highest).toBe(60);
  fps.clear();
  expect(fps.highest).toBe(0);
});

import { expect, it } from 'vitest';
import { Pulldown } from '../../../../src/ingest/decode/pulldown.ts';

/** Changes of film in video whose k-th frame of each cycle repeats. */
const film = (k: number, frames: number): number[] =>
  Array.from({ length: frames }, (_, i) => (i % 5 === k ? 0.2 : 3 + (i % 3)));

it.each([0, 1, 2, 3, 4])('leaves out the frame at place %i, and spaces the others evenly', (k) => {
  const changes = film(k, 40);
  const pulldown = new Pulldown(changes.slice(0, 10));
  const times = changes.flatMap((change, i) => {
    const { repeat, later } = pulldown.next(change);
    return repeat ? [] : [i + later];
  });
  expect(times).toHaveLength(32);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  for (const gap of gaps) expect(gap).toBeCloseTo(1.25, 9);
});

it('leaves nothing out where nothing stands out, nor what an edit put at that place', () => {
  const even = new Pulldown();
  expect(Array.from({ length: 40 }, (_, i) => even.next(3 + (i % 2))).some(({ repeat }) => repeat)).toBe(false);
  const edited = new Pulldown(film(2, 10));
  expect([...film(2, 10), 3, 3, 3, 3, 3].map((change) => edited.next(change).repeat).filter(Boolean)).toHaveLength(2);
});

/** The whole set of cut events, on drawn clips: what `npm run bench -- cuts` measures on real ones. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import { drawnClips } from '../../support/cut-clips.ts';
import { cutEvents } from '../../support/cut-events.ts';
import { type CutScore, scoreOf } from '../../support/cut-score.ts';

/** Share of the events that the benchmark has. */
const SHARE = 0.3;

let scores: readonly CutScore[];
const arena = new Arena(16);
beforeAll(() => {
  scores = scoreOf(cutEvents(drawnClips(192, 108), 3, SHARE), arena);
}, 300_000);
afterAll(() => {
  expect(arena.liveFrames).toBe(0);
});

describe('the set of cut events', () => {
  it('holds cuts and what only looks like them', () => {
    const all = scores.at(-1);
    expect(all?.events).toBeGreaterThan(120);
    expect(all?.cuts).toBeGreaterThan(45);
  });

  it('has its cuts found, and nothing else taken for one: precision and recall of at least 0.98', () => {
    const failed = scores.filter(({ cuts, found, wrong }) => found < cuts || wrong > 0);
    const { cuts, found, wrong } = scores.at(-1) ?? { cuts: 1, found: 0, wrong: 0 };
    expect(found / cuts, JSON.stringify(failed)).toBeGreaterThanOrEqual(0.98);
    expect(found / Math.max(1, found + wrong), JSON.stringify(failed)).toBeGreaterThanOrEqual(0.98);
  });

  it('has fades, dissolves, pans and slow light interpolated throughout', () => {
    const held = scores.filter(
      ({ kind, held }) => held > 0 && /^(fade|dissolve|pan|light over|light from|motion)/.test(kind),
    );
    expect(held).toEqual([]);
  });

  it('has both sides of every great flash held', () => {
    const white = scores.find(({ kind }) => kind === 'flash, white');
    expect(white?.held).toBe(2 * (white?.events ?? 0));
  });
});

import { describe, expect, it } from 'vitest';
import { type RateTarget, Scheduler } from '../../../src/pairing/scheduler.ts';
import { type Micros, micros } from '../../../src/time.ts';
import { seededRandom } from '../../support/random.ts';

/** What an even grid shows for these source times. */
function outputs(target: RateTarget, fps: number, times: readonly number[]) {
  const scheduler = new Scheduler(target, { fps, even: true });
  const shown: { pts: Micros; source: boolean }[] = [];
  for (const [i, time] of times.entries()) {
    const { between, show } = scheduler.next(micros(time), i > 0);
    shown.push(...between.map(({ pts }) => ({ pts, source: false })));
    if (show !== undefined) shown.push({ pts: show, source: true });
  }
  return shown;
}

/** Every output on its point of the grid, none missing. */
function expectGrid(shown: readonly { pts: Micros }[], interval: number): void {
  for (const [i, { pts }] of shown.entries()) expect(Math.abs(pts - i * interval)).toBeLessThanOrEqual(0.5);
}

describe('Scheduler for outputs of one rate', () => {
  it.each([
    [24_000 / 1001, 2],
    [25, 3],
    [30, 2],
    [60, 4],
    [59.94, 2],
  ])('%d fps in milliseconds × %d: the source frames are kept, and the grid stays even', (fps, factor) => {
    const times = Array.from({ length: 500 }, (_, i) => Math.round((i * 1000) / fps) * 1000);
    const shown = outputs({ kind: 'factor', factor }, fps, times);
    expectGrid(shown, 1e6 / fps / factor);
    expect(shown.filter(({ source }) => source)).toHaveLength(500);
    expect(shown.length).toBeGreaterThan(499 * factor - 2);
  });

  it.each([
    { kind: 'factor', factor: 2 },
    { kind: 'fps', fps: 60 },
    { kind: 'fps', fps: 50 },
  ] as const)('%j of a varying rate: an even grid all the same', (target) => {
    const random = seededRandom(7);
    let time = 0;
    const times = Array.from({ length: 400 }, () => {
      time += 20_000 + Math.floor(60_000 * random());
      return time;
    });
    const start = times[0] ?? 0;
    const shown = outputs(
      target,
      20,
      times.map((t) => t - start),
    );
    expectGrid(shown, target.kind === 'fps' ? 1e6 / target.fps : 1e6 / 40);
  });
});

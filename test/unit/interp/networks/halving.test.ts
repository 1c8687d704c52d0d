import { describe, expect, it } from 'vitest';
import { halvings } from '../../../../src/interp/networks/halving.ts';

const runs = (...eighths: number[]): string[] =>
  halvings(eighths.map((e) => e / 8)).map(
    ({ from, to, middle, timesteps }) => `${from}-${to}: ${middle} for ${timesteps.join() || 'none'}`,
  );

describe('halvings', () => {
  it('makes the middle at once', () => {
    expect(runs(4)).toEqual(['0-8: 4 for 0']);
  });

  it('makes what stands between only where it is needed', () => {
    expect(runs(7)).toEqual(['0-8: 4 for none', '4-8: 6 for none', '6-8: 7 for 0']);
    expect(runs(2, 6)).toEqual(['0-8: 4 for none', '0-4: 2 for 0', '4-8: 6 for 1']);
  });

  it('makes equal timesteps once', () => {
    expect(runs(2, 2)).toEqual(['0-8: 4 for none', '0-4: 2 for 0,1']);
  });

  it('starts from frames that are there, and no frame of a distance is needed after the next one of it', () => {
    const steps = halvings([1, 2, 3, 4, 5, 6, 7].map((e) => e / 8));
    expect(steps).toHaveLength(7);
    /** The latest frame of each distance, by how far it stands from what it was made of. */
    const latest = new Map<number, number>([
      [8, 0],
      [16, 8],
    ]);
    for (const { from, to, middle } of steps) {
      expect([...latest.values()]).toEqual(expect.arrayContaining([from, to]));
      latest.set(to - middle, middle);
    }
  });

  it('ends at eighths, whatever it is asked', () => {
    expect(halvings([1 / 3]).every(({ middle }) => Number.isInteger(middle))).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { isUnsure } from '../../../../src/interp/engine/job.ts';

describe('isUnsure', () => {
  it('asks the cells where they are judged, whatever the confidence in the worst of them', () => {
    const shares = [0, 0.3, 0.34, 1];
    const withheld = shares.map((unsure) => isUnsure({ confidence: 0.01, cells: { unsure, parental: 0 } }, 0.5));
    expect(withheld).toEqual([false, false, true, true]);
  });

  it('else compares the confidence; who does not judge himself is shown', () => {
    expect([0.49, 0.5].map((confidence) => isUnsure({ confidence }, 0.5))).toEqual([true, false]);
    expect(isUnsure({ confidence: undefined }, 1)).toBe(false);
  });
});

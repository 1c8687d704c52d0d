import { describe, expect, it } from 'vitest';
import { coresBetween } from './threads.ts';

describe('coresBetween', () => {
  const before = { at: 1000, groups: { main: 10, interpolation: 0, codecs: 5 }, total: 20 };

  it('gives cores by group, and what no group accounts for', () => {
    const after = { at: 3000, groups: { main: 60, interpolation: 180, codecs: 25 }, total: 290 };
    expect(coresBetween(before, after)).toEqual({
      main: 0.25,
      interpolation: 0.9,
      codecs: 0.1,
      other: 0.1,
      total: 1.35,
    });
  });

  it('knows nothing where the system does not tell', () => {
    expect(coresBetween(null, before)).toBeNull();
    expect(coresBetween(before, null)).toBeNull();
  });
});

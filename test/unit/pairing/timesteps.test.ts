import { describe, expect, it } from 'vitest';
import { requireTimes } from '../../../src/interp/models/manifest.ts';
import { nearestEighth, standsAtEighths } from '../../../src/pairing/timesteps.ts';

it('nearestEighth stays between the parents', () => {
  expect([0.001, 0.125, 1 / 3, 0.5, 0.6, 0.999].map((t) => 8 * nearestEighth(t))).toEqual([1, 1, 3, 4, 5, 7]);
});

it('standsAtEighths: halving three times, and no free grid', () => {
  const fits = Array.from({ length: 17 }, (_, multiple) => multiple).filter(standsAtEighths);
  expect(fits).toEqual([1, 2, 4, 8]);
});

describe('requireTimes', () => {
  const half = { model: 'middle', times: 'half' } as const;

  it('lets a model that halves make 2, 4 and 8 times the rate, and any other model everything', async () => {
    for (const multiple of [1, 2, 4, 8]) await requireTimes(half, multiple);
    await requireTimes({ model: 'flow-s', times: 'any' }, 3);
    await requireTimes({ model: 'flow-s', times: 'any' }, 0);
  });

  it.each([
    [3, /"middle" only knows the middle .* not 3 times/],
    [16, /not 16 times/],
    [0, /not a rate that is no multiple of the source's/],
  ])('refuses %d times the rate and names the models that can', async (multiple, message) => {
    await expect(requireTimes(half, multiple)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(/--factor 2, 4 or 8, .*flow-s.*search/),
    });
  });
});

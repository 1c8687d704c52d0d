import { describe, expect, it } from 'vitest';
import { storedOf, writtenColour } from '../../../../../src/egress/file/picture/colour.ts';
import type { Colour, ColourCodes } from '../../../../../src/media/colour.ts';
import type { SampleForm } from '../../../../../src/media/deep-layout.ts';
import type { PictureTraits } from '../../../../../src/media/picture-traits.ts';
import { pixelFormatOf } from '../../../../../src/media/pixel-format.ts';

const UNTAGGED: ColourCodes = { matrix: 2, primaries: 2, transfer: 2, range: undefined, chromaLocation: 0 };
const HDR10: ColourCodes = { matrix: 9, primaries: 9, transfer: 16, range: 'limited', chromaLocation: 3 };
const BT601: Colour = { matrix: 'bt601', range: 'limited' };

function form(name: string): SampleForm {
  const found = pixelFormatOf(name)?.form;
  if (!found) throw new Error(name);
  return found;
}

function written(from: string, to: string, codes: Partial<ColourCodes>, height = 360, fullOnly = false) {
  const traits: PictureTraits = { colour: BT601, stored: { form: form(from), codes: { ...UNTAGGED, ...codes } } };
  return writtenColour(traits, form(to), height, fullOnly);
}

describe('writtenColour', () => {
  it('passes tags on as they are, and absent ones as absent', () => {
    expect(written('yuv420p10le', 'yuv420p10le', HDR10).codes).toEqual(HDR10);
    expect(written('yuv420p', 'yuv420p', {}).codes).toEqual(UNTAGGED);
    expect(written('yuv420p', 'yuv420p', { matrix: 5, range: 'full' }).codes).toEqual({
      ...UNTAGGED,
      matrix: 5,
      range: 'full',
    });
  });

  it('says where chroma lies once it is resampled', () => {
    expect(written('yuv444p', 'yuv420p', {}).codes.chromaLocation).toBe(1);
    expect(written('yuv420p', 'yuv444p', { chromaLocation: 3 }).codes.chromaLocation).toBe(0);
    expect(written('yuv420p', 'yuv420p10le', { chromaLocation: 2 }).codes.chromaLocation).toBe(2);
  });

  it.each([
    [{}, 360, 6],
    [{}, 720, 1],
    [{ primaries: 1 }, 360, 1],
    [{ primaries: 9 }, 360, 9],
    [{ primaries: 6 }, 720, 6],
  ])('makes luma of RGB with %o at %i lines by matrix %i, and says so', (codes, height, matrix) => {
    const { from, to, codes: said } = written('rgb24', 'yuv444p', codes, height);
    expect(from).toEqual({ matrix: 0, range: 'full' });
    expect(to).toEqual({ matrix, range: 'limited' });
    expect(said).toMatchObject({ ...codes, matrix, range: 'limited' });
  });

  it('makes RGB of luma by the tagged matrix, else by the rule for all sources', () => {
    expect(written('yuv420p', 'rgb24', { matrix: 9 }).from).toEqual({ matrix: 9, range: 'limited' });
    expect(written('yuv420p', 'rgb24', {}).from).toEqual({ matrix: 6, range: 'limited' });
    expect(written('yuv420p', 'rgb24', { matrix: 8 }).from.matrix).toBe(6);
    expect(written('yuv420p', 'rgb24', { primaries: 9, transfer: 16 }).codes).toMatchObject({
      ...{ matrix: 0, primaries: 9, transfer: 16, range: 'full' },
    });
  });

  it('brings what is limited to the full range where the codec knows no other', () => {
    const { from, to, codes } = written('gray', 'gray', { range: 'limited' }, 360, true);
    expect([from.range, to.range, codes.range]).toEqual(['limited', 'full', 'full']);
  });

  it('tags grey that becomes luma, since grey without a tag means another range', () => {
    expect(written('gray', 'yuv420p', {}).codes.range).toBe('full');
    expect(written('gray', 'yuv420p', { range: 'limited' }).codes.range).toBe('limited');
    expect(written('gray', 'gray', {}).codes.range).toBeUndefined();
  });
});

it('takes 8-bit 4:2:0 of their colour for pictures that say no more', () => {
  expect(storedOf({ colour: { matrix: 'bt2020', range: 'full' } })).toEqual({
    form: form('yuv420p'),
    codes: { ...UNTAGGED, matrix: 9, range: 'full' },
  });
  expect(storedOf(undefined).codes).toEqual(UNTAGGED);
});

/** What samples mean in the file to be written: the one place that decides it, for the converter and for the tags. Pure. */
import { type ColourCodes, IDENTITY_MATRIX, matrixCode, matrixForRgb, UNTOLD } from '../../../media/colour.ts';
import type { SampleForm } from '../../../media/deep-layout.ts';
import type { PictureTraits, StoredTraits } from '../../../media/picture-traits.ts';
import type { ScalerColour } from '../../../media/scaler.ts';

/** What samples mean on both sides, and how the output is tagged. */
export interface WrittenColour {
  readonly from: ScalerColour;
  readonly to: ScalerColour;
  readonly codes: ColourCodes;
}

/** Matrices that FFmpeg's converter computes with, by H.273's code. */
const KNOWN_MATRICES: ReadonlySet<number> = new Set([1, 4, 5, 6, 7, 9]);
/** Chroma between two luma samples at their left, as MPEG-2 and its heirs have it where nobody says otherwise. */
const LEFT = 1;

const I420: SampleForm = { model: 'yuv', bits: 8, shiftX: 1, shiftY: 1, alpha: false };

/** How a source is stored, also where nobody asked: 8-bit 4:2:0 of the colour that its frames have. */
export function storedOf(traits: PictureTraits | undefined): StoredTraits {
  if (traits?.stored) return traits.stored;
  const matrix = traits ? matrixCode(traits.colour.matrix) : UNTOLD;
  const codes = { matrix, primaries: UNTOLD, transfer: UNTOLD, range: traits?.colour.range, chromaLocation: 0 };
  return { form: I420, codes };
}

/**
 * Samples stay what they are, and are tagged as they were; those that were not tagged stay so, since the copy has the
 * same size and players guess alike. Red, green and blue that become luma and chroma get the limited range and the
 * matrix of their primaries, and say so.
 * @param fullOnly the codec's samples span the full range whatever tags say (PNG, JPEG).
 */
export function writtenColour(
  traits: PictureTraits,
  target: SampleForm,
  height: number,
  fullOnly: boolean,
): WrittenColour {
  const { form, codes } = storedOf(traits);
  const from = meaningOf(traits, form, codes);
  if (target.model === 'rgb') {
    const rgb = { matrix: IDENTITY_MATRIX, range: 'full' } as const;
    return { from, to: rgb, codes: { ...codes, ...rgb, chromaLocation: 0 } };
  }
  if (form.model === 'rgb') {
    const to = { matrix: matrixForRgb(codes, height), range: fullOnly ? 'full' : 'limited' } as const;
    return { from, to, codes: { ...codes, ...to, chromaLocation: isQuarter(target) ? LEFT : 0 } };
  }
  const range = fullOnly ? 'full' : from.range;
  // Grey without a tag is full range to FFmpeg and all that is made with it, luma without one is limited.
  const told = fullOnly || (form.model === 'grey' && target.model === 'yuv') ? range : codes.range;
  const matrix = codes.matrix === IDENTITY_MATRIX ? UNTOLD : codes.matrix;
  const chromaLocation = placeOf(form, target, codes.chromaLocation);
  return { from, to: { ...from, range }, codes: { ...codes, matrix, range: told, chromaLocation } };
}

/** What a source's samples mean: by its tags, else by the rule for all sources. Grey without a range is taken whole. */
function meaningOf({ colour }: PictureTraits, { model }: SampleForm, { matrix, range }: ColourCodes): ScalerColour {
  if (model === 'rgb') return { matrix: IDENTITY_MATRIX, range: 'full' };
  return {
    matrix: KNOWN_MATRICES.has(matrix) ? matrix : matrixCode(colour.matrix),
    range: range ?? (model === 'grey' ? 'full' : colour.range),
  };
}

/** Chroma lies where it did, unless it was resampled. */
function placeOf(from: SampleForm, to: SampleForm, location: number): number {
  const isKept = from.shiftX === to.shiftX && from.shiftY === to.shiftY && from.model === 'yuv';
  if (isKept) return location;
  return isQuarter(to) && from.model === 'yuv' ? LEFT : 0;
}

function isQuarter({ model, shiftX, shiftY }: SampleForm): boolean {
  return model === 'yuv' && shiftX === 1 && shiftY === 1;
}

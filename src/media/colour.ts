/** What samples mean. */

/** Matrix and range of samples: decoders read the tags, encoders pass them on; planes are never converted. */
export interface Colour {
  readonly matrix: 'bt601' | 'bt709' | 'bt2020';
  /** 16…235, or 0…255 as many IP cameras send. */
  readonly range: 'limited' | 'full';
}

/** What a source says of its samples; undefined where it says nothing. */
export interface ColourTags {
  readonly matrix: Colour['matrix'] | undefined;
  readonly range: Colour['range'] | undefined;
}

/**
 * What a file says of its samples, in the code points of ITU-T H.273, which FFmpeg uses as they are. Nothing is guessed:
 * what is not said stays so, and players guess for the copy as they do for the original.
 */
export interface ColourCodes {
  /** {@link UNTOLD} = not said; 0 = red, green and blue themselves. */
  readonly matrix: number;
  readonly primaries: number;
  readonly transfer: number;
  /** Undefined = not said. */
  readonly range: Colour['range'] | undefined;
  /** Where chroma samples lie, one more than H.273's `chroma_sample_loc_type`; 0 = not said. */
  readonly chromaLocation: number;
}

/** H.273's code for a matrix, primaries or a transfer that nobody tells. */
export const UNTOLD = 2;
/** H.273's code for samples that are red, green and blue. */
export const IDENTITY_MATRIX = 0;

/** H.273's codes of the matrices that we compute with. */
const MATRIX_CODES: Readonly<Record<Colour['matrix'], number>> = { bt601: 6, bt709: 1, bt2020: 9 };
/** H.273's codes of primaries that belong to a matrix. */
const MATRIX_OF_PRIMARIES: Readonly<Record<number, Colour['matrix']>> = {
  1: 'bt709',
  5: 'bt601',
  6: 'bt601',
  9: 'bt2020',
};

/** H.273's code of a matrix. */
export function matrixCode(matrix: Colour['matrix']): number {
  return MATRIX_CODES[matrix];
}

/** The matrix by which red, green and blue become luma and chroma: that of their primaries, else as players guess. */
export function matrixForRgb({ primaries }: ColourCodes, height: number): number {
  return MATRIX_CODES[colourFrom({ matrix: MATRIX_OF_PRIMARIES[primaries], range: undefined }, height).matrix];
}

/** True when both say the same. */
export function sameCodes(a: ColourCodes, b: ColourCodes): boolean {
  return (
    a.matrix === b.matrix &&
    a.primaries === b.primaries &&
    a.transfer === b.transfer &&
    a.range === b.range &&
    a.chromaLocation === b.chromaLocation
  );
}

/** What red, green and blue are made into: every one of them, whatever was written beside it. */
export const RGB_COLOUR: Colour = { matrix: 'bt601', range: 'limited' };

/**
 * The one rule for all sources: tags as they are; without any BT.709 from 720 rows on and BT.601
 * below, as players guess, and the limited range.
 */
export function colourFrom({ matrix, range }: ColourTags, height: number): Colour {
  return { matrix: matrix ?? (height >= 720 ? 'bt709' : 'bt601'), range: range ?? 'limited' };
}

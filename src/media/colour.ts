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

/** What red, green and blue are made into: every one of them, whatever was written beside it. */
export const RGB_COLOUR: Colour = { matrix: 'bt601', range: 'limited' };

/**
 * The one rule for all sources: tags as they are; without any BT.709 from 720 rows on and BT.601
 * below, as players guess, and the limited range.
 */
export function colourFrom({ matrix, range }: ColourTags, height: number): Colour {
  return { matrix: matrix ?? (height >= 720 ? 'bt709' : 'bt601'), range: range ?? 'limited' };
}

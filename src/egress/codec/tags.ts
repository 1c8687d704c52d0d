/** What encoders write into their streams about the pictures. An adapter of node-av's constants. */
import {
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_BT2020_NCL,
  AVCOL_SPC_SMPTE170M,
  type AVColorSpace,
  type CodecContext,
  Rational,
} from 'node-av';
import type { Colour } from '../../media/colour.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';

const MATRICES: Readonly<Record<Colour['matrix'], AVColorSpace>> = {
  bt601: AVCOL_SPC_SMPTE170M,
  bt709: AVCOL_SPC_BT709,
  bt2020: AVCOL_SPC_BT2020_NCL,
};

/** Tags an encoder, or a frame for one, with matrix, range and the shape of samples. */
export function tag(
  target: Pick<CodecContext, 'colorSpace' | 'colorRange' | 'sampleAspectRatio'>,
  { colour, sampleAspect }: PictureTraits,
): void {
  target.colorSpace = MATRICES[colour.matrix];
  target.colorRange = colour.range === 'full' ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  if (sampleAspect) target.sampleAspectRatio = new Rational(sampleAspect.num, sampleAspect.den);
}

/** What encoders write into their streams about the pictures. An adapter of node-av's constants. */
import {
  type AVChromaLocation,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_RANGE_UNSPECIFIED,
  type AVColorPrimaries,
  type AVColorSpace,
  type AVColorTransferCharacteristic,
  type CodecContext,
  Rational,
} from 'node-av';
import { type ColourCodes, matrixCode } from '../../media/colour.ts';
import type { PictureTraits, SampleAspect } from '../../media/picture-traits.ts';

/** Tags an encoder, or a frame for one, with matrix, range and the shape of samples. */
export function tag(
  target: Pick<CodecContext, 'colorSpace' | 'colorRange' | 'sampleAspectRatio'>,
  { colour, sampleAspect }: PictureTraits,
): void {
  target.colorSpace = matrixCode(colour.matrix) as AVColorSpace; // FFmpeg's numbers are H.273's
  target.colorRange = colour.range === 'full' ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  tagAspect(target, sampleAspect);
}

/** Tags an encoder, or a frame for one, as a file says it; what it does not say stays unsaid. */
export function tagCodes(
  target: Pick<CodecContext, 'colorSpace' | 'colorRange' | 'colorPrimaries' | 'colorTrc' | 'chromaLocation'>,
  { matrix, primaries, transfer, range, chromaLocation }: ColourCodes,
): void {
  // FFmpeg's numbers are H.273's.
  target.colorSpace = matrix as AVColorSpace;
  target.colorPrimaries = primaries as AVColorPrimaries;
  target.colorTrc = transfer as AVColorTransferCharacteristic;
  target.chromaLocation = chromaLocation as AVChromaLocation;
  const told = range === 'full' ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  target.colorRange = range === undefined ? AVCOL_RANGE_UNSPECIFIED : told;
}

/** Tags an encoder, or a frame for one, with the shape of its samples. */
export function tagAspect(target: Pick<CodecContext, 'sampleAspectRatio'>, aspect: SampleAspect | undefined): void {
  if (aspect) target.sampleAspectRatio = new Rational(aspect.num, aspect.den);
}

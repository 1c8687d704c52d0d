/** What a source's pictures are beside their size. */
import type { Colour } from './colour.ts';

/** Width of a sample in relation to its height, in lowest terms. */
export interface SampleAspect {
  readonly num: number;
  readonly den: number;
}

/** What is told of the pictures of a source, and passed on by encoders. */
export interface PictureTraits {
  readonly colour: Colour;
  /** Absent = square samples. */
  readonly sampleAspect?: SampleAspect;
  /** True when a picture holds two fields, half a frame interval apart. Absent = false. */
  readonly interlaced?: boolean;
  /** What was made of frames that held two fields: a picture of each field, or film's own pictures. Absent = nothing. */
  readonly deinterlaced?: 'fields' | 'film';
}

/** What no camera, disc or broadcast exceeds; anything beyond is a broken header. */
const MAX_ASPECT = 8;

/** A shape as containers and codecs give it; undefined for square samples, for none and for absurd ones. */
export function sampleAspect(num: number, den: number): SampleAspect | undefined {
  if (!(num > 0 && den > 0) || num === den || num > den * MAX_ASPECT || den > num * MAX_ASPECT) return undefined;
  let [a, b] = [num, den];
  while (b > 0) [a, b] = [b, a % b];
  return { num: num / a, den: den / a };
}

/** The width at which a picture of `width` samples is shown, its height being kept. */
export function displayWidth(width: number, aspect: SampleAspect | undefined): number {
  return aspect ? Math.round((width * aspect.num) / aspect.den) : width;
}

/** Pictures a second, where a source declares so many frames a second. */
export function pictureRate(fps: number | undefined, traits: PictureTraits | undefined): number | undefined {
  if (fps === undefined || traits?.deinterlaced === undefined) return fps;
  return traits.deinterlaced === 'fields' ? 2 * fps : (4 * fps) / 5;
}

/** True when both mean the same. */
export function sameTraits(a: PictureTraits | undefined, b: PictureTraits | undefined): boolean {
  return (
    a?.colour.matrix === b?.colour.matrix &&
    a?.colour.range === b?.colour.range &&
    a?.sampleAspect?.num === b?.sampleAspect?.num &&
    a?.sampleAspect?.den === b?.sampleAspect?.den &&
    (a?.interlaced ?? false) === (b?.interlaced ?? false) &&
    a?.deinterlaced === b?.deinterlaced
  );
}

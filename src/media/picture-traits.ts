/** What a source's pictures are beside their size. */
import { type Colour, type ColourCodes, sameCodes } from './colour.ts';
import { type SampleForm, sameForm } from './deep-layout.ts';

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
  /** How a file holds its pictures; absent where nobody asked, as for live sources. */
  readonly stored?: StoredTraits;
}

/** How a file holds its pictures, for writing them as they came. */
export interface StoredTraits {
  readonly form: SampleForm;
  readonly codes: ColourCodes;
  /** Absent = none. */
  readonly hdr?: HdrMetadata;
  /** What the source has and no frame carries on, such as `floating-point samples`. */
  readonly left?: readonly string[];
}

/** Metadata of HDR that stands for a whole video. FFmpeg's structures byte by byte, which it takes back as they are. */
export interface HdrMetadata {
  /** `AVMasteringDisplayMetadata`: the screen that it was graded on (SMPTE ST 2086). */
  readonly mastering?: Uint8Array;
  /** `AVContentLightMetadata`: the brightest pixel and the brightest picture (CTA-861.3). */
  readonly light?: Uint8Array;
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
    a?.deinterlaced === b?.deinterlaced &&
    sameStored(a?.stored, b?.stored)
  );
}

function sameStored(a: StoredTraits | undefined, b: StoredTraits | undefined): boolean {
  if (!a || !b) return a === b;
  return (
    sameForm(a.form, b.form) &&
    sameCodes(a.codes, b.codes) &&
    sameBytes(a.hdr?.mastering, b.hdr?.mastering) &&
    sameBytes(a.hdr?.light, b.hdr?.light) &&
    (a.left ?? []).join() === (b.left ?? []).join()
  );
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (!a || !b) return a === b;
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/**
 * What H.264's parameter sets and slice headers say of a stream that is passed on (sections 7.3.2 and
 * 7.3.3). Pure. FFmpeg's parser, which node-av offers, tells neither flexible macroblock order nor what
 * its VUI promises of reordering.
 */
import { BitReader, withoutEmulation } from '../../media/bit-reader.ts';

/** Types of NAL units. */
export const NAL = { slice: 1, idr: 5, sps: 7, pps: 8 } as const;

/** Profiles that WebRTC players may take, least first: each takes those before it. */
const PROFILES = ['constrained baseline', 'main', 'high'] as const;

/** One of `PROFILES`. */
export type H264Profile = (typeof PROFILES)[number];

/** What a sequence parameter set says. */
export interface SequenceSet {
  readonly id: number;
  /** `profile_idc`: 66 is baseline, 77 main, 100 high. */
  readonly profileIdc: number;
  /** Of the picture, of 4:2:0, without what is cropped away. */
  readonly width: number;
  readonly height: number;
  /** Frames alone, no fields. */
  readonly progressive: boolean;
  /** 4:2:0 of 8 bits. */
  readonly plain: boolean;
  /** Frames that may be sent before one that is shown earlier; undefined: it does not say. */
  readonly reordered: number | undefined;
}

/** What a picture parameter set says. */
export interface PictureSet {
  readonly id: number;
  readonly sequenceId: number;
  /** Flexible macroblock order or redundant pictures, which constrained baseline has not. */
  readonly unusual: boolean;
}

/** Profiles whose sets tell their chroma format: section 7.3.2.1.1. */
const WITH_FORMAT: readonly number[] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
const EXTENDED_ASPECT = 255;

/** The type of a NAL unit. */
export function typeOfNal(nal: Uint8Array): number {
  return (nal[0] ?? 0) & 0x1f;
}

/** Reads a sequence parameter set; undefined when it breaks off. */
export function readSequenceSet(nal: Uint8Array): SequenceSet | undefined {
  const bits = new BitReader(withoutEmulation(nal.subarray(1)));
  const profileIdc = bits.bits(8);
  // Constraints and level.
  bits.bits(16);
  const id = bits.unsigned();
  const plain = WITH_FORMAT.includes(profileIdc) ? readFormat(bits) : true;
  bits.unsigned();
  readOrderCount(bits);
  bits.unsigned();
  bits.flag();
  const [columns, rows] = [16 * (bits.unsigned() + 1), 16 * (bits.unsigned() + 1)];
  const progressive = bits.flag();
  if (!progressive) bits.flag();
  bits.flag();
  const [left = 0, right = 0, top = 0, bottom = 0] = bits.flag() ? [0, 1, 2, 3].map(() => bits.unsigned()) : [];
  const fields = progressive ? 1 : 2;
  const size = { width: columns - 2 * (left + right), height: fields * (rows - 2 * (top + bottom)) };
  const broken = bits.exhausted;
  const reordered = bits.flag() ? readReordering(bits) : undefined;
  return broken || bits.exhausted ? undefined : { id, profileIdc, ...size, progressive, plain, reordered };
}

/** Chroma format, depth and scaling lists; true for 4:2:0 of 8 bits. */
function readFormat(bits: BitReader): boolean {
  const chroma = bits.unsigned();
  if (chroma === 3) bits.flag();
  const [luma, colour] = [bits.unsigned(), bits.unsigned()];
  const bypass = bits.flag();
  if (bits.flag()) {
    for (let list = 0; list < (chroma === 3 ? 12 : 8); list += 1)
      if (bits.flag()) skipScaling(bits, list < 6 ? 16 : 64);
  }
  return chroma === 1 && luma === 0 && colour === 0 && !bypass;
}

function skipScaling(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i += 1) {
    if (next !== 0) next = (last + bits.signed() + 256) % 256;
    if (next !== 0) last = next;
  }
}

function readOrderCount(bits: BitReader): void {
  const type = bits.unsigned();
  if (type === 0) bits.unsigned();
  if (type !== 1) return;
  bits.flag();
  bits.signed();
  bits.signed();
  for (let left = bits.unsigned(); left > 0 && !bits.exhausted; left -= 1) bits.signed();
}

/** Through the VUI (section E.1.1) to `max_num_reorder_frames`. */
function readReordering(bits: BitReader): number | undefined {
  if (bits.flag() && bits.bits(8) === EXTENDED_ASPECT) bits.bits(32);
  if (bits.flag()) bits.flag();
  if (bits.flag()) {
    bits.bits(4);
    if (bits.flag()) bits.bits(24);
  }
  if (bits.flag()) {
    bits.unsigned();
    bits.unsigned();
  }
  if (bits.flag()) {
    bits.bits(32);
    bits.bits(32);
    bits.flag();
  }
  const [nal, vcl] = [skipReference(bits), skipReference(bits)];
  if (nal || vcl) bits.flag();
  bits.flag();
  if (!bits.flag()) return undefined;
  bits.flag();
  for (let i = 0; i < 4; i += 1) bits.unsigned();
  return bits.unsigned();
}

/** Parameters of a hypothetical reference decoder (section E.1.2), if there are any. */
function skipReference(bits: BitReader): boolean {
  if (!bits.flag()) return false;
  const count = bits.unsigned() + 1;
  bits.bits(8);
  for (let i = 0; i < count && !bits.exhausted; i += 1) {
    bits.unsigned();
    bits.unsigned();
    bits.flag();
  }
  bits.bits(20);
  return true;
}

/** Reads a picture parameter set; undefined when it breaks off. */
export function readPictureSet(nal: Uint8Array): PictureSet | undefined {
  const bits = new BitReader(withoutEmulation(nal.subarray(1)));
  const [id, sequenceId] = [bits.unsigned(), bits.unsigned()];
  bits.bits(2);
  // What follows of slice groups is not read: one is enough.
  if (bits.unsigned() > 0) return { id, sequenceId, unusual: true };
  bits.unsigned();
  bits.unsigned();
  bits.bits(3);
  for (let i = 0; i < 3; i += 1) bits.signed();
  bits.bits(2);
  const unusual = bits.flag();
  return bits.exhausted ? undefined : { id, sequenceId, unusual };
}

/** What the header of a slice says: whether it is of a B picture, and of which picture parameter set. */
export function readSlice(nal: Uint8Array): { readonly isB: boolean; readonly pictureId: number } {
  // The longest header up to there.
  const bits = new BitReader(withoutEmulation(nal.subarray(1, 24)));
  bits.unsigned();
  const type = bits.unsigned();
  return { isB: type % 5 === 1, pictureId: bits.unsigned() };
}

/** The profile that a player needs; undefined where none of WebRTC's is enough. */
export function profileOf(
  { profileIdc, plain, progressive }: SequenceSet,
  picture: PictureSet,
): H264Profile | undefined {
  if (!plain || !progressive) return undefined;
  if (profileIdc === 66) return picture.unusual ? undefined : 'constrained baseline';
  if (profileIdc === 77) return 'main';
  return profileIdc === 100 ? 'high' : undefined;
}

/**
 * Whether a player that takes `offered` (a `profile-level-id`; undefined: baseline, by RFC 6184) takes a
 * stream of this profile. Levels are not looked at: cameras and encoders write what they like, and
 * players decode what they can.
 */
export function takesProfile(offered: string | undefined, profile: H264Profile): boolean {
  const most = /^64/.test(offered ?? '') ? 'high' : /^4d/i.test(offered ?? '') ? 'main' : 'constrained baseline';
  return PROFILES.indexOf(profile) <= PROFILES.indexOf(most);
}

/** What a decoded frame says of itself, for writing it as it came. An adapter of node-av's frames. */
import {
  AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
  AV_FRAME_DATA_DOVI_METADATA,
  AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
  AV_FRAME_DATA_ICC_PROFILE,
  AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  type AVFrameSideDataType,
  type AVPixelFormat,
  type Frame as AvFrame,
  avGetPixFmtName,
} from 'node-av';
import type { ColourCodes } from '../../media/colour.ts';
import type { SampleForm } from '../../media/deep-layout.ts';
import type { HdrMetadata, StoredTraits } from '../../media/picture-traits.ts';
import { pixelFormatOf } from '../../media/pixel-format.ts';

/** 8-bit 4:2:0: what a format that nobody knows is brought to. */
const UNKNOWN: SampleForm = { model: 'yuv', bits: 8, shiftX: 1, shiftY: 1, alpha: false };

/** What frames may have beside them and nothing here carries on. */
const LEFT: readonly (readonly [AVFrameSideDataType, string])[] = [
  [AV_FRAME_DATA_DYNAMIC_HDR_PLUS, "HDR10+'s metadata of each scene"],
  [AV_FRAME_DATA_DOVI_METADATA, "Dolby Vision's metadata"],
  [AV_FRAME_DATA_ICC_PROFILE, 'an ICC colour profile'],
];

/** The name of a decoded frame's format. */
export function formatName({ format }: Pick<AvFrame, 'format'>): string {
  return avGetPixFmtName(format as AVPixelFormat) ?? `${format}`; // a picture's; the type also covers audio
}

/** The form of a decoded frame's samples. */
export function formOf(decoded: Pick<AvFrame, 'format'>): SampleForm {
  return pixelFormatOf(formatName(decoded))?.form ?? UNKNOWN;
}

/** How the source holds a decoded frame. HDR's metadata may come with keyframes only: what came `before` stays. */
export function storedTraits(decoded: AvFrame, before: StoredTraits | undefined): StoredTraits {
  const name = formatName(decoded);
  const found = pixelFormatOf(name);
  const beyond = found ? found.beyond : `samples of the form ${name}`;
  const beside = LEFT.filter(([type]) => decoded.getSideData(type)).map(([, what]) => what);
  const left = [...new Set([...(before?.left ?? []), ...(beyond === undefined ? [] : [beyond]), ...beside])];
  const hdr = hdrOf(decoded, before?.hdr);
  const form = found?.form ?? UNKNOWN;
  return { form, codes: codesOf(decoded, name), ...(hdr && { hdr }), ...(left.length > 0 && { left }) };
}

function codesOf({ colorSpace, colorPrimaries, colorTrc, colorRange, chromaLocation }: AvFrame, name: string) {
  const full = colorRange === AVCOL_RANGE_JPEG || name.startsWith('yuvj');
  const range = full ? 'full' : colorRange === AVCOL_RANGE_MPEG ? 'limited' : undefined;
  const codes: ColourCodes = {
    ...{ matrix: colorSpace, primaries: colorPrimaries, transfer: colorTrc },
    ...{ range, chromaLocation },
  };
  return codes;
}

function hdrOf(decoded: AvFrame, before: HdrMetadata | undefined): HdrMetadata | undefined {
  const mastering = copied(decoded.getSideData(AV_FRAME_DATA_MASTERING_DISPLAY_METADATA)) ?? before?.mastering;
  const light = copied(decoded.getSideData(AV_FRAME_DATA_CONTENT_LIGHT_LEVEL)) ?? before?.light;
  return mastering || light ? { ...(mastering && { mastering }), ...(light && { light }) } : undefined;
}

/** FFmpeg's bytes end with the frame. */
function copied(bytes: Uint8Array | null): Uint8Array | undefined {
  return bytes ? new Uint8Array(bytes) : undefined;
}

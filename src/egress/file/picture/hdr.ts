/** HDR's metadata for encoders and containers. Pure. */
import type { HdrMetadata } from '../../../media/picture-traits.ts';

/** An option of an encoder. */
export interface EncoderOption {
  readonly name: string;
  readonly value: string;
}

/** Units of x264 and x265: of chromaticity, and of luminance in cd/m² (SMPTE ST 2086 as H.264 and H.265 code it). */
const CHROMATICITY = 50_000;
const LUMINANCE = 10_000;

/** Numbers of FFmpeg's `AVMasteringDisplayMetadata`: ten fractions, then two flags, each of four bytes. */
function masteringOf(bytes: Uint8Array): number[] | undefined {
  if (bytes.length < 88) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt32(80, true) === 0 || view.getInt32(84, true) === 0) return undefined;
  return Array.from({ length: 10 }, (_, i) => view.getInt32(8 * i, true) / (view.getInt32(8 * i + 4, true) || 1));
}

/** Numbers of FFmpeg's `AVContentLightMetadata`. */
function lightOf(bytes: Uint8Array): readonly [pixel: number, picture: number] | undefined {
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}

/**
 * The settings by which an encoder writes the metadata into its stream, as `name=value`; none for encoders whose codec
 * has no place for it. Containers have one ({@link HdrMetadata} as side data of the stream).
 */
export function hdrSettings(encoder: string, hdr: HdrMetadata | undefined): EncoderOption | undefined {
  const option = ENCODERS[encoder];
  if (!option || !hdr) return undefined;
  const values = hdr.mastering && masteringOf(hdr.mastering);
  const light = hdr.light && lightOf(hdr.light);
  const settings: string[] = [];
  if (values) settings.push(`${option.mastering}=${masteringText(values, option.plain)}`);
  if (light) settings.push(`${option.light}=${light.join(',')}`);
  return settings.length > 0 ? { name: option.name, value: settings.join(':') } : undefined;
}

/** `plain`: numbers as they are, not in units. */
const ENCODERS: Readonly<Record<string, { name: string; mastering: string; light: string; plain: boolean }>> = {
  libx264: { name: 'x264-params', mastering: 'mastering-display', light: 'cll', plain: false },
  libx265: { name: 'x265-params', mastering: 'master-display', light: 'max-cll', plain: false },
  libsvtav1: { name: 'svtav1-params', mastering: 'mastering-display', light: 'content-light', plain: true },
};

function masteringText(values: readonly number[], plain: boolean): string {
  const at = (index: number, unit: number): string => {
    const value = values[index] ?? 0;
    return plain ? `${value}` : `${Math.round(value * unit)}`;
  };
  const point = (name: string, index: number) => `${name}(${at(index, CHROMATICITY)},${at(index + 1, CHROMATICITY)})`;
  // FFmpeg has red, green and blue; encoders want green, blue and red.
  const points = [point('G', 2), point('B', 4), point('R', 0), point('WP', 6)].join('');
  return `${points}L(${at(9, LUMINANCE)},${at(8, LUMINANCE)})`;
}

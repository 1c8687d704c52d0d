/** Codecs of files: which there are, what may be asked of them, and how FFmpeg's encoders are told. Pure. */
import { FrameliftError } from '../../errors.ts';

/** Codecs that can be asked for by name. */
export const NAMED_CODECS = ['h264', 'h265', 'av1', 'vp9', 'prores', 'ffv1'] as const;

/** Encoders of files: the named ones, and those that the output's name alone chooses. */
export type FileCodec = (typeof NAMED_CODECS)[number] | 'raw' | 'png';

/** How well and how fast to encode. At most one of `crf` and `bitrate`. */
export interface Quality {
  /** Constant quality, 0 (best) to the codec's own end. Default: the codec's, see {@link defaultCrf}. */
  readonly crf?: number | undefined;
  /** Mean rate, bits per second. Default: none, the quality is constant. */
  readonly bitrate?: number | undefined;
  /** The codec's own name of a balance of speed and size; of `prores` its profile. */
  readonly preset?: string | undefined;
}

interface CodecRule {
  readonly crf?: { readonly max: number; readonly usual: number };
  /** Why it has no constant quality or bitrate to choose. */
  readonly fixed?: string;
  readonly presets: readonly string[];
  /** Default: the encoder's own. */
  readonly preset?: string;
}

const X264_PRESETS = [
  ...['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow', 'slower', 'veryslow', 'placebo'],
];
const steps = (to: number): string[] => Array.from({ length: to + 1 }, (_, i) => String(i));

/** The last vp9 preset that is libvpx's `good` deadline; beyond it is `realtime`. */
const VP9_LAST_GOOD = 5;
/**
 * x265's output depends on the number of frames in work, which it would take from the machine's
 * cores.
 */
const X265_FRAME_THREADS = 3;

/** The usual crf of each gives about the PSNR of h264's 14, which hardly anybody tells from the source. */
const RULES: Readonly<Record<FileCodec, CodecRule>> = {
  h264: { crf: { max: 51, usual: 14 }, presets: X264_PRESETS, preset: 'veryfast' },
  h265: { crf: { max: 51, usual: 17 }, presets: X264_PRESETS, preset: 'fast' },
  av1: { crf: { max: 63, usual: 18 }, presets: steps(13), preset: '8' },
  vp9: { crf: { max: 63, usual: 18 }, presets: steps(8), preset: '4' },
  prores: {
    fixed: 'its profile decides',
    presets: ['proxy', 'lt', 'standard', 'hq', '4444', '4444xq'],
  },
  ffv1: { fixed: 'it is lossless', presets: [] },
  raw: { fixed: 'it is not compressed', presets: [] },
  png: { fixed: 'it is lossless', presets: [] },
};

/** Bits per second that can be meant: below it is `6` for `6M`, above it no disk keeps up. */
const MIN_BITRATE = 10_000;
const MAX_BITRATE = 2_000_000_000;

/** @throws FrameliftError `config.invalid` for a name that is none. */
export function fileCodec(name: string): FileCodec {
  const known = NAMED_CODECS.find((codec) => codec === name);
  if (known) return known;
  throw new FrameliftError('config.invalid', `codec "${name}" is unknown`, {
    remedy: `Use --codec ${NAMED_CODECS.slice(0, -1).join(', ')} or ${NAMED_CODECS.at(-1)}.`,
  });
}

/** What `crf` is when nothing is said; undefined for codecs without one. */
function defaultCrf(codec: FileCodec): number | undefined {
  return RULES[codec].crf?.usual;
}

/** @throws FrameliftError `config.invalid` for a crf, bitrate or preset that the codec does not have. */
export function requireQuality(codec: FileCodec, quality: Quality): void {
  const { crf, bitrate, preset } = quality;
  const rule = RULES[codec];
  if (crf !== undefined && bitrate !== undefined) {
    throw new FrameliftError('config.invalid', `crf ${crf} and bitrate ${bitrate} exclude each other`, {
      remedy: 'Give --crf for a constant quality, or --bitrate for a size that is known beforehand.',
    });
  }
  if (crf !== undefined) requireCrf(codec, rule, crf);
  if (bitrate !== undefined) requireBitrate(codec, rule, bitrate);
  if (preset !== undefined) requirePreset(codec, rule, preset);
}

function requireCrf(codec: FileCodec, { crf: range, fixed }: CodecRule, crf: number): void {
  if (!range) throw notFor('crf', codec, fixed);
  if (crf >= 0 && crf <= range.max) return;
  throw new FrameliftError('config.invalid', `crf ${crf} is outside ${codec}'s range 0…${range.max}`, {
    remedy: `Give --crf 0 (best) to ${range.max} (smallest); ${range.usual} is the default of ${codec}.`,
  });
}

function requireBitrate(codec: FileCodec, { fixed }: CodecRule, bitrate: number): void {
  if (fixed !== undefined) throw notFor('bitrate', codec, fixed);
  if (bitrate >= MIN_BITRATE && bitrate <= MAX_BITRATE) return;
  throw new FrameliftError('config.invalid', `bitrate ${bitrate} is outside 10k…2000M bits per second`, {
    remedy: 'Give bits per second with k or M, such as --bitrate 6M.',
  });
}

function requirePreset(codec: FileCodec, { presets, fixed }: CodecRule, preset: string): void {
  if (presets.length === 0) throw notFor('preset', codec, fixed);
  if (presets.includes(preset)) return;
  throw new FrameliftError('config.invalid', `preset "${preset}" is unknown to ${codec}`, {
    remedy: `Use --preset ${presets.join(', ')}.`,
  });
}

function notFor(key: string, codec: FileCodec, fixed: string | undefined): FrameliftError {
  return new FrameliftError('config.invalid', `--${key} does not apply to ${codec}: ${fixed}`, {
    remedy: `Leave --${key} out, or choose another --codec.`,
  });
}

/** What FFmpeg's encoder is told, by its own names. A `crf` is ignored by codecs that have none. */
export function encoderOptions(codec: FileCodec, quality: Quality): Record<string, string> {
  const { bitrate, preset = RULES[codec].preset } = quality;
  const crf = String(quality.crf ?? defaultCrf(codec));
  const rate = bitrate === undefined ? undefined : String(bitrate);
  switch (codec) {
    case 'h264':
      // User data of frames goes into their access units.
      return { ...presetOf(preset), udu_sei: '1', ...(rate ? { b: rate } : { crf }) };
    case 'h265': {
      const params = `log-level=none:frame-threads=${X265_FRAME_THREADS}`;
      return { ...presetOf(preset), 'x265-params': params, ...(rate ? { b: rate } : { crf }) };
    }
    case 'av1':
      // FFmpeg takes its "crf" 0 for none given. With a rate SVT-AV1 gives the same bits again on
      // one thread only.
      return {
        ...presetOf(preset),
        ...(rate ? { b: rate, 'svtav1-params': 'lp=1' } : { 'svtav1-params': `crf=${crf}` }),
      };
    case 'vp9': {
      const deadline = Number(preset) > VP9_LAST_GOOD ? 'realtime' : 'good';
      return { deadline, 'cpu-used': preset ?? '', 'row-mt': '1', ...(rate ? { b: rate } : { b: '0', crf }) };
    }
    case 'prores':
      return preset === undefined ? {} : { profile: preset };
    default:
      return {};
  }
}

function presetOf(preset: string | undefined): Record<string, string> {
  return preset === undefined ? {} : { preset };
}

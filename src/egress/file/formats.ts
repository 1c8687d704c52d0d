/** Formats of video files: which there are, which codecs fit, and how FFmpeg's muxers are told. Pure. */
import { extname } from 'node:path';
import { FrameliftError } from '../../errors.ts';
import { type FileCodec, fileCodec, type Quality, requireQuality } from './codecs.ts';

/** What a format holds of pictures, where it is less than the codec does. */
export interface HeldPictures {
  /** FFmpeg's names of pixel formats. */
  readonly formats?: readonly string[];
  /** Whether transparency comes through. Default true. */
  readonly alpha?: boolean;
}

/** A way to store coded frames. */
export interface FileFormat {
  /** Its ending, with the dot, which is its name here. */
  readonly ending: string;
  /** FFmpeg's name. */
  readonly muxer: string;
  /** What it holds, the default first. */
  readonly codecs: readonly FileCodec[];
  /** True when frames have no times of their own: each stands for one interval of one rate. */
  readonly constantRate?: boolean;
  /** Options of FFmpeg's muxer. */
  readonly options?: Readonly<Record<string, string>>;
  /** The name by which players know a codec in here, where FFmpeg would write another. */
  readonly tags?: Partial<Readonly<Record<FileCodec, string>>>;
  /** What it holds of a codec's pictures. */
  readonly holds?: Partial<Readonly<Record<FileCodec, HeldPictures>>>;
}

const Y4M_DEPTHS = ['', '9le', '10le', '12le', '14le', '16le'];
/** What y4m has names for; those of more than 8 bits are an extension that every program of FFmpeg's kin reads. */
const Y4M_PIXELS = [
  ...['420', '422', '444'].flatMap((chroma) => Y4M_DEPTHS.map((depth) => `yuv${chroma}p${depth}`)),
  ...['yuv411p', 'gray', 'gray9le', 'gray10le', 'gray12le', 'gray16le'],
];
/** Only Matroska's family has a place for the alpha of VP9. */
const OPAQUE_VP9 = { vp9: { alpha: false } } as const;
/** Apple's players know H.265 by this name alone. */
const ISO = { tags: { h265: 'hvc1' } } as const;

const FORMATS: readonly FileFormat[] = [
  { ending: '.mp4', muxer: 'mp4', codecs: ['h264', 'h265', 'av1', 'vp9'], ...ISO, holds: OPAQUE_VP9 },
  { ending: '.m4v', muxer: 'mp4', codecs: ['h264', 'h265'], ...ISO },
  { ending: '.mov', muxer: 'mov', codecs: ['h264', 'h265', 'prores', 'ffv1'], ...ISO },
  { ending: '.mkv', muxer: 'matroska', codecs: ['h264', 'h265', 'av1', 'vp9', 'prores', 'ffv1'] },
  { ending: '.webm', muxer: 'webm', codecs: ['vp9', 'av1'] },
  { ending: '.avi', muxer: 'avi', codecs: ['h264', 'ffv1'], constantRate: true },
  { ending: '.ts', muxer: 'mpegts', codecs: ['h264', 'h265'] },
  { ending: '.flv', muxer: 'flv', codecs: ['h264'] },
  { ending: '.nut', muxer: 'nut', codecs: ['raw', 'ffv1', 'h264', 'h265', 'vp9'], holds: OPAQUE_VP9 },
  {
    ...{ ending: '.y4m', muxer: 'yuv4mpegpipe', codecs: ['raw'], constantRate: true },
    ...{ options: { strict: 'unofficial' }, holds: { raw: { formats: Y4M_PIXELS } } },
  },
  { ending: '.png', muxer: 'image2', codecs: ['png'], constantRate: true },
];

/** The output that is the standard output. */
export const STDOUT = '-';
/** Formats of the standard output, the default first. */
export const STREAM_FORMATS = ['nut', 'y4m'] as const;

/** What is asked for beside the name of the output. */
export interface OutputWishes extends Quality {
  /** Name of the codec. Default: the format's. */
  readonly codec?: string | undefined;
  /** Format of the standard output. Default: the first of {@link STREAM_FORMATS}. */
  readonly format?: string | undefined;
}

/** What an output is to be. */
export interface OutputPlan {
  readonly path: string;
  readonly format: FileFormat;
  readonly codec: FileCodec;
  readonly quality: Quality;
}

/**
 * What is to be written to `path`: its ending chooses the format, the format the codec unless one is named.
 * @throws FrameliftError `config.invalid` for wishes that do not exist, or do not go together; it names what does.
 */
export function planOutput(path: string, wishes: OutputWishes): OutputPlan {
  const named = wishes.codec === undefined ? undefined : fileCodec(wishes.codec);
  const name = path === STDOUT ? `${path}.${streamFormat(wishes.format)}` : path;
  if (path !== STDOUT && wishes.format !== undefined) {
    throw new FrameliftError('config.invalid', `"${path}": --format is for the standard output`, {
      remedy: 'Leave --format out: the ending of the file chooses its format.',
    });
  }
  const format = named ? requireFormat(name, named) : formatOf(name);
  const codec = named ?? format.codecs[0] ?? 'h264';
  const { crf, bitrate, preset } = wishes;
  requireQuality(codec, { crf, bitrate, preset });
  return { path, format, codec, quality: { crf, bitrate, preset } };
}

function streamFormat(name: string | undefined): string {
  const known = STREAM_FORMATS.find((format) => format === (name ?? STREAM_FORMATS[0]));
  if (known) return known;
  throw new FrameliftError('config.invalid', `format "${name}" is unknown`, {
    remedy: `Use --format ${STREAM_FORMATS.join(' or ')}.`,
  });
}

/** The format of a file's name. @throws FrameliftError `config.invalid` for an ending that is none. */
export function formatOf(path: string): FileFormat {
  const ending = extname(path).toLowerCase();
  const found = FORMATS.find((format) => format.ending === ending);
  if (found) return found;
  throw new FrameliftError('config.invalid', `"${path}": no format is known for the ending "${ending}"`, {
    remedy: `Give an output ending in ${FORMATS.map((format) => format.ending).join(', ')}.`,
  });
}

/** The endings of files that hold a codec. */
function endingsFor(codec: FileCodec): readonly string[] {
  return FORMATS.filter((format) => format.codecs.includes(codec)).map((format) => format.ending);
}

/** The format of a file for a codec. @throws FrameliftError `config.invalid` where it does not fit, naming what does. */
export function requireFormat(path: string, codec: FileCodec): FileFormat {
  const ending = extname(path).toLowerCase();
  const format = FORMATS.find((known) => known.ending === ending);
  if (format?.codecs.includes(codec)) return format;
  const other = format ? `, or ${fitting(format)}` : '';
  throw new FrameliftError('config.invalid', `"${path}": ${codec} cannot be written to a "${ending}" file`, {
    remedy: `Give an output ending in ${endingsFor(codec).join(', ')}${other}.`,
  });
}

function fitting({ codecs }: FileFormat): string {
  const named = codecs.filter((codec) => codec !== 'raw' && codec !== 'png');
  return named.length > 0 ? `use --codec ${named.join(' or ')}` : 'leave --codec out';
}

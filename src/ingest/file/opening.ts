/** Opening a file's container: which stream is the video, and what it says of it. An adapter of node-av's demuxers. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  AV_CODEC_ID_ANSI,
  AV_DISPOSITION_ATTACHED_PIC,
  AV_LOG_FATAL,
  AV_NOPTS_VALUE,
  AV_PKT_DATA_DISPLAYMATRIX,
  AVFMT_TS_DISCONT,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  type Rational as AvRational,
  avGetCodecName,
  Dictionary,
  FFmpegError,
  FormatContext,
  InputFormat,
  Log,
  type Stream,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import type { Rational } from '../../media/rate.ts';
import { micros } from '../../time.ts';
import type { FoundImages } from './images.ts';
import { rotationOf, type VideoFileInfo } from './info.ts';
import { Timeline } from './timeline.ts';

/** Numbered images that a path stands for, and how many of them make a second. */
export interface ImagesToRead {
  readonly found: FoundImages;
  readonly rate: Rational;
}

/** A container that is open, and its video stream. */
export interface OpenContainer {
  readonly context: FormatContext;
  readonly stream: Stream;
  readonly info: VideoFileInfo;
}

/**
 * Opens a file, or numbered images as one; the caller closes the context.
 * @throws FrameliftError `source.not-found`, `source.forbidden` (no permission), `source.protocol` (not a video, or broken
 * before its first frame), `source.no-video`.
 */
export async function openContainer(path: string, images: ImagesToRead | undefined): Promise<OpenContainer> {
  const bytes = await checkFile(images?.found.path ?? path);
  Log.setLevel(AV_LOG_FATAL);
  const context = new FormatContext();
  // "file:" keeps the path from being read as a URL; the whitelist keeps playlists from leaving
  // the disk.
  const settings = Dictionary.fromObject({
    ...{ protocol_whitelist: 'file,crypto,data', fflags: '+genpts' },
    ...(images && { framerate: `${images.rate.num}/${images.rate.den}`, start_number: images.found.first }),
  });
  try {
    context.allocContext();
    const format = images ? InputFormat.findInputFormat('image2') : null;
    const opened = await context.openInput(images?.found.url ?? `file:${resolve(path)}`, format, settings);
    if (opened < 0) throw notVideo(path, opened);
    const found = await context.findStreamInfo(null);
    if (found < 0) throw notVideo(path, found);
    const stream = videoOf(path, context);
    const told = describe(context, stream, bytes);
    return { context, stream, info: images ? ofImages(told, images.found) : told };
  } catch (error) {
    await context.closeInput();
    throw error;
  } finally {
    settings.free();
  }
}

/** Transport and program streams and their like jump ahead for no reason; sound and picture run without pause. */
export function newTimeline(context: FormatContext, picture: Stream): Timeline {
  const isSteady = (stream: Stream): boolean =>
    stream.index === picture.index || stream.codecpar.codecType === AVMEDIA_TYPE_AUDIO;
  return new Timeline({
    picture: picture.index,
    steady: context.streams.filter(isSteady).map((stream) => stream.index),
    jumpsAhead: ((context.iformat?.flags ?? 0) & AVFMT_TS_DISCONT) !== 0,
  });
}

/** A fraction of node-av's as ours. */
export function plain(value: AvRational): Rational {
  return { num: value.num, den: value.den };
}

function videoOf(path: string, context: FormatContext): Stream {
  const index = context.findBestStream(AVMEDIA_TYPE_VIDEO, -1, -1);
  const stream = context.streams[index];
  if (!stream || stream.hasDisposition(AV_DISPOSITION_ATTACHED_PIC)) {
    throw new FrameliftError('source.no-video', `${path} has no video stream`);
  }
  // FFmpeg takes any text for a terminal recording.
  if (stream.codecpar.codecId === AV_CODEC_ID_ANSI) throw notVideo(path, undefined);
  return stream;
}

/** Its size in bytes. */
async function checkFile(path: string): Promise<number> {
  const found = await stat(path).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new FrameliftError('source.not-found', `there is no file ${path}`, { cause });
    }
    throw new FrameliftError('source.forbidden', `${path} cannot be opened (${String(code)})`, { cause });
  });
  if (!found.isFile()) throw new FrameliftError('source.not-found', `${path} is not a file`);
  return found.size;
}

function notVideo(path: string, code: number | undefined): FrameliftError {
  const reason = code === undefined ? '' : `: ${FFmpegError.strerror(code)}`;
  return new FrameliftError('source.protocol', `${path} is not a video file, or it is cut off at its start${reason}`);
}

function ofImages(info: VideoFileInfo, { pattern, first, last, before }: FoundImages): VideoFileInfo {
  return { ...info, frames: last - first + 1, images: { pattern, first, last, before } };
}

function describe(context: FormatContext, stream: Stream, bytes: number): VideoFileInfo {
  const parameters = stream.codecpar;
  const rates = [plain(stream.avgFrameRate), plain(stream.rFrameRate)];
  const base = plain(stream.timeBase);
  const length =
    stream.duration !== AV_NOPTS_VALUE && stream.duration > 0n
      ? (Number(stream.duration) * 1e6 * base.num) / base.den
      : Number(context.duration);
  return {
    width: parameters.width,
    height: parameters.height,
    fps: rates.find((rate) => rate.num > 0 && rate.den > 0),
    frames: stream.nbFrames > 0n ? Number(stream.nbFrames) : undefined,
    tick: base,
    bytes,
    duration: length > 0 ? micros(length) : undefined,
    codec: avGetCodecName(parameters.codecId) ?? `codec id ${parameters.codecId}`,
    container: context.iformat?.name ?? 'unknown',
    rotation: rotationOf(parameters.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX)),
  };
}

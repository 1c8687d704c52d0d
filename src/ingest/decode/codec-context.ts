/** Opening FFmpeg's decoders: which one, and how it works. */
import {
  AV_CODEC_FLAG_LOW_DELAY,
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_NONE,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AV_LOG_FATAL,
  AV_OPT_TYPE_INT64,
  type AVCodecID,
  Codec,
  CodecContext,
  type CodecParameters,
  FF_DECODER_LIBVPX_VP8,
  FF_DECODER_LIBVPX_VP9,
  FF_THREAD_FRAME,
  FF_THREAD_SLICE,
  FFmpegError,
  type FFVideoDecoder,
  Log,
} from 'node-av';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { VideoCodec } from '../../media/access-unit.ts';
import { type IngestLimits, maxPixels } from '../limits.ts';

const CODEC_IDS: Readonly<Record<VideoCodec, AVCodecID>> = {
  h264: AV_CODEC_ID_H264,
  hevc: AV_CODEC_ID_HEVC,
  vp8: AV_CODEC_ID_VP8,
  vp9: AV_CODEC_ID_VP9,
  av1: AV_CODEC_ID_AV1,
};

/** FFmpeg's own decoders leave alpha out. */
const ALPHA_DECODERS: ReadonlyMap<AVCodecID, FFVideoDecoder> = new Map<AVCodecID, FFVideoDecoder>([
  [AV_CODEC_ID_VP8, FF_DECODER_LIBVPX_VP8],
  [AV_CODEC_ID_VP9, FF_DECODER_LIBVPX_VP9],
]);

/**
 * Options of {@link openCodecContext}. Give `codec` (RTP) or `codecParameters` (a container's
 * stream).
 */
export interface CodecOptions {
  readonly codec?: VideoCodec;
  /** Out-of-band parameter sets: Annex B for H.264 and H.265. */
  readonly extradata?: Uint8Array;
  readonly codecParameters?: CodecParameters;
  /** Decoder threads, default 1. */
  readonly threads?: number;
  /**
   * False lets threads work on several frames at once: faster for files, late by a frame per
   * thread. Default true.
   */
  readonly lowDelay?: boolean;
  /** The alpha of VP8 and VP9 comes beside each access unit. Default false. */
  readonly alphaBeside?: boolean;
  /** Larger frames are not decoded: an error. Default: any size. */
  readonly limits?: IngestLimits | undefined;
}

/**
 * Opens a decoder of FFmpeg's; the caller frees it. @throws FrameliftError
 * `source.unsupported-codec` when FFmpeg has none, `decode.failed` when it refuses the parameters.
 */
export async function openCodecContext(options: CodecOptions): Promise<CodecContext> {
  const { codecParameters, extradata, limits, lowDelay = true, threads = 1 } = options;
  Log.setLevel(AV_LOG_FATAL);
  const codec = findDecoder(options);
  const context = new CodecContext();
  try {
    context.allocContext3(codec);
    if (codecParameters) FFmpegError.throwIfError(context.parametersToContext(codecParameters), 'codec parameters');
    if (extradata && extradata.length > 0) context.extraData = Buffer.from(extradata);
    context.threadCount = threads;
    if (lowDelay) context.setFlags(AV_CODEC_FLAG_LOW_DELAY);
    context.threadType = lowDelay ? FF_THREAD_SLICE : FF_THREAD_FRAME;
    if (limits) context.setOption('max_pixels', BigInt(maxPixels(limits)), AV_OPT_TYPE_INT64);
    FFmpegError.throwIfError(await context.open2(codec, null), 'opening the decoder');
    return context;
  } catch (error) {
    context.freeContext();
    throw asFrameliftError(error, 'decode.failed');
  }
}

function findDecoder({ codec, codecParameters, alphaBeside = false }: CodecOptions): Codec {
  const id = codecParameters?.codecId ?? (codec && CODEC_IDS[codec]);
  const special = alphaBeside ? ALPHA_DECODERS.get(id ?? AV_CODEC_ID_NONE) : undefined;
  const found = special ? Codec.findDecoderByName(special) : id === undefined ? null : Codec.findDecoder(id);
  if (found) return found;
  throw new FrameliftError('source.unsupported-codec', `no decoder for ${codec ?? `codec id ${id}`}`);
}

/** Reading coded frames out of local video files. The only adapter of node-av's demuxers. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  AV_CODEC_ID_ANSI,
  AV_DISPOSITION_ATTACHED_PIC,
  AV_LOG_FATAL,
  AV_NOPTS_VALUE,
  AV_PKT_DATA_DISPLAYMATRIX,
  AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL,
  AV_PKT_FLAG_CORRUPT,
  AV_PKT_FLAG_DISCARD,
  AVERROR_EOF,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_FLAG_BACKWARD,
  type Rational as AvRational,
  avGetCodecName,
  type CodecParameters,
  Dictionary,
  FFmpegError,
  FormatContext,
  Log,
  Packet,
  type Stream,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { type SampleAspect, sampleAspect } from '../../media/picture-traits.ts';
import { type Micros, micros } from '../../time.ts';
import { type Rational, rotationOf, type VideoFileInfo } from './info.ts';

/** One coded frame. `data` is valid until the next call. */
export interface CodedFrame {
  readonly data: Uint8Array;
  readonly pts: Micros;
  /**
   * False when the container gives times in decoding order only (AVI, bare streams): `pts` is then
   * one of the right times, of another frame.
   */
  readonly timed: boolean;
  /** Time until the next frame, if known. */
  readonly duration: Micros | undefined;
  readonly keyframe: boolean;
  /** Bytes are missing. */
  readonly damaged: boolean;
  /** To be decoded, not shown: it lies before the start of an edit. */
  readonly hidden: boolean;
  /** The coded alpha beside it, as Matroska has it of VP8 and VP9. */
  readonly alpha: Uint8Array | undefined;
}

/** A file that ends this much before its declared length was cut off. */
const MAX_MISSING = 500_000;

/** The video stream of one file. Calls run one at a time. */
export class Demuxer {
  readonly info: VideoFileInfo;
  readonly #path: string;
  readonly #context: FormatContext;
  readonly #stream: Stream;
  readonly #timeBase: Rational;
  readonly #alphaBeside: boolean;
  readonly #packet = new Packet();
  #nextPts: Micros;
  /** Whether packets carry presentation times; AVI's only look like it. */
  #timed: boolean;
  /** Latest end of any stream's packet, microseconds. */
  #end = 0;
  #closed = false;

  private constructor(path: string, context: FormatContext, stream: Stream) {
    this.#path = path;
    this.#context = context;
    this.#stream = stream;
    this.#timeBase = plain(stream.timeBase);
    this.#alphaBeside = stream.metadata?.get('alpha_mode') === '1';
    this.#nextPts = this.#start();
    this.info = describe(context, stream);
    this.#timed = this.info.container !== 'avi';
    this.#packet.alloc();
  }

  /**
   * Opens a file. @throws FrameliftError `source.not-found`, `source.forbidden` (no permission),
   * `source.protocol` (not a video, or broken before its first frame), `source.no-video`.
   */
  static async open(path: string): Promise<Demuxer> {
    await checkFile(path);
    Log.setLevel(AV_LOG_FATAL);
    const context = new FormatContext();
    // "file:" keeps the path from being read as a URL; the whitelist keeps playlists from leaving
    // the disk.
    const options = Dictionary.fromObject({ protocol_whitelist: 'file,crypto,data', fflags: '+genpts' });
    try {
      context.allocContext();
      const opened = await context.openInput(`file:${resolve(path)}`, null, options);
      if (opened < 0) throw notVideo(path, opened);
      const found = await context.findStreamInfo(null);
      if (found < 0) throw notVideo(path, found);
      const index = context.findBestStream(AVMEDIA_TYPE_VIDEO, -1, -1);
      const stream = context.streams[index];
      if (!stream || stream.hasDisposition(AV_DISPOSITION_ATTACHED_PIC)) {
        throw new FrameliftError('source.no-video', `${path} has no video stream`);
      }
      // FFmpeg takes any text for a terminal recording.
      if (stream.codecpar.codecId === AV_CODEC_ID_ANSI) throw notVideo(path, undefined);
      return new Demuxer(path, context, stream);
    } catch (error) {
      await context.closeInput();
      throw error;
    } finally {
      options.free();
    }
  }

  /** For the decoder; valid until {@link close}. */
  get codecParameters(): CodecParameters {
    return this.#stream.codecpar;
  }

  /** True for VP8 and VP9 whose alpha is coded beside the pictures. */
  get alphaBeside(): boolean {
    return this.#alphaBeside;
  }

  /** The shape of samples that the container tells; it wins over what frames say. Absent = square, or not told. */
  get sampleAspect(): SampleAspect | undefined {
    const { num, den } = this.#stream.sampleAspectRatio;
    return sampleAspect(num, den);
  }

  /**
   * The next frame in decoding order, undefined at the end. @throws FrameliftError
   * `source.protocol` where the file is broken, also where it ends before its declared length.
   */
  async next(): Promise<CodedFrame | undefined> {
    const packet = this.#packet;
    for (;;) {
      packet.unref();
      const code = await this.#context.readFrame(packet);
      if (code === AVERROR_EOF) {
        this.#checkEnd();
        return undefined;
      }
      if (code < 0) throw this.#broken(FFmpegError.strerror(code));
      this.#noteEnd(packet);
      const data = packet.streamIndex === this.#stream.index && packet.size > 0 ? packet.data : null;
      if (data) return this.#timedFrame(packet, data);
    }
  }

  #timedFrame(packet: Packet, data: Uint8Array): CodedFrame {
    this.#timed &&= packet.pts !== AV_NOPTS_VALUE;
    const stamp = this.#timed ? packet.pts : packet.dts;
    const duration = packet.duration > 0n ? this.#micros(packet.duration) : this.#interval();
    const pts = stamp === AV_NOPTS_VALUE ? this.#nextPts : this.#micros(stamp);
    this.#nextPts = micros(pts + (duration ?? 0));
    return {
      ...{ data, pts, duration, timed: this.#timed },
      keyframe: packet.isKeyframe,
      damaged: packet.hasFlags(AV_PKT_FLAG_CORRUPT),
      hidden: packet.hasFlags(AV_PKT_FLAG_DISCARD),
      alpha: this.alphaBeside ? (packet.getSideData(AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL) ?? undefined) : undefined,
    };
  }

  /** Goes back to the first frame; false when this container cannot. */
  async rewind(): Promise<boolean> {
    this.#nextPts = this.#start();
    const start = this.#stream.startTime === AV_NOPTS_VALUE ? 0n : this.#stream.startTime;
    return (await this.#context.seekFrame(this.#stream.index, start, AVSEEK_FLAG_BACKWARD)) >= 0;
  }

  /** Frees everything native. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#packet.free();
    await this.#context.closeInput();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #start(): Micros {
    const start = this.#stream.startTime;
    return this.#micros(start === AV_NOPTS_VALUE ? 0n : start);
  }

  /** Time between frames by the declared rate, for containers without timestamps. */
  #interval(): Micros | undefined {
    const fps = this.info.fps;
    return fps && micros((1e6 * fps.den) / fps.num);
  }

  #micros(stamp: bigint): Micros {
    return micros((Number(stamp) * 1e6 * this.#timeBase.num) / this.#timeBase.den);
  }

  #noteEnd(packet: Packet): void {
    const stamp = packet.pts !== AV_NOPTS_VALUE ? packet.pts : packet.dts;
    const { num, den } = packet.streamIndex === this.#stream.index ? this.#timeBase : this.#otherTimeBase(packet);
    if (stamp !== AV_NOPTS_VALUE) this.#end = Math.max(this.#end, (Number(stamp + packet.duration) * 1e6 * num) / den);
  }

  #otherTimeBase(packet: Packet): Rational {
    const base = this.#context.streams[packet.streamIndex]?.timeBase;
    return base ? plain(base) : this.#timeBase;
  }

  /** The longest stream lasts as long as the container says, or the file was cut off. */
  #checkEnd(): void {
    const length = Number(this.#context.duration);
    const start = this.#context.startTime === AV_NOPTS_VALUE ? 0 : Number(this.#context.startTime);
    if (length > 0 && start + length - this.#end > MAX_MISSING) {
      throw this.#broken(`it is cut off, ${(length / 1e6).toFixed(2)} s were declared`);
    }
  }

  #broken(reason: string): FrameliftError {
    const at = ((this.#end - this.#start()) / 1e6).toFixed(2);
    return new FrameliftError('source.protocol', `${this.#path} ends after ${at} s: ${reason}`);
  }
}

async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new FrameliftError('source.not-found', `there is no file ${path}`, { cause });
    }
    throw new FrameliftError('source.forbidden', `${path} cannot be opened (${String(code)})`, { cause });
  });
  if (!found.isFile()) throw new FrameliftError('source.not-found', `${path} is not a file`);
}

function notVideo(path: string, code: number | undefined): FrameliftError {
  const reason = code === undefined ? '' : `: ${FFmpegError.strerror(code)}`;
  return new FrameliftError('source.protocol', `${path} is not a video file, or it is cut off at its start${reason}`);
}

function plain(value: AvRational): Rational {
  return { num: value.num, den: value.den };
}

function describe(context: FormatContext, stream: Stream): VideoFileInfo {
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
    duration: length > 0 ? micros(length) : undefined,
    codec: avGetCodecName(parameters.codecId) ?? `codec id ${parameters.codecId}`,
    container: context.iformat?.name ?? 'unknown',
    rotation: rotationOf(parameters.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX)),
  };
}

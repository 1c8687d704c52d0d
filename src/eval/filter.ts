/** Frames through a filter of node-av's FFmpeg. The only adapter of its filter graph. */
import {
  AV_LOG_FATAL,
  AV_PIX_FMT_YUV420P,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  Frame as AvFrame,
  FFmpegError,
  Filter,
  type FilterContext,
  FilterGraph,
  Log,
} from 'node-av';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import type { Arena } from '../media/arena.ts';
import { copyPlane } from '../media/copy-plane.ts';
import { Frame, SOURCE } from '../media/frame.ts';
import { micros, ZERO } from '../time.ts';

/** A frame that came out, and when: `pts` in units of the filter's output time base. */
export interface Filtered {
  readonly frame: Frame;
  readonly pts: number;
}

/** Options of {@link PictureFilter.open}. */
export interface PictureFilterOptions {
  readonly arena: Arena;
  /** Size of what goes in. */
  readonly width: number;
  readonly height: number;
  /** Name of the filter in FFmpeg, and its arguments. */
  readonly filter: string;
  readonly args: string;
}

/** One FFmpeg filter with one input and one output, I420 at both ends. Input frames are counted: one per unit of time. */
export class PictureFilter implements Disposable {
  readonly #options: PictureFilterOptions;
  readonly #graph: FilterGraph;
  readonly #source: FilterContext;
  readonly #sink: FilterContext;
  readonly #picture = new AvFrame();
  #closed = false;

  private constructor(options: PictureFilterOptions, graph: FilterGraph, source: FilterContext, sink: FilterContext) {
    this.#options = options;
    this.#graph = graph;
    this.#source = source;
    this.#sink = sink;
    this.#picture.alloc();
  }

  /** @throws FrameliftError `ffmpeg.failed` when this build of FFmpeg lacks the filter or refuses its arguments. */
  static async open(options: PictureFilterOptions): Promise<PictureFilter> {
    Log.setLevel(AV_LOG_FATAL);
    const { width, height, filter, args } = options;
    const graph = new FilterGraph();
    try {
      graph.alloc();
      const create = (name: string, as: string, text: string | null): FilterContext => {
        const known = Filter.getByName(name);
        const context = known && graph.createFilter(known, as, text);
        if (context) return context;
        throw new FrameliftError(
          'ffmpeg.failed',
          `the FFmpeg of node-av ${known ? `refuses ${name}=${text ?? ''}` : `has no filter ${name}`}`,
        );
      };
      const source = create(
        'buffer',
        'in',
        `video_size=${width}x${height}:pix_fmt=${AV_PIX_FMT_YUV420P}:time_base=1/1:frame_rate=1/1:pixel_aspect=1/1`,
      );
      const middle = create(filter, 'middle', args);
      const sink = create('buffersink', 'out', null);
      FFmpegError.throwIfError(source.link(0, middle, 0), filter);
      FFmpegError.throwIfError(middle.link(0, sink, 0), filter);
      FFmpegError.throwIfError(await graph.config(), filter);
      return new PictureFilter(options, graph, source, sink);
    } catch (error) {
      graph.free();
      throw asFrameliftError(error, 'ffmpeg.failed', false);
    }
  }

  /** Puts a frame in at time `pts`; the caller keeps it. Gives the frames that came out, which are the caller's. */
  async push(frame: Frame, pts: number): Promise<Filtered[]> {
    using picture = new AvFrame();
    picture.alloc();
    fill(picture, frame, pts);
    FFmpegError.throwIfError(await this.#source.buffersrcAddFrame(picture), this.#options.filter);
    return this.#drain();
  }

  /** Frees everything. Closing twice is harmless. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#picture.free();
    this.#graph.free();
  }

  async #drain(): Promise<Filtered[]> {
    const out: Filtered[] = [];
    const picture = this.#picture;
    try {
      for (;;) {
        const code = await this.#sink.buffersinkGetFrame(picture);
        if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return out;
        FFmpegError.throwIfError(code, this.#options.filter);
        try {
          out.push({ frame: this.#take(picture), pts: Number(picture.pts) });
        } finally {
          picture.unref();
        }
      }
    } catch (error) {
      for (const { frame } of out) frame.release();
      throw asFrameliftError(error, 'ffmpeg.failed', false);
    }
  }

  #take(picture: AvFrame): Frame {
    const planes = picture.data;
    if (!planes || picture.format !== AV_PIX_FMT_YUV420P) {
      throw new FrameliftError('ffmpeg.failed', `${this.#options.filter} gave a picture that is not 4:2:0`);
    }
    const info = { pts: micros(0), arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };
    const frame = Frame.allocate(this.#options.arena, picture.width, picture.height, info);
    const { bytes, layout } = frame;
    const strides = picture.linesize;
    const { chromaWidth, chromaHeight } = layout;
    copyPlane(bytes.subarray(layout.y, layout.u), layout.strideY, planes[0], strides[0], layout.width, layout.height);
    copyPlane(bytes.subarray(layout.u, layout.v), layout.strideC, planes[1], strides[1], chromaWidth, chromaHeight);
    copyPlane(bytes.subarray(layout.v), layout.strideC, planes[2], strides[2], chromaWidth, chromaHeight);
    return frame;
  }
}

/** Copies a frame into memory of FFmpeg's own. Not by `fromVideoBuffer`: that lends our memory, and filters keep frames for longer. */
function fill(picture: AvFrame, frame: Frame, pts: number): void {
  const { bytes, layout } = frame;
  picture.width = layout.width;
  picture.height = layout.height;
  picture.format = AV_PIX_FMT_YUV420P;
  picture.pts = BigInt(pts);
  FFmpegError.throwIfError(picture.getBuffer(), 'a picture for the filter');
  const [planes, strides] = [picture.data, picture.linesize];
  for (const [i, from, stride, width, rows] of [
    [0, layout.y, layout.strideY, layout.width, layout.height],
    [1, layout.u, layout.strideC, layout.chromaWidth, layout.chromaHeight],
    [2, layout.v, layout.strideC, layout.chromaWidth, layout.chromaHeight],
  ] as const) {
    const [to, toStride] = [planes?.[i], strides[i]];
    if (!to || !toStride) throw new FrameliftError('ffmpeg.failed', 'a picture for the filter has no planes');
    for (let row = 0; row < rows; row++) {
      to.set(bytes.subarray(from + row * stride, from + row * stride + width), row * toStride);
    }
  }
}

/** Whole pictures out of fields: FFmpeg's bwdif. With `decoder.ts` an adapter of node-av. */
import {
  AV_BUFFERSRC_FLAG_KEEP_REF,
  AV_FRAME_FLAG_INTERLACED,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  type AVPixelFormat,
  Frame as AvFrame,
  avGetPixFmtName,
  FFmpegError,
  Filter,
  type FilterContext,
  FilterGraph,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { type Micros, micros } from '../../time.ts';

/** What is made of frames. */
export interface FieldFilterOptions {
  /** A picture of each field, twice as many as frames; or of each frame. */
  readonly rate: 'fields' | 'frames';
  /** Which frames are taken apart: all, or those that say that they are interlaced. */
  readonly which: 'all' | 'flagged';
  /** Which lines come first: as the frames say, or these. */
  readonly first: 'told' | 'top' | 'bottom';
}

/** Borrows a picture for the call. */
export type EmitPicture = (picture: AvFrame, pts: Micros) => void;

/** One run of bwdif over frames of one size and format, each late by one. */
export class FieldFilter {
  readonly #graph = new FilterGraph();
  readonly #in: FilterContext;
  readonly #out: FilterContext;
  readonly #picture = new AvFrame();

  /** @param like a frame as those that will come. @throws FrameliftError, FFmpegError when FFmpeg refuses. */
  constructor(like: AvFrame, { rate, which, first }: FieldFilterOptions) {
    this.#picture.alloc();
    this.#graph.alloc();
    try {
      this.#in = this.#make('buffer', inputOf(like));
      const parity = { told: 'auto', top: 'tff', bottom: 'bff' }[first];
      const deint = { all: 'all', flagged: 'interlaced' }[which];
      const mode = { fields: 'send_field', frames: 'send_frame' }[rate];
      const bwdif = this.#make('bwdif', `mode=${mode}:parity=${parity}:deint=${deint}`);
      this.#out = this.#make('buffersink', null);
      FFmpegError.throwIfError(this.#in.link(0, bwdif, 0), 'setting up the deinterlacer');
      FFmpegError.throwIfError(bwdif.link(0, this.#out, 0), 'setting up the deinterlacer');
      FFmpegError.throwIfError(this.#graph.configSync(), 'setting up the deinterlacer');
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Takes a frame whose time is in microseconds; `emit` gets the pictures that are ready. */
  push(frame: AvFrame, emit: EmitPicture): void {
    FFmpegError.throwIfError(this.#in.buffersrcAddFrameSync(frame, AV_BUFFERSRC_FLAG_KEEP_REF), 'deinterlacing');
    this.#drain(emit);
  }

  /** The last pictures. Nothing may be pushed after it. */
  end(emit: EmitPicture): void {
    FFmpegError.throwIfError(this.#in.buffersrcAddFrameSync(null), 'deinterlacing');
    this.#drain(emit);
  }

  /** Frees everything native. */
  close(): void {
    this.#picture.free();
    this.#graph.free();
  }

  #drain(emit: EmitPicture): void {
    for (;;) {
      const code = this.#out.buffersinkGetFrameSync(this.#picture);
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return;
      FFmpegError.throwIfError(code, 'deinterlacing');
      try {
        this.#picture.clearFlags(AV_FRAME_FLAG_INTERLACED);
        // bwdif halves the time base.
        emit(this.#picture, micros(Number(this.#picture.pts) / 2));
      } finally {
        this.#picture.unref();
      }
    }
  }

  #make(name: string, options: string | null): FilterContext {
    const filter = Filter.getByName(name);
    const context = filter && this.#graph.createFilter(filter, name, options);
    if (!context) throw new FrameliftError('decode.failed', `FFmpeg has no filter "${name}" for such frames`);
    return context;
  }
}

function inputOf({ width, height, format, sampleAspectRatio: { num, den }, colorSpace, colorRange }: AvFrame): string {
  // A picture's format; the type also covers audio.
  const name = avGetPixFmtName(format as AVPixelFormat);
  const aspect = num > 0 && den > 0 ? `${num}/${den}` : '0/1';
  const colour = `colorspace=${colorSpace}:range=${colorRange}`;
  return `video_size=${width}x${height}:pix_fmt=${name}:time_base=1/1000000:pixel_aspect=${aspect}:${colour}`;
}

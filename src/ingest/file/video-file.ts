/** Video files read frame by frame, in presentation order. */
import { FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import type { EventSink, MetricEvent } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, micros, minus, plus, ZERO } from '../../time.ts';
import { VideoDecoder } from '../decode/decoder.ts';
import type { DeinterlaceChoice } from '../decode/deinterlacer.ts';
import { explainDrops } from '../drop-log.ts';
import { type IngestLimits, sizeExcess } from '../limits.ts';
import { SourceLog } from '../source-log.ts';
import { Demuxer } from './demuxer.ts';
import type { VideoFileInfo } from './info.ts';

/** Options of {@link openVideoFile}. */
export interface VideoFileOptions {
  readonly path: string;
  /** For events and logs. */
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Default: none. */
  readonly log?: Log;
  /** Decoder threads, default 1. */
  readonly threads?: number;
  /** A file that exceeds them fails. Its bitrate does not matter. Default: none. */
  readonly limits?: IngestLimits | undefined;
  /**
   * What happens to a frame that finds the arena full. Default `throw`; live sources drop it,
   * counted.
   */
  readonly whenFull?: 'throw' | 'drop';
  /** Whether frames that hold two fields are taken apart. Default `off`. */
  readonly deinterlace?: DeinterlaceChoice | undefined;
  /**
   * Frames hold beside 8-bit 4:2:0 what that cannot hold, and traits tell how the file stores it.
   * Default false.
   */
  readonly keepForm?: boolean;
}

/** Time that a frame stands when neither file nor neighbours tell. */
const DEFAULT_DURATION: Micros = fromMs(40);

/**
 * Opens a video file for reading frame by frame. Frames are delivered as stored, 10-bit and 4:2:2
 * beside 8-bit 4:2:0 with `keepForm`, else as that alone; the rotation of `info` is not applied.
 * @throws FrameliftError `source.not-found`, `source.forbidden`, `source.protocol`,
 * `source.no-video`, `source.unsupported-codec`, `source.too-large`.
 */
export async function openVideoFile(options: VideoFileOptions): Promise<VideoFile> {
  const demuxer = await Demuxer.open(options.path);
  try {
    const { arena, clock, stream, threads = 1, deinterlace = 'off' } = options;
    const { codecParameters, info } = demuxer;
    const excess = options.limits && sizeExcess(options.limits, info.width, info.height);
    if (excess) throw excess;
    const full = new FullArena(options.events);
    const log = new SourceLog(options);
    const { path } = options;
    log.debug({ path, ...info }, 'file opened');
    const events = explainDrops(options.whenFull === 'drop' ? options.events : full, log);
    // Not low-delay: that mode may show the first of reordered frames too early.
    const decoder = await VideoDecoder.open({
      arena,
      clock,
      stream,
      threads,
      codecParameters,
      lowDelay: false,
      deinterlace,
      limits: options.limits,
      sampleAspect: demuxer.sampleAspect,
      keepForm: options.keepForm ?? false,
      alphaBeside: options.keepForm === true && demuxer.alphaBeside,
      events,
      log,
    });
    const file = new VideoFile(options, demuxer, decoder, full);
    if (deinterlace !== 'off') await file.prime();
    return file;
  } catch (error) {
    await demuxer.close();
    throw error;
  }
}

/** Notices that the decoder dropped a frame because the arena was full. */
class FullArena implements EventSink {
  readonly #events: EventSink;
  seen = false;

  constructor(events: EventSink) {
    this.#events = events;
  }

  emit(event: MetricEvent): void {
    this.seen ||= event.type === 'drop' && event.reason === 'arena-full';
    this.#events.emit(event);
  }
}

/** An open video file. */
export class VideoFile {
  readonly #options: VideoFileOptions;
  readonly #decoder: VideoDecoder;
  readonly #full: FullArena;
  #demuxer: Demuxer;
  #ended = false;
  /** Why it ended, if not in order. Thrown once the frames before it are taken. */
  #failure: unknown;
  /** Decoded, not asked for yet: what one access unit gave. */
  #ready: Frame[] = [];
  /** Times of frames that are decoded but not shown. */
  readonly #hidden = new Set<Micros>();
  /** Times of untimed access units inside the decoder, ascending. */
  #untimed: Micros[] = [];
  #size = { width: 0, height: 0 };
  #first: Micros | undefined;
  #last: Micros | undefined;
  #step = DEFAULT_DURATION;
  #end: Micros = ZERO;

  /** For {@link openVideoFile}. */
  constructor(options: VideoFileOptions, demuxer: Demuxer, decoder: VideoDecoder, full: FullArena) {
    this.#options = options;
    this.#demuxer = demuxer;
    this.#decoder = decoder;
    this.#full = full;
  }

  /** Where fields become pictures, there are twice as many as the container says; of film in video four of five. */
  get info(): VideoFileInfo {
    const { info } = this.#demuxer;
    const made = this.traits?.deinterlaced;
    if (made === undefined) return info;
    const [num, den] = made === 'fields' ? [2, 1] : [4, 5];
    const fps = info.fps && { num: num * info.fps.num, den: den * info.fps.den };
    return { ...info, fps, frames: info.frames && Math.round((info.frames * num) / den) };
  }

  /** Reads the first frame ahead, so that it is known what the frames are. */
  async prime(): Promise<void> {
    while (this.#ready.length === 0 && !this.#ended) await this.#read();
  }

  /** What the frames read so far are beside their size; undefined before the first. */
  get traits(): PictureTraits | undefined {
    return this.#decoder.traits;
  }

  /** From the first frame to the end of the last one read so far. */
  get length(): Micros {
    return minus(this.#end, this.#first ?? ZERO);
  }

  /**
   * The frames in presentation order, each decoded when it is asked for and then the caller's to
   * release. Where the file is broken, the frames before the break come first. @throws
   * FrameliftError `source.protocol` there, `arena.full`, `decode.failed`.
   */
  async *frames(signal?: AbortSignal): AsyncGenerator<Frame, void, void> {
    while (!signal?.aborted) {
      const frame = this.#ready.shift();
      if (frame) {
        yield frame;
        continue;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return;
      await this.#read();
    }
  }

  /** Back to the first frame. */
  async rewind(): Promise<void> {
    this.#clear();
    await this.#decoder.reset();
    if (!(await this.#demuxer.rewind())) {
      await this.#demuxer.close();
      this.#demuxer = await Demuxer.open(this.#options.path);
    }
    this.#ended = false;
    this.#failure = undefined;
    this.#last = undefined;
  }

  /** Frees everything. Closing twice is harmless. */
  async close(): Promise<void> {
    this.#clear();
    this.#ended = true;
    await this.#decoder.close();
    await this.#demuxer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Decodes one more access unit, or takes out what the decoder still holds at the end or at the
   * break.
   */
  async #read(): Promise<void> {
    const coded = await this.#demuxer.next().catch((error: unknown) => {
      this.#failure = error;
      return undefined;
    });
    if (!coded) {
      this.#ended = true;
      this.#take(await this.#decoder.flush());
      return;
    }
    const { clock } = this.#options;
    if (coded.hidden) this.#hidden.add(coded.pts);
    if (!coded.timed) this.#expect(coded.pts);
    const unit = {
      data: coded.data,
      pts: coded.pts,
      arrival: clock.now(),
      capture: clock.wall(),
      keyframe: coded.keyframe,
      // Keeps the decoder from judging times that are not the frame's own.
      discontinuity: !coded.timed,
      damaged: coded.damaged,
      alpha: this.#options.keepForm ? coded.alpha : undefined,
    };
    if (coded.duration !== undefined) this.#step = coded.duration;
    this.#take(await this.#decoder.decode(unit));
    if (this.#full.seen) throw new FrameliftError('arena.full', 'the frame arena has no room for the next frame');
  }

  #take(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (this.#hidden.delete(frame.pts)) frame.release();
      else this.#ready.push(this.#placed(frame));
    }
  }

  /** The frame with its own time, marked where the file begins or its size changes. */
  #placed(frame: Frame): Frame {
    // The second picture of a frame has no access unit of its own.
    const isSecond = this.traits?.deinterlaced === 'fields' && !frame.discontinuity && this.#untimed.length > 0;
    const pts = isSecond ? plus(this.#last ?? ZERO, micros(this.#step / 2)) : this.#untimed.shift();
    const resized = frame.width !== this.#size.width || frame.height !== this.#size.height;
    const discontinuity = this.#last === undefined || resized;
    this.#size = { width: frame.width, height: frame.height };
    this.#last = pts ?? frame.pts;
    this.#first ??= this.#last;
    this.#end = plus(this.#last, this.#step);
    if (pts === undefined) return frame;
    const timed = frame.share({ pts, discontinuity });
    frame.release();
    return timed;
  }

  #expect(pts: Micros): void {
    this.#untimed.push(pts);
    this.#untimed.sort((a, b) => a - b);
  }

  #clear(): void {
    for (const frame of this.#ready.splice(0)) frame.release();
    this.#hidden.clear();
    this.#untimed = [];
  }
}

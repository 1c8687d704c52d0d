/** Encoding: frames in, access units out, nothing held back. */

import { BoundedQueue } from '../../bounded-queue.ts';
import { asFrameliftError, type FrameliftError } from '../../errors.ts';
import type { Frame, FrameInfo } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import type { DropReason } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, micros, minus, plus } from '../../time.ts';
import type { EncodedUnit } from '../viewer.ts';
import { RateMeter } from './bitrate.ts';
import { type EncoderName, needsHardware } from './encoder-name.ts';
import { LIBRARIES } from './libraries.ts';
import { CodecSession } from './session.ts';

/** Why a frame became no access unit. */
export type EncodeDrop = Extract<DropReason, 'queue-full' | 'encode-failed' | 'stopped'>;

/** How an encoder spends its bits. */
export interface EncoderTuning {
  /** Rate-control buffer in seconds: how far one frame may exceed its share. Default 0.4. */
  readonly buffer?: number;
  /** An IDR at least this often. Default 2 s. */
  readonly keyframeInterval?: Micros;
}

/** Options of {@link VideoEncoder}. */
export interface VideoEncoderOptions {
  readonly clock: Clock;
  /** Nominal rate; the real one is measured. */
  readonly fps: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly traits?: PictureTraits;
  /** Bytes of a slice at most. Default: one slice a frame. */
  readonly maxSlice?: number;
  /** How it spends its bits. */
  readonly tuning?: EncoderTuning;
  /** Which encoder. Default `x264`. */
  readonly encoder?: EncoderName;
  /** Access units, in order; `span` is from {@link VideoEncoder.encode} to now. */
  readonly onAccessUnit: (unit: EncodedUnit, span: Micros) => void;
  /** A frame was given up, released already: the encoder is behind, has failed, or was closed. */
  readonly onDrop: (reason: EncodeDrop) => void;
  /** Encoding failed; the encoder opens anew with a later frame. */
  readonly onError: (error: FrameliftError) => void;
}

interface Job {
  readonly frame: Frame;
  readonly due: Micros;
  readonly queued: Micros;
}

/** Frames that may wait while one is encoded. */
const QUEUE_CAPACITY = 3;
/** An IDR at least this often, for players that never ask. */
const MAX_KEYFRAME_INTERVAL = fromMs(2000);
/** After a failure no attempt is made for this long. */
const RETRY_INTERVAL = fromMs(1000);
/** Two frames are shown at least this far apart, whatever they were due. */
const MIN_STEP = micros(1000);

/**
 * Zero latency: no B-frames, no lookahead, one thread, one slice unless they are limited. One frame in gives one
 * access unit out.
 */
export class VideoEncoder {
  readonly #options: VideoEncoderOptions;
  readonly #queue: BoundedQueue<Job>;
  readonly #rate: RateMeter;
  #bitrate: number;
  /** Hardware that fails, or makes no slices of a size, gives its place to x264. */
  #encoder: EncoderName;
  #session: CodecSession | undefined;
  #keyframeWanted = true;
  #keyframeDue: Micros | undefined;
  #lastDue: Micros | undefined;
  #pausedUntil: Micros | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: VideoEncoderOptions) {
    this.#options = options;
    this.#bitrate = options.bitrate;
    const { encoder = 'x264', maxSlice } = options;
    this.#encoder = needsHardware(encoder) && maxSlice !== undefined ? 'x264' : encoder;
    this.#rate = new RateMeter(options.fps);
    this.#queue = new BoundedQueue(QUEUE_CAPACITY, 'drop-oldest', (job) => {
      job.frame.release();
      options.onDrop(this.#closed ? 'stopped' : 'queue-full');
    });
  }

  /**
   * Encodes `frame`, shown at `due`; takes ownership. Never blocks: when the encoder is behind, the
   * oldest waiting frame is dropped.
   */
  encode(frame: Frame, due: Micros): void {
    if (this.#closed) {
      frame.release();
      return;
    }
    this.#queue.push({ frame, due, queued: this.#options.clock.now() });
    this.#running ??= this.#run();
  }

  /** Makes the next frame an IDR. */
  requestKeyframe(): void {
    this.#keyframeWanted = true;
  }

  /** Changes the bitrate from the next frame on, bits per second. */
  setBitrate(bitsPerSecond: number): void {
    this.#bitrate = bitsPerSecond;
  }

  get bitrate(): number {
    return this.#bitrate;
  }

  /** Frames waiting, and how many may. */
  get depth(): number {
    return this.#queue.length;
  }

  get capacity(): number {
    return QUEUE_CAPACITY;
  }

  /** Drops what waits, waits for the frame at work, frees everything. Closing twice is harmless. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.clear();
    await this.#running;
    this.#session?.free();
    this.#session = undefined;
  }

  async #run(): Promise<void> {
    try {
      for (let job = this.#queue.shift(); job; job = this.#queue.shift()) await this.#encodeOne(job);
    } finally {
      this.#running = undefined;
    }
  }

  async #encodeOne({ frame, due, queued }: Job): Promise<void> {
    const { clock, onAccessUnit, onError, onDrop } = this.#options;
    if (this.#pausedUntil !== undefined && clock.now() < this.#pausedUntil) {
      frame.release();
      onDrop('encode-failed');
      return;
    }
    const { pts, arrival, capture, provenance } = frame;
    const earliest = this.#lastDue === undefined ? due : plus(this.#lastDue, MIN_STEP);
    const shown = due < earliest ? earliest : due;
    this.#lastDue = shown;
    let unit: EncodedUnit | undefined;
    try {
      unit = await this.#encodeOwned(frame, shown, { pts, arrival, capture, provenance });
    } catch (thrown) {
      this.#session?.free();
      this.#session = undefined;
      const error = asFrameliftError(thrown, 'encode.failed');
      if (needsHardware(this.#encoder)) {
        error.message = `${this.#encoder}: ${error.message}; x264 takes its place`;
        this.#encoder = 'x264';
      } else this.#pausedUntil = plus(clock.now(), RETRY_INTERVAL);
      onError(error);
      onDrop('encode-failed');
    }
    if (unit && !this.#closed) onAccessUnit(unit, minus(unit.encoded, queued));
  }

  async #encodeOwned(
    frame: Frame,
    due: Micros,
    info: Omit<FrameInfo, 'discontinuity'>,
  ): Promise<EncodedUnit | undefined> {
    let keyframe = false;
    try {
      this.#rate.observe(due);
      const session = await this.#sessionFor(frame.width, frame.height);
      const overdue =
        this.#keyframeDue !== undefined &&
        minus(due, this.#keyframeDue) >= (this.#options.tuning?.keyframeInterval ?? MAX_KEYFRAME_INTERVAL);
      keyframe = this.#keyframeWanted || overdue;
      session.load(frame);
    } finally {
      frame.release();
    }
    const session = this.#session;
    if (!session) return undefined;
    this.#keyframeWanted = false;
    const packet = await session.encode(due, keyframe);
    if (!packet) return undefined;
    if (packet.keyframe) this.#keyframeDue = due;
    return { ...packet, ...info, due, encoded: this.#options.clock.now() };
  }

  async #sessionFor(width: number, height: number): Promise<CodecSession> {
    const nominal = this.#bitrate * (this.#options.fps / this.#rate.fps);
    const same = this.#session?.width === width && this.#session.height === height;
    if (same && this.#session?.setRate(nominal, this.#bitrate)) return this.#session;
    this.#session?.free();
    this.#session = undefined;
    const { fps, traits, maxSlice, tuning } = this.#options;
    const session = new CodecSession(LIBRARIES[this.#encoder], width, height);
    try {
      await session.open({ fps, bitrate: this.#bitrate, traits, maxSlice, buffer: tuning?.buffer });
    } catch (error) {
      session.free();
      throw error;
    }
    session.setRate(nominal, this.#bitrate);
    this.#session = session;
    this.#keyframeWanted = true;
    return session;
  }
}

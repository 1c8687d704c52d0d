/**
 * A second coding of a publication for viewers whose paths do not carry the first: one encoder for
 * all of them, opened when the first needs it, closed when none does.
 */
import { FrameliftError } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, minus } from '../../time.ts';
import { Encoding, type EncodingOptions } from '../codec/encoding.ts';
import type { EncodedUnit } from '../viewer.ts';
import { halve } from './halve.ts';

/**
 * Its frames differ little in size, so that none queues for long on a narrow path, and keyframes come
 * on request alone: all its viewers have told that they can ask.
 */
const TUNING = { buffer: 0.15, keyframeInterval: fromMs(3_600_000) } as const;
/** Keyframes on request at most this often. */
const KEYFRAME_SPACING = fromMs(300);
/** Changes of the bitrate up by less than this share wait for more. */
const STEP = 0.02;

/** Options of {@link Rendition}. */
export interface RenditionOptions extends Omit<EncodingOptions, 'fps' | 'bitrate' | 'tuning'> {
  readonly clock: Clock;
  /** Given: frames are halved, in this arena. */
  readonly halvedIn: Arena | undefined;
  /** Takes what was encoded, in order. */
  readonly onUnit: (unit: EncodedUnit) => void;
}

/** One of them. */
export class Rendition {
  readonly #options: RenditionOptions;
  #encoding: Encoding | undefined;
  #bitrate = 0;
  #traits: PictureTraits | undefined;
  #maxSlice: number | undefined;
  #keyframeWanted = false;
  #keyframeAt: Micros | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RenditionOptions) {
    this.#options = options;
  }

  /** Bits per second; 0 while it is closed. */
  get bitrate(): number {
    return this.#encoding ? this.#bitrate : 0;
  }

  /** Encodes a frame, which stays the caller's, at so many bits per second. @param fps of such frames. */
  encode(frame: Frame, due: Micros, bitrate: number, fps: number): void {
    const encoding = this.#encoding ?? this.#open(bitrate, fps);
    if (bitrate < this.#bitrate || bitrate > this.#bitrate * (1 + STEP)) {
      this.#bitrate = bitrate;
      encoding.setBitrate(bitrate);
    }
    this.#makeKeyframe(encoding);
    const picture = this.#pictureOf(frame);
    if (!picture) return;
    encoding.observe(picture, due);
    encoding.encode(picture, due);
  }

  /** A viewer needs a keyframe. The first frame of an encoder is one. */
  requestKeyframe(): void {
    this.#keyframeWanted = true;
  }

  /** See {@link Encoding.setTraits}. */
  setTraits(traits: PictureTraits | undefined): void {
    this.#traits = traits;
    this.#encoding?.setTraits(traits);
  }

  /** See {@link Encoding.setMaxSlice}. */
  setMaxSlice(bytes: number | undefined): void {
    this.#maxSlice = bytes;
    this.#encoding?.setMaxSlice(bytes);
  }

  /** Closes the encoder; the next frame opens another. Twice is harmless. */
  async close(): Promise<void> {
    const encoding = this.#encoding;
    this.#encoding = undefined;
    if (encoding) this.#closing = encoding.close();
    await this.#closing;
  }

  /** What is encoded of a frame; undefined, and a drop, where the arena has no room for it. */
  #pictureOf(frame: Frame): Frame | undefined {
    const { halvedIn, stream, events } = this.#options;
    if (!halvedIn) return frame.share();
    try {
      return halve(frame, halvedIn);
    } catch (error) {
      if (!(error instanceof FrameliftError && error.code === 'arena.full')) throw error;
      events.emit({ type: 'drop', stream, stage: 'encode', reason: 'arena-full', count: 1 });
      return undefined;
    }
  }

  #makeKeyframe(encoding: Encoding): void {
    const now = this.#options.clock.now();
    const early = this.#keyframeAt !== undefined && minus(now, this.#keyframeAt) < KEYFRAME_SPACING;
    if (!this.#keyframeWanted || early) return;
    this.#keyframeWanted = false;
    this.#keyframeAt = now;
    encoding.requestKeyframe();
  }

  #open(bitrate: number, fps: number): Encoding {
    const { onUnit, events, ...rest } = this.#options;
    const quiet = withoutGauges(events);
    const encoding: Encoding = new Encoding({ ...rest, events: quiet, fps, bitrate, tuning: TUNING }, (unit) => {
      // What an encoder gives that is closing is no rendition any more.
      if (encoding === this.#encoding) onUnit(unit);
    });
    encoding.setTraits(this.#traits);
    encoding.setMaxSlice(this.#maxSlice);
    this.#encoding = encoding;
    // The first frame is one.
    this.#keyframeWanted = false;
    this.#keyframeAt = this.#options.clock.now();
    this.#bitrate = bitrate;
    return encoding;
  }
}

/** Gauges of the encoder are those of the full rendition. */
function withoutGauges(events: EventSink): EventSink {
  return { emit: (event) => event.type !== 'queue' && event.type !== 'encoder-bitrate' && events.emit(event) };
}

/**
 * The encoder behind a publication: opened with the first frame that somebody watches, at a bitrate
 * that suits what comes.
 */

import type { FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import { type PictureTraits, sameTraits } from '../../media/picture-traits.ts';
import type { EventSink, Variant } from '../../metrics/events.ts';
import type { Clock, Micros } from '../../time.ts';
import type { EncodedUnit } from '../viewer.ts';
import { SuitableBitrate } from './bitrate.ts';
import { type EncoderTuning, VideoEncoder, type VideoEncoderOptions } from './encoder.ts';
import type { EncoderName } from './encoder-name.ts';

/** What a publication needs of an encoder. */
export type Encoder = Pick<
  VideoEncoder,
  'encode' | 'requestKeyframe' | 'setBitrate' | 'bitrate' | 'depth' | 'capacity' | 'close'
>;

/** Options of {@link Encoding}. */
export interface EncodingOptions {
  readonly stream: string;
  readonly variant: Variant;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Nominal output rate, frames per second. The real one is measured. */
  readonly fps: number;
  /** Bits per second; undefined = by pixels and measured rate. */
  readonly bitrate?: number;
  /** How it spends its bits. */
  readonly tuning?: EncoderTuning;
  /** Which encoder. Default `x264`. */
  readonly encoder?: EncoderName;
  /** Encoding failed; it is tried again with a later frame. */
  readonly onError?: (error: FrameliftError) => void;
  /** For tests: another encoder. */
  readonly createEncoder?: (options: VideoEncoderOptions) => Encoder;
}

/** At most one encoder at a time, and all that is reported of it. */
export class Encoding {
  readonly #options: EncodingOptions;
  readonly #onAccessUnit: (unit: EncodedUnit) => void;
  readonly #suitable: SuitableBitrate;
  #bitrate: number | undefined;
  #traits: PictureTraits | undefined;
  #maxSlice: number | undefined;
  #encoder: Encoder | undefined;
  #closing: Promise<void> | undefined;

  /** @param onAccessUnit takes what was encoded, in order. */
  constructor(options: EncodingOptions, onAccessUnit: (unit: EncodedUnit) => void) {
    this.#options = options;
    this.#onAccessUnit = onAccessUnit;
    this.#bitrate = options.bitrate;
    this.#suitable = new SuitableBitrate(options.fps);
  }

  /** Learns size and time of a frame, be it encoded or not. */
  observe({ width, height }: Frame, due: Micros): void {
    this.#suitable.observe(width, height, due);
  }

  /**
   * Encodes `frame`, shown at `due`; takes ownership. Never blocks. Opens an encoder if there is
   * none.
   */
  encode(frame: Frame, due: Micros): void {
    this.#encoder ??= this.#open();
    const encoder = this.#encoder;
    this.#adjustBitrate(encoder);
    encoder.encode(frame, due);
    this.#reportQueue(encoder.depth, encoder.capacity);
  }

  /** Makes the next frame an IDR; the first one of an encoder is in any case. */
  requestKeyframe(): void {
    this.#encoder?.requestKeyframe();
  }

  /**
   * The encoder's bitrate, bits per second; undefined before the first frame is encoded, unless it
   * is configured.
   */
  get bitrate(): number | undefined {
    return this.#encoder?.bitrate ?? this.#bitrate;
  }

  /** Changes the bitrate live, bits per second; it stays. */
  setBitrate(bitsPerSecond: number): void {
    this.#bitrate = bitsPerSecond;
    this.#encoder?.setBitrate(bitsPerSecond);
    this.#reportBitrate(bitsPerSecond);
  }

  /**
   * Tags of the frames from now on; undefined = untagged. A change opens the encoder anew.
   */
  setTraits(traits: PictureTraits | undefined): void {
    if (sameTraits(traits, this.#traits)) return;
    this.#traits = traits;
    void this.close();
  }

  /**
   * Bytes of a slice at most; undefined = one slice a frame. A change opens the encoder anew, and so
   * with a keyframe.
   */
  setMaxSlice(bytes: number | undefined): void {
    if (bytes === this.#maxSlice) return;
    this.#maxSlice = bytes;
    void this.close();
  }

  /**
   * Closes the encoder; the next frame opens another one. Resolves when none is open any more.
   * Twice is harmless.
   */
  async close(): Promise<void> {
    const encoder = this.#encoder;
    this.#encoder = undefined;
    if (encoder) {
      this.#closing = encoder.close();
      this.#reportQueue(0, encoder.capacity);
    }
    await this.#closing;
  }

  #open(): Encoder {
    const { clock, events, stream, onError, createEncoder, tuning, encoder } = this.#options;
    const traits = this.#traits;
    const maxSlice = this.#maxSlice;
    const { fps } = this.#suitable;
    const bitrate = this.#bitrate ?? this.#suitable.bitrate;
    const options: VideoEncoderOptions = {
      clock,
      fps,
      bitrate,
      ...(traits && { traits }),
      ...(tuning && { tuning }),
      ...(encoder && { encoder }),
      ...(maxSlice === undefined ? {} : { maxSlice }),
      onAccessUnit: (unit, span) => this.#deliver(unit, span),
      onDrop: (reason) => events.emit({ type: 'drop', stream, stage: 'encode', reason, count: 1 }),
      onError: (error) => onError?.(error),
    };
    this.#reportBitrate(bitrate);
    return createEncoder ? createEncoder(options) : new VideoEncoder(options);
  }

  /** A configured bitrate stays; otherwise it follows size and rate of the frames. */
  #adjustBitrate(encoder: Encoder): void {
    const bitrate = this.#bitrate ?? this.#suitable.bitrate;
    if (bitrate === encoder.bitrate) return;
    encoder.setBitrate(bitrate);
    this.#reportBitrate(bitrate);
  }

  #deliver(unit: EncodedUnit, span: Micros): void {
    const { events, stream, variant } = this.#options;
    if (this.#encoder) this.#reportQueue(this.#encoder.depth, this.#encoder.capacity);
    events.emit({ type: 'stage', stream, stage: 'encode', span });
    if (unit.keyframe) events.emit({ type: 'keyframe', stream, variant });
    this.#onAccessUnit(unit);
  }

  #reportQueue(depth: number, capacity: number): void {
    const { events, stream, variant } = this.#options;
    events.emit({ type: 'queue', stream, variant, stage: 'encode', depth, capacity });
  }

  #reportBitrate(bitsPerSecond: number): void {
    const { events, stream, variant } = this.#options;
    events.emit({ type: 'encoder-bitrate', stream, variant, bitsPerSecond });
  }
}

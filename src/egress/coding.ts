/**
 * A publication in one codec: an encoder, its pace, and the renditions of those whose paths do not carry
 * it. Opened with the first frame that is encoded, closed by who uses it.
 */
import type { Arena } from '../media/arena.ts';
import type { Frame } from '../media/frame.ts';
import type { PictureTraits } from '../media/picture-traits.ts';
import type { Micros } from '../time.ts';
import { Encoding, type EncodingOptions } from './codec/encoding.ts';
import { KeyframeRequests } from './codec/keyframe-requests.ts';
import { Renditions } from './congestion/renditions.ts';
import { EvenSender } from './even-sender.ts';
import type { EncodedUnit, PacketizedUnit } from './viewer.ts';

/** Options of {@link Coding}. */
export interface CodingOptions extends EncodingOptions {
  /** Each access unit leaves at a constant distance from its due time. Default: as soon as it is encoded. */
  readonly even?: boolean;
  /** Where smaller frames are made for weak viewers. Default: none are. */
  readonly arena?: Arena | undefined;
  readonly packetize: (unit: EncodedUnit) => PacketizedUnit;
  /** Takes each unit as soon as it is encoded. */
  readonly onUnit?: (unit: EncodedUnit) => void;
  /** Takes each unit when it is to leave. */
  readonly send: (unit: EncodedUnit) => void;
  /** A keyframe was asked for: where no frame comes, the last one is to be given again. */
  readonly onKeyframe: () => void;
}

/** Encodes for all viewers of one codec. */
export class Coding {
  readonly renditions: Renditions;
  readonly #encoding: Encoding;
  readonly #keyframes: KeyframeRequests;
  readonly #even: EvenSender;

  constructor(options: CodingOptions) {
    const { clock, stream, events, even, arena, packetize, onUnit, send, onKeyframe } = options;
    this.#encoding = new Encoding(options, (unit) => {
      onUnit?.(unit);
      if (even) this.#even.push(unit);
      else send(unit);
    });
    this.#keyframes = new KeyframeRequests(clock, () => {
      this.#encoding.requestKeyframe();
      onKeyframe();
    });
    this.renditions = new Renditions({ ...options, arena, packetize });
    this.#even = new EvenSender({
      clock,
      send,
      onDrop: () => {
        events.emit({ type: 'drop', stream, stage: 'packetize', reason: 'queue-full', count: 1 });
        this.#keyframes.want();
      },
    });
  }

  /** See {@link Encoding.bitrate}. */
  get bitrate(): number | undefined {
    return this.#encoding.bitrate;
  }

  /** Learns size and time of a frame, be it encoded or not. */
  observe(frame: Frame, due: Micros): void {
    this.#encoding.observe(frame, due);
  }

  /** Encodes `frame`, shown at `due`; takes ownership. */
  encode(frame: Frame, due: Micros): void {
    this.#encoding.encode(frame, due);
  }

  /** Somebody needs a keyframe: soon, and one for all who ask meanwhile. */
  wantKeyframe(): void {
    this.#keyframes.want();
  }

  /** Makes the next frame a keyframe. */
  requestKeyframe(): void {
    this.#encoding.requestKeyframe();
  }

  /** See {@link Encoding.setBitrate}. */
  setBitrate(bitsPerSecond: number): void {
    this.#encoding.setBitrate(bitsPerSecond);
  }

  /** See {@link Encoding.setTraits}. */
  setTraits(traits: PictureTraits | undefined): void {
    this.#encoding.setTraits(traits);
    this.renditions.setTraits(traits);
  }

  /** See {@link Encoding.setMaxSlice}. */
  setMaxSlice(bytes: number | undefined): void {
    this.#encoding.setMaxSlice(bytes);
    this.renditions.setMaxSlice(bytes);
  }

  /** Closes the encoders; the next frame opens them again. Twice is harmless. */
  async closeEncoders(): Promise<void> {
    await Promise.all([this.#encoding.close(), this.renditions.close()]);
  }

  /** Nothing is asked for or sent any more; then closes the encoders. Twice is harmless. */
  async close(): Promise<void> {
    this.#keyframes.close();
    this.#even.close();
    await this.closeEncoders();
  }
}

/**
 * A publication coded once more, for viewers whose players do not take H.264: one encoder for all of them, opened
 * when the first one is there, closed when the last one has left, with renditions of its own for those among them
 * whose paths do not carry it.
 */
import type { Arena } from '../media/arena.ts';
import type { Frame } from '../media/frame.ts';
import type { PictureTraits } from '../media/picture-traits.ts';
import type { EventSink } from '../metrics/events.ts';
import { fromMs, type Micros, minus } from '../time.ts';
import { Encoding, type EncodingOptions } from './codec/encoding.ts';
import { KeyframeRequests } from './codec/keyframe-requests.ts';
import { Renditions } from './congestion/renditions.ts';
import { EvenSender } from './even-sender.ts';
import { packetizeVp8 } from './rtp/vp8.ts';
import type { EncodedUnit, PacketizedUnit, Viewer } from './viewer.ts';

/** The encoder stays open this long after the last viewer: a reload finds it warm. */
const LINGER = fromMs(5000);
/** Viewers and bitrate are told of this often. */
const TELL_INTERVAL = fromMs(1000);

/** Options of {@link FurtherCoding}. */
export interface FurtherCodingOptions extends Omit<EncodingOptions, 'encoder'> {
  /** See `PublicationOptions`. */
  readonly even?: boolean;
  readonly arena?: Arena | undefined;
  /** Those that are sent this coding. */
  readonly viewers: () => Iterable<Viewer>;
  /** Somebody needs a keyframe now: where no frame comes, the last one is to be given again. */
  readonly onKeyframe: () => void;
}

/** VP8. */
export class FurtherCoding {
  readonly #options: FurtherCodingOptions;
  readonly #encoding: Encoding;
  readonly #keyframes: KeyframeRequests;
  readonly #renditions: Renditions;
  readonly #even: EvenSender;
  #seenAt: Micros | undefined;
  #toldAt: Micros | undefined;
  #told = 0;

  constructor(options: FurtherCodingOptions) {
    this.#options = options;
    const { clock, stream } = options;
    const coding = { ...options, events: withoutGauges(options.events), encoder: 'libvpx' } as const;
    this.#keyframes = new KeyframeRequests(clock, () => {
      this.#encoding.requestKeyframe();
      options.onKeyframe();
    });
    this.#encoding = new Encoding(coding, (unit) => {
      if (options.even) this.#even.push(unit);
      else this.#send(unit);
    });
    this.#renditions = new Renditions({ ...coding, arena: options.arena, packetize });
    this.#even = new EvenSender({
      clock,
      send: (unit) => this.#send(unit),
      onDrop: () => {
        options.events.emit({ type: 'drop', stream, stage: 'packetize', reason: 'queue-full', count: 1 });
        this.#keyframes.want();
      },
    });
  }

  /** A frame is shown at `due`; it stays the caller's. */
  push(frame: Frame, due: Micros): void {
    const { clock, viewers } = this.#options;
    const now = clock.now();
    let connected = 0;
    for (const viewer of viewers()) if (viewer.connected) connected += 1;
    this.#encoding.observe(frame, due);
    this.#tell(connected, now);
    if (connected > 0) {
      this.#seenAt = now;
      this.#renditions.push(frame, due, viewers(), this.#encoding.bitrate);
      this.#encoding.encode(frame.share(), due);
    } else if (this.#seenAt !== undefined && minus(now, this.#seenAt) >= LINGER) {
      this.#seenAt = undefined;
      void this.closeEncoders();
    }
  }

  /** See {@link Renditions.requestKeyframe}. */
  requestKeyframe(viewer: Viewer | undefined): boolean {
    return this.#renditions.requestKeyframe(viewer);
  }

  /** Somebody needs a keyframe of what is not a rendition's. */
  want(): void {
    this.#keyframes.want();
  }

  /** See {@link Encoding.setBitrate}. */
  setBitrate(bitsPerSecond: number): void {
    this.#encoding.setBitrate(bitsPerSecond);
  }

  /** See {@link Encoding.setTraits}. */
  setTraits(traits: PictureTraits | undefined): void {
    this.#encoding.setTraits(traits);
    this.#renditions.setTraits(traits);
  }

  /** Closes the encoders; the next frame that somebody watches opens them again. Twice is harmless. */
  async closeEncoders(): Promise<void> {
    await Promise.all([this.#encoding.close(), this.#renditions.close()]);
  }

  /** Closes everything, for good. Twice is harmless. */
  async close(): Promise<void> {
    this.#keyframes.close();
    this.#even.close();
    await this.closeEncoders();
  }

  #send(unit: EncodedUnit): void {
    this.#renditions.measure(unit);
    this.#renditions.full(packetize(unit), this.#options.viewers());
  }

  #tell(viewers: number, now: Micros): void {
    if (
      viewers === this.#told &&
      (viewers === 0 || (this.#toldAt !== undefined && minus(now, this.#toldAt) < TELL_INTERVAL))
    )
      return;
    this.#toldAt = now;
    this.#told = viewers;
    const { stream, variant, events } = this.#options;
    const bitsPerSecond = viewers > 0 ? (this.#encoding.bitrate ?? 0) : 0;
    events.emit({ type: 'rendition', stream, variant, rendition: 'vp8', viewers, bitsPerSecond });
  }
}

function packetize(unit: EncodedUnit): PacketizedUnit {
  return { unit, payloads: packetizeVp8(unit.data), single: true };
}

/** Gauges that are those of the H.264 encoders: `rendition` says of this one how many it serves. */
function withoutGauges(events: EventSink): EventSink {
  return {
    emit: (event) =>
      event.type !== 'queue' && event.type !== 'encoder-bitrate' && event.type !== 'rendition' && events.emit(event),
  };
}

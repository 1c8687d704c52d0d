/**
 * A publication coded once more, for viewers whose players do not take H.264: one encoder for all of them, opened
 * when the first one is there, closed when the last one has left, with renditions of its own for those among them
 * whose paths do not carry it.
 */
import type { Frame } from '../media/frame.ts';
import type { EventSink } from '../metrics/events.ts';
import { fromMs, type Micros, minus } from '../time.ts';
import { Coding, type CodingOptions } from './coding.ts';
import { packetizeVp8 } from './rtp/vp8.ts';
import type { EncodedUnit, PacketizedUnit, Viewer } from './viewer.ts';

/** The encoder stays open this long after the last viewer: a reload finds it warm. */
const LINGER = fromMs(5000);
/** Viewers and bitrate are told of this often. */
const TELL_INTERVAL = fromMs(1000);

/** Options of {@link FurtherCoding}. */
export interface FurtherCodingOptions extends Omit<CodingOptions, 'encoder' | 'packetize' | 'onUnit' | 'send'> {
  /** Those that are sent this coding. */
  readonly viewers: () => Iterable<Viewer>;
}

/** VP8. */
export class FurtherCoding extends Coding {
  readonly #options: FurtherCodingOptions;
  #seenAt: Micros | undefined;
  #toldAt: Micros | undefined;
  #told = 0;

  constructor(options: FurtherCodingOptions) {
    super({
      ...options,
      ...{ events: withoutGauges(options.events), encoder: 'libvpx', packetize },
      send: (unit) => {
        this.renditions.measure(unit);
        this.renditions.full(packetize(unit), options.viewers());
      },
    });
    this.#options = options;
  }

  /** A frame is shown at `due`; it stays the caller's. */
  push(frame: Frame, due: Micros): void {
    const { clock, viewers } = this.#options;
    const now = clock.now();
    let connected = 0;
    for (const viewer of viewers()) if (viewer.connected) connected += 1;
    this.observe(frame, due);
    this.#tell(connected, now);
    if (connected > 0) {
      this.#seenAt = now;
      this.renditions.push(frame, due, viewers(), this.bitrate);
      this.encode(frame.share(), due);
    } else if (this.#seenAt !== undefined && minus(now, this.#seenAt) >= LINGER) {
      this.#seenAt = undefined;
      void this.closeEncoders();
    }
  }

  #tell(viewers: number, now: Micros): void {
    const soon = this.#toldAt !== undefined && minus(now, this.#toldAt) < TELL_INTERVAL;
    if (viewers === this.#told && (viewers === 0 || soon)) return;
    this.#toldAt = now;
    this.#told = viewers;
    const { stream, variant, events } = this.#options;
    const bitsPerSecond = viewers > 0 ? (this.bitrate ?? 0) : 0;
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

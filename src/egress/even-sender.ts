/**
 * Encoding takes a different time for every frame. Sending each access unit at a constant distance
 * from its due time, the lead, hides that from viewers.
 */
import { BoundedQueue } from '../bounded-queue.ts';
import { SlidingQuantile } from '../sliding-quantile.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, micros, minus, plus } from '../time.ts';
import type { EncodedUnit } from './viewer.ts';

/** Spans that are remembered: about two seconds at 60 fps. */
const WINDOW = 128;
/** Spans between two looks. */
const STRIDE = 16;
/** The share of frames that are encoded within the lead. */
const QUANTILE = 0.96;
/** For the timer. */
const MARGIN = fromMs(0.5);
const FIRST_LEAD = fromMs(4);
/** Never held back longer than this: an encoder that needs more is sent as it comes. */
const MAX_LEAD = fromMs(12);
/** Largest change at one look, so that the cadence is slewed by far less than a viewer can see. */
const MAX_CHANGE = fromMs(0.25);
/**
 * Access units that may wait: more than the longest lead lets wait at 240 fps, with the encoder's
 * queue on top.
 */
const CAPACITY = 8;

/** How long after its due time an access unit is sent, so that most are encoded by then. Pure. */
export class SendLead {
  readonly #spans = new SlidingQuantile({ capacity: WINDOW });
  #count = 0;
  #lead: number = FIRST_LEAD;

  /** A frame was encoded `span` after its due time. */
  observe(span: Micros): void {
    this.#spans.observe(span);
    this.#count += 1;
    if (this.#count % STRIDE !== 0) return;
    const wanted = Math.min(MAX_LEAD, (this.#spans.quantile(QUANTILE) ?? FIRST_LEAD) + MARGIN);
    this.#lead += Math.min(MAX_CHANGE, Math.max(-MAX_CHANGE, wanted - this.#lead));
  }

  /** The lead in force. */
  get value(): Micros {
    return micros(this.#lead);
  }
}

/** Options of {@link EvenSender}. */
export interface EvenSenderOptions {
  readonly clock: Clock;
  /** Takes each access unit at its due time plus the lead, in order. */
  readonly send: (unit: EncodedUnit) => void;
  /**
   * The oldest unit was given up, because too many wait. What follows it cannot be decoded before
   * the next keyframe.
   */
  readonly onDrop: () => void;
}

/**
 * Holds access units back until they are to be sent. Capacity: 8 units; policy: drop the oldest;
 * counted by `onDrop`.
 */
export class EvenSender {
  readonly #options: EvenSenderOptions;
  readonly #lead = new SendLead();
  readonly #queue: BoundedQueue<EncodedUnit>;
  #cancel: CancelTimer | undefined;
  #closed = false;

  constructor(options: EvenSenderOptions) {
    this.#options = options;
    this.#queue = new BoundedQueue(CAPACITY, 'drop-oldest', () => {
      if (!this.#closed) options.onDrop();
    });
  }

  /** Takes an access unit that has just been encoded. */
  push(unit: EncodedUnit): void {
    if (this.#closed) return;
    this.#lead.observe(minus(this.#options.clock.now(), unit.due));
    this.#queue.push(unit);
    this.#pump();
  }

  /** Forgets what waits. Closing twice is harmless. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#queue.clear();
  }

  #pump(): void {
    const { clock, send } = this.#options;
    this.#cancel?.();
    for (let unit = this.#queue.peek(); unit; unit = this.#queue.peek()) {
      const at = plus(unit.due, this.#lead.value);
      if (at > clock.now()) {
        this.#cancel = clock.at(at, () => this.#pump());
        return;
      }
      this.#queue.shift();
      send(unit);
    }
  }
}

/** Holds encoded pictures back until their time, so that they leave evenly. The decision how long is {@link SendLead}'s. */
import { BoundedQueue } from '../bounded-queue.ts';
import { type CancelTimer, type Clock, minus, plus } from '../time.ts';
import { SendLead } from './lead.ts';
import type { AccessUnit } from './viewer.ts';

/** Pictures that may wait: more than the longest lead lets wait at 240 fps, with the encoder's queue on top. */
const CAPACITY = 8;

/** Options of {@link Hold}. */
export interface HoldOptions {
  readonly clock: Clock;
  /** Takes each picture at its due time plus the lead, in order. */
  readonly send: (unit: AccessUnit) => void;
  /** The oldest picture was given up, because too many wait. What follows it cannot be decoded before the next keyframe. */
  readonly onDrop: () => void;
}

/** Capacity: 8 access units; policy: drop the oldest; counted by `onDrop`. */
export class Hold {
  readonly #options: HoldOptions;
  readonly #lead = new SendLead();
  readonly #queue: BoundedQueue<AccessUnit>;
  #cancel: CancelTimer | undefined;
  #closed = false;

  constructor(options: HoldOptions) {
    this.#options = options;
    this.#queue = new BoundedQueue(CAPACITY, 'drop-oldest', () => {
      if (!this.#closed) options.onDrop();
    });
  }

  /** Takes a picture that has just been encoded. */
  push(unit: AccessUnit): void {
    if (this.#closed) return;
    this.#lead.observe(minus(this.#options.clock.now(), unit.due));
    this.#queue.push(unit);
    this.#turn();
  }

  /** Forgets what waits. Closing twice is harmless. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#queue.clear();
  }

  #turn(): void {
    const { clock, send } = this.#options;
    this.#cancel?.();
    for (let unit = this.#queue.peek(); unit; unit = this.#queue.peek()) {
      const at = plus(unit.due, this.#lead.value);
      if (at > clock.now()) {
        this.#cancel = clock.at(at, () => this.#turn());
        return;
      }
      this.#queue.shift();
      send(unit);
    }
  }
}

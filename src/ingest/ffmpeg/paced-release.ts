/** Frames that came as fast as they were taken, held until each is due. */
import { BoundedQueue } from '../../bounded-queue.ts';
import type { Frame } from '../../media/frame.ts';
import { type Clock, waitUntil } from '../../time.ts';
import { RealtimePacing } from '../realtime.ts';

/** Frames of one chunk from the pipe, so that only frames as small as stamps come near. */
const CAPACITY = 256;
/**
 * Enough for any clock that is not broken, and for a second of backlog in six minutes; less than
 * what counts as a clock that disagrees.
 */
const ENDLESS_SPEED = 1.003;

/**
 * Owns the frames it holds. Capacity: 256; policy: the newest is released unseen; counter: {@link
 * dropped}.
 */
export class PacedRelease {
  readonly #clock: Clock;
  readonly #deliver: (frame: Frame) => void;
  #pacing = new RealtimePacing();
  readonly #held = new BoundedQueue<Frame>(CAPACITY, 'drop-newest', (frame) => frame.release());
  #busy = false;

  /** @param deliver owns each frame, which then says when it was due as its arrival. */
  constructor(clock: Clock, deliver: (frame: Frame) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  /** Frames dropped because too many waited. */
  get dropped(): number {
    return this.#held.dropped;
  }

  /** Whether {@link run} has something to do. */
  get waiting(): boolean {
    return this.#held.length > 0;
  }

  /** Whether a frame waits for its time right now. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * The source has no end: it is read a little faster than it is stamped, so that what waits unread
   * at its side melts away.
   */
  hurry(): void {
    this.#pacing = new RealtimePacing(ENDLESS_SPEED);
  }

  /** Holds a frame; false when it was dropped. */
  hold(frame: Frame): boolean {
    return this.#held.push(frame);
  }

  /** Delivers what is held, each frame when it is due, until `stopped` aborts. */
  async run(stopped: AbortSignal): Promise<void> {
    const clock = this.#clock;
    this.#busy = true;
    try {
      // Out of the queue while it waits: what is in there may be cleared meanwhile.
      for (let frame = this.#held.shift(); frame; frame = this.#held.shift()) {
        await waitUntil(this.#pacing.due(frame.pts, clock.now()), clock, stopped);
        if (stopped.aborted) {
          frame.release();
          return;
        }
        const due = frame.share({ arrival: clock.now(), capture: clock.wall() });
        frame.release();
        this.#deliver(due);
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Releases what is held. */
  clear(): void {
    this.#held.clear();
  }
}

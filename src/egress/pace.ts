/** Pacing: output slots on an even cadence, each released one constant delay after its place on the source's timeline. Pure. */
import type { Frame } from '../frame.ts';
import type { DropReason } from '../metrics/events.ts';
import type { Micros } from '../time.ts';

/** Options of {@link Pacer}. */
export interface PacerOptions {
  /** From a source frame's (jitter-smoothed) arrival to the release of its slot. */
  readonly delay: Micros;
  /** Slots that may wait; beyond it the oldest is dropped. */
  readonly capacity: number;
  /** Called for each slot that is given up: `late`, `queue-full`, `duplicate`, `stopped`. Its frame, if any, is released already. */
  readonly onDrop?: (reason: DropReason, pts: Micros) => void;
}

/** A frame on its way out. The receiver owns the frame. */
export interface PacedFrame {
  readonly frame: Frame;
  /** Slot on the source's timeline; the frame's own `pts` differs when it is a repeat. */
  readonly pts: Micros;
  /** When it was to be released, on the monotonic clock: even, unlike the moment of the call. RTP timestamps come from here. */
  readonly due: Micros;
}

/** A slot that fell due without a frame. Offer one (the fallback) and call {@link Pacer.next} again. */
export interface MissedSlot {
  readonly pts: Micros;
  readonly due: Micros;
}

/** What {@link Pacer.next} decides. */
export interface PacerOutput {
  /** To be sent now, in PTS order. */
  readonly release: readonly PacedFrame[];
  /** Due now without a frame; never more than one slot at a time. Call `offer` for it or not, then call `next` again. */
  readonly missed: readonly MissedSlot[];
  /** Call again at this time; undefined when nothing waits. */
  readonly wake: Micros | undefined;
}

/** Orders and times the output of one variant of one stream. */
export class Pacer {
  constructor(options: PacerOptions) {
    void options;
  }

  /** Learns when the source frame at `pts` arrived. Call it for every source frame, before its slots. */
  observe(_pts: Micros, _arrival: Micros, _discontinuity: boolean): void {}

  /** Announces a slot at `pts`, `interval` before the next one. */
  expect(_pts: Micros, _interval: Micros): void {}

  /** Gives the frame of a slot; takes ownership. False when there is no such slot (any more): the frame has been released. */
  offer(_pts: Micros, frame: Frame): boolean {
    frame.release();
    return false;
  }

  /** What to release at `now` and when to call again. After `missed` is not empty: offer the fallback and call again with the same `now`. */
  next(_now: Micros): PacerOutput {
    return { release: [], missed: [], wake: undefined };
  }

  /** When the slot at `pts` is to be released (monotonic); undefined when there is no such slot: the deadline of its interpolation. */
  dueOf(_pts: Micros): Micros | undefined {
    return undefined;
  }

  /** Changes the delay live, e.g. when the ladder moves; the cadence bends slowly towards it. */
  setDelay(_delay: Micros): void {}

  /** Slots waiting. */
  get depth(): number {
    return 0;
  }

  /** Drops everything that waits (`stopped`) and forgets the mapping. */
  clear(): void {}
}

/**
 * Pacing: output slots on an even cadence, each released one constant delay after its place on the
 * source's timeline. Pure.
 */
import type { Frame } from '../media/frame.ts';
import type { DropReason } from '../metrics/events.ts';
import { type Micros, micros } from '../time.ts';
import { ClockMap, slew } from './clock-map.ts';

/** Options of {@link Pacer}. */
export interface PacerOptions {
  /** From a source frame's (jitter-smoothed) arrival to the release of its slot. */
  readonly delay: Micros;
  /** Slots that may wait; beyond it the oldest is dropped. */
  readonly capacity: number;
  /**
   * Called for each slot that is given up: `late`, `queue-full`, `duplicate`, `overtaken`, `stopped`. Its frame,
   * if any, is released already.
   */
  readonly onDrop?: (reason: DropReason, pts: Micros) => void;
}

/** A frame on its way out. The receiver owns the frame. */
export interface PacedFrame {
  readonly frame: Frame;
  /**
   * Slot on the source's timeline; the frame's own `pts` differs when it is a repeat, or a source
   * frame that stands near a point of the grid.
   */
  readonly pts: Micros;
  /**
   * When it was to be released, on the monotonic clock: even, unlike the moment of the call. RTP
   * timestamps come from here.
   */
  readonly due: Micros;
}

/**
 * A slot that fell due without a frame. Offer one (the fallback) and call {@link Pacer.next} again.
 */
interface MissedSlot {
  readonly pts: Micros;
  readonly due: Micros;
}

/** What {@link Pacer.next} decides. */
export interface PacerOutput {
  /** To be sent now: at most one frame, so that nothing leaves in bursts. */
  readonly release: readonly PacedFrame[];
  /**
   * Due now without a frame: at most one slot. Call `offer` for it or not, then call `next` again:
   * it is released or dropped.
   */
  readonly missed: readonly MissedSlot[];
  /** Call again at this time; undefined when nothing waits. */
  readonly wake: Micros | undefined;
}

interface Slot {
  readonly pts: Micros;
  readonly interval: Micros;
  /** It stands after the newest source frame, and gives way to the next one. */
  readonly beyond: boolean;
  frame: Frame | undefined;
  /** Reported as missed. */
  missed: boolean;
  /** Offset of a timeline that has ended by a step; undefined while its timeline lives. */
  offset: number | undefined;
}

const NONE: readonly never[] = [];
/**
 * A slot may be this late (or one interval, if longer) and still be released when a newer one is
 * due as well.
 */
const LATE = 50_000;
/**
 * Time constant of a change of the delay: it has been decided on many frames, and is followed at
 * once.
 */
const SETTLE = 200_000;
/** Least distance of the times of two releases, as they are told. */
const LEAST = 1000;
/** Least distance of two releases, in intervals: how fast a pacer that is late catches up. */
const SPACING = 0.5;

/**
 * Orders and times the output of one variant of one stream.
 *
 * Per source frame: `observe`, then `expect` for each slot that is now known, then `offer` what is
 * there. Call `next` after each change and at `wake`. Frames leave in PTS order, at least half an
 * interval apart, never before their due time.
 */
export class Pacer {
  readonly #clockMap = new ClockMap();
  readonly #capacity: number;
  readonly #onDrop: (reason: DropReason, pts: Micros) => void;
  readonly #slots: Slot[] = [];
  #delay: number;
  #delayTarget: number;
  #observedAt: number | undefined;
  #releasedPts = Number.NEGATIVE_INFINITY;
  #releasedAt = Number.NEGATIVE_INFINITY;
  #releasedDue = Number.NEGATIVE_INFINITY;
  #beyondPts = Number.NEGATIVE_INFINITY;

  constructor(options: PacerOptions) {
    this.#capacity = options.capacity;
    this.#onDrop = options.onDrop ?? (() => {});
    this.#delay = options.delay;
    this.#delayTarget = options.delay;
  }

  /**
   * Learns when the source frame at `pts` arrived. Call it for every source frame, before its
   * slots.
   */
  observe(pts: Micros, arrival: Micros, discontinuity: boolean): void {
    const before = this.#clockMap.synchronized ? this.#clockMap.offset : undefined;
    const change = this.#clockMap.observe(pts, arrival, discontinuity);
    if (change.kind === 'step' && before !== undefined) {
      for (const slot of this.#slots) if (slot.pts < change.from || pts < slot.pts) slot.offset ??= before;
      this.#dropOvertaken(micros(pts + this.#clockMap.offset + this.#delay));
      this.#releasedPts = Number.NEGATIVE_INFINITY;
      this.#beyondPts = Number.NEGATIVE_INFINITY;
    }
    if (this.#observedAt !== undefined) {
      this.#delay = slew(this.#delay, this.#delayTarget, Math.max(0, arrival - this.#observedAt), SETTLE);
    }
    this.#observedAt = arrival;
  }

  /**
   * Announces a slot at `pts`, `interval` before the next one. A slot known already, or before the
   * last release, is dropped.
   * @param beyond it stands after the newest source frame, which nothing may wait for: what comes
   * next is released as if this slot had not been there, and is not too early for it.
   */
  expect(pts: Micros, interval: Micros, beyond = false): void {
    let at = this.#slots.length;
    for (; at > 0; at -= 1) {
      const before = this.#slots[at - 1];
      if (!before || before.offset !== undefined || before.pts < pts) break;
      if (before.pts === pts) {
        this.#onDrop('duplicate', pts);
        return;
      }
    }
    if (pts <= this.#releasedPts) {
      this.#onDrop('late', pts);
      return;
    }
    this.#slots.splice(at, 0, { pts, interval, beyond, frame: undefined, missed: false, offset: undefined });
    if (this.#slots.length > this.#capacity) this.#drop('queue-full');
  }

  /**
   * Gives the frame of a slot; takes ownership. False when there is no such slot (any more) or it
   * is filled: the frame has been released.
   */
  offer(pts: Micros, frame: Frame): boolean {
    const slot = this.#find(pts);
    if (!slot || slot.frame) {
      frame.release();
      return false;
    }
    slot.frame = frame;
    return true;
  }

  /**
   * Takes back the slots beyond the newest source frame that stand at `from` or later: the next one
   * is there. The caller owns their frames.
   */
  withdraw(from: Micros): Frame[] {
    const frames: Frame[] = [];
    for (let at = this.#slots.length - 1; at >= 0; at -= 1) {
      const slot = this.#slots[at];
      if (!slot?.beyond || slot.pts < from) continue;
      this.#slots.splice(at, 1);
      if (slot.frame) frames.unshift(slot.frame);
      this.#onDrop('overtaken', slot.pts);
    }
    return frames;
  }

  /** The last slot beyond a source frame that was released; −∞ where there was none. */
  get beyond(): number {
    return this.#beyondPts;
  }

  /** When a slot at `pts` would be released. @throws RangeError before the first frame. */
  dueAt(pts: Micros): Micros {
    return micros(pts + this.#clockMap.offset + this.#delay);
  }

  /**
   * What to do at `now` and when to call again. While something is released or missed, call again
   * at once.
   */
  next(now: Micros): PacerOutput {
    for (;;) {
      const slot = this.#slots[0];
      if (!slot) return { release: NONE, missed: NONE, wake: undefined };
      const due = this.#due(slot);
      if (due > now) return { release: NONE, missed: NONE, wake: due };
      if (now - due > Math.max(LATE, slot.interval) && this.#successorDue(now)) {
        this.#drop('late');
        continue;
      }
      const earliest = micros(this.#releasedAt + slot.interval * SPACING);
      if (earliest > now) return { release: NONE, missed: NONE, wake: earliest };
      if (slot.frame) {
        this.#slots.shift();
        return { release: [this.#released(slot, slot.frame, due, now)], missed: NONE, wake: now };
      }
      if (!slot.missed) {
        slot.missed = true;
        return { release: NONE, missed: [{ pts: slot.pts, due }], wake: now };
      }
      this.#drop('late');
    }
  }

  /**
   * When the slot at `pts` is to be released (monotonic): the deadline of its interpolation.
   * Undefined when there is no such slot.
   */
  dueOf(pts: Micros): Micros | undefined {
    const slot = this.#find(pts);
    return slot && this.#due(slot);
  }

  /**
   * Changes the delay live, e.g. when the ladder moves: the cadence is slewed by at most 5 % until
   * it is there.
   */
  setDelay(delay: Micros): void {
    this.#delayTarget = delay;
  }

  /** The delay in force, which may still be on its way to the one set. */
  get delay(): Micros {
    return micros(this.#delay);
  }

  /**
   * Held back on top of the delay where a frame came without jitter: what the smoothing of arrivals
   * costs. 0 before the first frame.
   */
  get jitter(): Micros {
    return micros(this.#clockMap.synchronized ? this.#clockMap.allowance : 0);
  }

  /** How much later a frame came than its PTS is mapped to; negative where it came earlier. */
  lateness(pts: Micros, arrival: Micros): Micros {
    return micros(arrival - pts - this.#clockMap.offset);
  }

  /** Slots waiting. */
  get depth(): number {
    return this.#slots.length;
  }

  /** Slots that may wait. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Drops everything that waits, for `reason`, and forgets the mapping. */
  clear(reason: DropReason = 'stopped'): void {
    while (this.#slots.length > 0) this.#drop(reason);
    this.#clockMap.reset();
    this.#observedAt = undefined;
    this.#delay = this.#delayTarget;
    this.#releasedPts = Number.NEGATIVE_INFINITY;
    this.#beyondPts = Number.NEGATIVE_INFINITY;
  }

  #released({ pts, beyond, offset }: Slot, frame: Frame, due: Micros, now: Micros): PacedFrame {
    if (beyond) this.#beyondPts = pts;
    else {
      this.#releasedPts = offset === undefined ? pts : this.#releasedPts;
      this.#releasedAt = now;
    }
    // A source frame that came sooner than its pace let expect may stand before what was shown beyond
    // the one before: times of what is sent never go back.
    const shown = micros(Math.max(due, this.#releasedDue + LEAST));
    this.#releasedDue = shown;
    return { frame, pts, due: shown };
  }

  #due(slot: Slot): Micros {
    return micros(slot.pts + (slot.offset ?? this.#clockMap.offset) + this.#delay);
  }

  /**
   * Slots of a timeline that has ended which would be due after the first of the new one: it had run
   * ahead, and nothing would be shown until time has caught up with it.
   */
  #dropOvertaken(due: Micros): void {
    for (let at = this.#slots.length - 1; at >= 0; at -= 1) {
      const slot = this.#slots[at];
      if (slot?.offset !== undefined && this.#due(slot) >= due) this.#drop('late', at);
    }
  }

  #successorDue(now: Micros): boolean {
    const second = this.#slots[1];
    return second !== undefined && this.#due(second) <= now;
  }

  #find(pts: Micros): Slot | undefined {
    for (let i = this.#slots.length - 1; i >= 0; i -= 1) {
      if (this.#slots[i]?.pts === pts) return this.#slots[i];
    }
    return undefined;
  }

  #drop(reason: DropReason, at = 0): void {
    const [slot] = this.#slots.splice(at, 1);
    if (!slot) return;
    slot.frame?.release();
    this.#onDrop(reason, slot.pts);
  }
}

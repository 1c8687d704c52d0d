/**
 * What stands in for each output slot whose interpolated frame does not come: the nearer source
 * frame, or what was carried on beyond it.
 */

import type { Frame, Provenance, RepeatReason } from '../media/frame.ts';
import type { Timestep } from '../pairing/scheduler.ts';
import type { Micros } from '../time.ts';

interface Fallback {
  readonly frame: Frame;
  readonly t: number;
  reason: RepeatReason;
}

/**
 * The fallbacks of the slots that wait, by their PTS. Owns a handle of each frame; the pacer bounds
 * how many there are.
 */
export class Fallbacks {
  readonly #waiting = new Map<Micros, Fallback>();

  /**
   * Has `frame`, which it owns from now on, stand in for a slot.
   * @param reason what is said unless {@link explain} knows better.
   */
  set({ pts, t }: Timestep, frame: Frame, reason: RepeatReason): void {
    this.forget(pts);
    this.#waiting.set(pts, { frame, t, reason });
  }

  /** Says why slots will be repeated. Those that have no fallback (any more) are passed over. */
  explain(timesteps: readonly Timestep[], reason: RepeatReason): void {
    for (const { pts } of timesteps) {
      const fallback = this.#waiting.get(pts);
      if (fallback) fallback.reason = reason;
    }
  }

  /**
   * The frame for a slot that is due, marked as repeated; the caller owns it. Undefined where there
   * is none.
   */
  take(pts: Micros): Frame | undefined {
    const fallback = this.#waiting.get(pts);
    if (!fallback) return undefined;
    const { frame, t, reason } = fallback;
    const { provenance } = frame;
    // One that was carried on stays what it is, however often it is shown.
    const shown: Provenance = provenance.kind === 'extrapolated' ? provenance : { kind: 'repeated', t, reason };
    const repeated = frame.share({ provenance: shown, discontinuity: false });
    this.forget(pts);
    return repeated;
  }

  /** Releases the fallback of a slot that needs none any more. */
  forget(pts: Micros): void {
    this.#waiting.get(pts)?.frame.release();
    this.#waiting.delete(pts);
  }

  /** Releases all of them. */
  clear(): void {
    for (const { frame } of this.#waiting.values()) frame.release();
    this.#waiting.clear();
  }
}

/**
 * What leaves the pacer, when: frames that are due, a fallback where one is missing, and the timer
 * for the next.
 */

import type { EventSink } from '../metrics/events.ts';
import { type CancelTimer, type Clock, minus } from '../time.ts';
import type { Fallbacks } from './fallbacks.ts';
import type { PacedFrame, Pacer } from './pacer.ts';

/** Options of {@link Release}. */
export interface ReleaseOptions {
  readonly stream: string;
  readonly clock: Clock;
  readonly events: EventSink;
}

/** Collaborators of {@link Release}. */
export interface ReleaseDeps {
  readonly pacer: Pacer;
  readonly fallbacks: Fallbacks;
  /** Takes each frame at its time, and owns it. */
  readonly emit: (paced: PacedFrame) => void;
}

/** Drives the pacer by the clock. */
export class Release {
  readonly #options: ReleaseOptions;
  readonly #deps: ReleaseDeps;
  #cancelWake: CancelTimer | undefined;
  /** Set when nothing more is announced: called once all that waits is out. */
  #ended: (() => void) | undefined;

  constructor(options: ReleaseOptions, deps: ReleaseDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Releases what is due and sets the next timer. Call it after each change of the pacer. */
  pump(): void {
    const { pacer, fallbacks } = this.#deps;
    const { clock } = this.#options;
    this.#cancelWake?.();
    for (;;) {
      const { release, missed, wake } = pacer.next(clock.now());
      for (const paced of release) this.#release(paced);
      for (const { pts } of missed) {
        const fallback = fallbacks.take(pts);
        if (fallback) pacer.offer(pts, fallback);
      }
      if (release.length > 0 || missed.length > 0) continue;
      if (wake !== undefined) this.#cancelWake = clock.at(wake, () => this.pump());
      else this.#ended?.();
      return;
    }
  }

  /** Nothing more will be announced: `done` is called once all that waits is out. */
  end(done: () => void): void {
    this.#ended = done;
    this.pump();
  }

  /** Stops the timer. */
  close(): void {
    this.#cancelWake?.();
  }

  #release(paced: PacedFrame): void {
    const { events, stream, clock } = this.#options;
    this.#deps.fallbacks.forget(paced.pts);
    const { provenance, arrival } = paced.frame;
    const now = clock.now();
    const span = minus(now, arrival);
    const late = minus(now, paced.due);
    events.emit({ type: 'stage', stream, stage: 'pace', span });
    events.emit({ type: 'release', stream, late, added: provenance.kind === 'source' ? span : undefined });
    if (provenance.kind === 'repeated') {
      events.emit({ type: 'frame', stream, fate: 'repeated', reason: provenance.reason });
      if (provenance.reason === 'deadline') events.emit({ type: 'deadline-miss', stream });
    } else {
      const { kind } = provenance;
      events.emit({ type: 'frame', stream, fate: kind === 'synthetic' || kind === 'enlarged' ? 'interpolated' : kind });
      if ('confidence' in provenance && provenance.confidence !== undefined) {
        events.emit({ type: 'confidence', stream, model: provenance.model, value: provenance.confidence });
      }
    }
    this.#deps.emit(paced);
  }
}

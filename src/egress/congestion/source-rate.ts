/** Which frames of an upconverted stream are left when its rate falls to the source's. Pure. */
import type { Provenance } from '../../media/frame.ts';
import type { Micros } from '../../time.ts';
import { RateMeter } from '../codec/bitrate.ts';

/**
 * Keeps one frame for each of the source's: the source frames themselves, and where the output has
 * another grid, the first one after each.
 */
export class SourceRate {
  #last = Number.POSITIVE_INFINITY;
  readonly #meter: RateMeter;

  /** @param fps what to assume until measured. */
  constructor(fps: number) {
    this.#meter = new RateMeter(fps);
  }

  /** Frames per second that are kept. */
  get fps(): number {
    return this.#meter.fps;
  }

  /** True when a frame, shown at `due`, is kept. */
  keeps(provenance: Provenance, due: Micros): boolean {
    const t = 't' in provenance ? provenance.t : 0;
    const since = t >= 1 ? t - 1 : t;
    const kept = provenance.kind === 'source' || provenance.kind === 'enlarged' || since <= this.#last;
    this.#last = since;
    // Where frames repeat one moment (silence, an early frame), each is one of its own.
    if (kept) this.#meter.observe(due);
    return kept;
  }
}

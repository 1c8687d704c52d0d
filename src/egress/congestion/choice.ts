/**
 * What one viewer is sent: everything, or, where its path does not carry that, the source's frames
 * alone, at a bitrate that fits, and where even that is too little, at half the size. Pure.
 */
import { fromMs, type Micros, minus, ZERO } from '../../time.ts';
import type { PathEstimate } from '../viewer.ts';

/** What is sent to a viewer, best first. */
export type RenditionName = 'full' | 'reduced' | 'small';

/** What the renditions ask for, bits per second of access units. */
export interface RenditionNeeds {
  /** Of the full rendition as it is now, and as its encoder is told. */
  readonly fullNow: number;
  readonly fullTarget: number;
  /** Below this the reduced rendition would be worse than the small one; undefined: there is none. */
  readonly reducedLeast: number | undefined;
}

/** A shortage has to last: one late burst of packets is none. */
const SHORTAGE = fromMs(200);
/** Less than this share of what is sent is no late burst. */
const SEVERE = 0.7;
/** … where the player tells nothing but a bitrate. */
const TOLD_SHORTAGE = fromMs(1000);
/** A viewer climbs when there was room for so long, and at least so long after it had to step down. */
const ROOM = fromMs(500);
const FIRST_WAIT = fromMs(2000);
const MAX_WAIT = fromMs(60_000);
/** A step down within this of a step up was a mistake: the next step up waits twice as long. */
const RELAPSE = fromMs(10_000);
/** Room beyond what is needed, before the full rendition, and before the reduced one is taken. */
const [FULL_ROOM, REDUCED_ROOM] = [1.05, 1.5];

/** Chooses for one viewer. */
export class RenditionChoice {
  #name: RenditionName = 'full';
  #changedAt: Micros | undefined;
  #roseAt: Micros | undefined;
  #wait = FIRST_WAIT;
  #since: Micros | undefined;
  #direction: 'down' | 'up' | undefined;

  /** The rendition that is chosen. */
  get name(): RenditionName {
    return this.#name;
  }

  /** Looks at the path; gives the rendition that is chosen from now on. */
  update(path: PathEstimate | undefined, needs: RenditionNeeds, now: Micros): RenditionName {
    const next = path && this.#wanted(path, needs);
    const direction = next && next.to !== this.#name ? next.direction : undefined;
    if (direction !== this.#direction) {
      this.#direction = direction;
      this.#since = now;
    }
    if (!next || direction === undefined || minus(now, this.#since ?? now) < next.after) return this.#name;
    if (direction === 'up' && this.#changedAt !== undefined && minus(now, this.#changedAt) < this.#wait)
      return this.#name;
    this.#take(next.to, direction, now);
    return this.#name;
  }

  #take(to: RenditionName, direction: 'down' | 'up', now: Micros): void {
    if (direction === 'up') this.#roseAt = now;
    else if (this.#roseAt !== undefined) {
      const relapsed = minus(now, this.#roseAt) < RELAPSE;
      this.#wait = relapsed ? fromMs(Math.min(MAX_WAIT, this.#wait * 2) / 1000) : FIRST_WAIT;
    }
    this.#name = to;
    this.#changedAt = now;
    this.#direction = undefined;
  }

  #wanted(path: PathEstimate, { fullNow, fullTarget, reducedLeast }: RenditionNeeds) {
    const { available, congested } = path;
    const least = reducedLeast ?? 0;
    const slow = congested === undefined ? TOLD_SHORTAGE : SHORTAGE;
    const down = { direction: 'down', after: available < SEVERE * fullNow ? ZERO : slow } as const;
    const up = { direction: 'up', after: ROOM } as const;
    if (this.#name === 'full') {
      if (available >= fullNow || congested === false) return undefined;
      return { ...down, to: available < least ? 'small' : 'reduced' } as const;
    }
    if (available >= FULL_ROOM * fullTarget) return { ...up, to: 'full' } as const;
    if (this.#name === 'reduced') return available < least ? ({ ...down, to: 'small' } as const) : undefined;
    return available >= REDUCED_ROOM * least ? ({ ...up, to: 'reduced' } as const) : undefined;
  }
}

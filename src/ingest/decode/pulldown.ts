/** Which frames of film in 30 frames a second repeat a picture, and when the others are due. Pure. */

/** Frames after which 3:2 pulldown begins anew: four pictures. */
const CYCLE = 5;
/** Cycles that the mean change of a place in the cycle reaches back, about. */
const MEMORY = 3;
/** A repetition changes by less than this share of what the other places change by. */
const REPEAT_SHARE = 0.6;

/** What a frame of film in video is. */
export interface PulledDown {
  /** The picture of the frame before once more. */
  readonly repeat: boolean;
  /** How much later than the frame its picture is due, in frames, for all to come evenly: 0 to 0.75. */
  readonly later: number;
}

/** Follows the cycle. Where it does not stand out, each frame counts, at its own time. */
export class Pulldown {
  /** Mean change at each place of the cycle. */
  readonly #changes: number[] = [];
  #count = 0;

  /** @param ahead changes of the first frames, where they are known before the first is judged. */
  constructor(ahead: readonly number[] = []) {
    for (const change of ahead) this.next(change);
    this.#count = 0;
  }

  /** Takes how much the field of a frame that comes first differs from the frame before. */
  next(change: number): PulledDown {
    const place = this.#count % CYCLE;
    this.#count += 1;
    const known = this.#changes[place];
    this.#changes[place] = known === undefined ? change : known + (change - known) / MEMORY;
    const repeated = this.#repeated;
    if (repeated === undefined) return { repeat: false, later: 0 };
    const after = (place - repeated - 1 + CYCLE) % CYCLE;
    // An edit breaks the cycle: no picture is left out for having the wrong place.
    const repeat = after === CYCLE - 1 && change <= REPEAT_SHARE * this.#othersThan(repeated);
    return { repeat, later: after === CYCLE - 1 ? 0 : after / (CYCLE - 1) };
  }

  /** The place that changes least, if it stands out. */
  get #repeated(): number | undefined {
    if (this.#changes.length < CYCLE) return undefined;
    const least = this.#changes.indexOf(Math.min(...this.#changes));
    return (this.#changes[least] ?? 0) <= REPEAT_SHARE * this.#othersThan(least) ? least : undefined;
  }

  #othersThan(place: number): number {
    return (this.#changes.reduce((sum, change) => sum + change, 0) - (this.#changes[place] ?? 0)) / (CYCLE - 1);
  }
}

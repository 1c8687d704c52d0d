/** Where a recording is cut into segments. Pure. */
import { fromMs, type Micros, minus } from '../../time.ts';

/** A picture without news for so long ends its segment: the next one begins when the source is back. */
const MAX_SILENCE = fromMs(10_000);

/** What counts of an access unit. */
export interface CutUnit {
  readonly due: Micros;
  readonly keyframe: boolean;
  /** The last frame once more, because nothing came. */
  readonly silent: boolean;
  /** Another value is another way to decode: parameter sets, the source's own bytes or ours, the sound beside. */
  readonly form: string;
}

/**
 * What becomes of a unit: the first of a new segment, the next of the present one, or nothing, before any
 * segment; `end`: nothing, and the present segment ends.
 */
export type CutAction = 'begin' | 'write' | 'skip' | 'end';

/** Cuts at keyframes: after the length of a segment, where the source was opened anew, where the form changes. */
export class Cutter {
  readonly #length: Micros;
  #start: Micros | undefined;
  #form: string | undefined;
  #lastNews: Micros | undefined;
  #cutWanted = false;

  /** @param length of a segment, at least. */
  constructor(length: Micros) {
    this.#length = length;
  }

  /** True while the next keyframe begins a segment: one is to be asked for. */
  get wantsKeyframe(): boolean {
    return this.#cutWanted;
  }

  /** The next keyframe begins a segment: the source is another one, or what was written is lost. */
  cut(): void {
    this.#cutWanted = true;
  }

  /** There is no segment any more. */
  ended(): void {
    this.#start = undefined;
    this.#cutWanted = false;
  }

  /** What becomes of a unit. `form` of units that are no keyframe is not looked at. */
  next({ due, keyframe, silent, form }: CutUnit): CutAction {
    if (!silent) this.#lastNews = due;
    if (this.#start === undefined) {
      if (silent) return 'skip';
      if (keyframe) return this.#begin(due, form);
      this.#cutWanted = true;
      return 'skip';
    }
    if (silent && minus(due, this.#lastNews ?? this.#start) > MAX_SILENCE) {
      this.ended();
      return 'end';
    }
    if (minus(due, this.#start) >= this.#length) this.#cutWanted = true;
    if (keyframe && (this.#cutWanted || form !== this.#form)) return this.#begin(due, form);
    return 'write';
  }

  #begin(due: Micros, form: string): CutAction {
    this.#start = due;
    this.#form = form;
    this.#cutWanted = false;
    return 'begin';
  }
}

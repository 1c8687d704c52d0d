/** What kind of video it is, from what single frames look like. Pure. */
import type { FieldEvidence } from './field-evidence.ts';

/**
 * How a video is scanned: each frame one moment; two moments in each; or film of 24 pictures a
 * second whose fields are spread over 30 frames.
 */
export type Scan = 'progressive' | 'interlaced' | 'film';

/** Frames that count. */
const WINDOW = 40;
/** Frames in which something moves, before anything is said; a change of mind takes more. */
const MIN_MOVING = 6;
const MIN_TO_CHANGE = 20;
/** Shares of the frames that moved. */
const FILM_SHARE = 0.2;
const WOVEN_SHARE = 0.35;
const ONE_ORDER = 0.8;
const WHOLE_SHARE = 0.85;
const MAX_COMBED = 0.05;

/** One video. */
export class FieldJudge {
  readonly #seen: (FieldEvidence & { readonly flagged: boolean })[] = [];
  #scan: Scan | undefined;

  /** What it is, as far as is known. */
  get scan(): Scan | undefined {
    return this.#scan;
  }

  /** True where the lower (odd) lines come first. */
  get bottomFirst(): boolean {
    return this.#share('bottom-first') > this.#share('top-first');
  }

  /** True where frames that are woven say so, so that the flags of single frames can be believed. */
  get flagsAreRight(): boolean {
    const woven = this.#seen.filter(({ looks }) => looks === 'top-first' || looks === 'bottom-first');
    return woven.length > 0 && woven.every(({ flagged }) => flagged);
  }

  /** @param flagged whether the frame itself says that it is interlaced. */
  observe(evidence: FieldEvidence, flagged: boolean): void {
    this.#seen.push({ ...evidence, flagged });
    if (this.#seen.length > WINDOW) this.#seen.shift();
    const moving = this.#moving;
    if (moving < (this.#scan === undefined ? MIN_MOVING : MIN_TO_CHANGE)) return;
    this.#scan = this.#conclusion() ?? this.#scan;
  }

  /** Forgets what it has seen, not what it has concluded: another scene of the same source. */
  restart(): void {
    this.#seen.length = 0;
  }

  get #moving(): number {
    return this.#seen.filter(({ looks }) => looks !== 'still').length;
  }

  #share(looks: FieldEvidence['looks']): number {
    return this.#seen.filter((one) => one.looks === looks).length / Math.max(1, this.#moving);
  }

  #conclusion(): Scan | undefined {
    const woven = this.#share('top-first') + this.#share('bottom-first');
    const repeated = this.#seen.filter(({ repeatedField }) => repeatedField).length / Math.max(1, this.#moving);
    if (repeated >= FILM_SHARE && woven >= FILM_SHARE) {
      // Ten frames show two cycles of film in video.
      return this.#seen.length >= 10 ? 'film' : undefined;
    }
    const oneOrder = Math.max(this.#share('top-first'), this.#share('bottom-first'));
    const combed = this.#seen.filter((one) => one.combed && one.looks !== 'whole').length / Math.max(1, this.#moving);
    if (oneOrder >= WOVEN_SHARE && oneOrder > ONE_ORDER * woven && combed >= WOVEN_SHARE) return 'interlaced';
    return this.#share('whole') >= WHOLE_SHARE || combed <= MAX_COMBED ? 'progressive' : undefined;
  }
}

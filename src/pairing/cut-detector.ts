/** Tells a new scene from motion and from light, by the thumbnails of frames. Pure. */
import { type Prediction, Predictor } from './prediction.ts';
import { Thumbnail } from './thumbnail.ts';

/**
 * Weights of the score of a new scene, and its threshold: a logistic fit to pairs of clips that the published figures
 * are not of (docs/measurements.md). What a new scene cannot be predicted by is the old one (`ratio`), least of all with its
 * brightness (`movedRatio`), which is a surprise after the frames before (`usual`); and its colours are others.
 */
const MOVED_WEIGHT = 0.385;
const MAX_MOVED = 1.4;
const USUAL_WEIGHT = 0.6;
const COLOUR_WEIGHT = 0.3;
const MAX_COLOUR = 4;
const THRESHOLD = 1.05;
/** With less saturation colours tell less, and none tells as much as this share of other ones. */
const GREY = 6;
const GREY_SHARE = 0.85;
/** The old frame explains more than half of the new one: no new scene whatever its light. */
const MIN_RATIO = 0.45;
/** A residual of fewer levels is noise of coding. */
const MIN_RESIDUAL = 0.4;
/** Beside a still part, so much of the picture changes with the scene at least … */
const MIN_CHANGED = 0.25;
/** … and at most so many tiles: else the whole picture counts. */
const MAX_CHANGED = 0.8;
const CHANGED_RATIO = 0.7;
/** Levels by which colours differ in another scene of the same luma. */
const OTHER_COLOURS = 8;
/** Deviations, in levels, below which a frame is blank, and of a frame that may come from a fade. */
const BLANK = 1.5;
const FAINT = 14;
/** Brightness that jumps by so many levels is a flash or a switch: what lies between would be neither. */
const FLASH = 45;
/** Brightness that changes by so many levels may clip: then any rising curve from old to new levels is light. */
const BRIGHTER = 22;
/** Pairs for which the frame before a flash is remembered. */
const FLASH_PAIRS = 5;
/** What is taken for usual when nothing is known. */
const ASSUMED_USUAL = 0.55;
const ASSUMED_COLOUR = 2;
/** How fast it follows, and how far at once. */
const FOLLOW = 0.4;
const MAX_STEP = 0.25;
const MAX_COLOUR_STEP = 2;

/** What begins with a frame: another scene, or a flash or its end. */
export type SceneChange = 'cut' | 'flash';

/** Judges each frame by the one before. */
export class CutDetector {
  readonly #predictor = new Predictor();
  readonly #relit = new Thumbnail();
  /** What frames of the recent past could not be predicted by, and how their colours differed. */
  #usual: number | undefined;
  #usualColour: number | undefined;
  /** The frame before a flash, and for how many pairs it is remembered. */
  readonly #steady = new Thumbnail();
  #remembered = 0;

  /** What begins with `b`, the frame after `a`; undefined: the scene goes on. Call once for every pair, in order. */
  judge(a: Thumbnail, b: Thumbnail): SceneChange | undefined {
    const p = this.#predictor.predict(a, b);
    const change = this.#changeOf(p, a, b);
    this.#remembered = Math.max(0, this.#remembered - 1);
    if (change === 'cut' && p.contrast >= BLANK) this.#remembered = 0;
    else if (change !== undefined && this.#remembered === 0 && p.contrastBefore >= BLANK) {
      this.#steady.take(a);
      this.#remembered = FLASH_PAIRS;
    }
    if (change === undefined) this.#learn(p);
    // How the next scene moves is not known yet; a fast one must not count as one cut after the other.
    if (change === 'cut') {
      this.#usual = undefined;
      this.#usualColour = undefined;
    }
    return change;
  }

  /** Forgets what is usual: the next frames are of something else. */
  reset(): void {
    this.#usual = undefined;
    this.#usualColour = undefined;
    this.#remembered = 0;
  }

  #changeOf(p: Prediction, a: Thumbnail, b: Thumbnail): SceneChange | undefined {
    if (p.contrast < BLANK) return p.contrastBefore < BLANK ? blankChange(p) : vanishes(p);
    const isNew = p.contrastBefore < BLANK ? p.contrast >= FAINT : this.#isNewScene(p);
    if (!isNew) return Math.abs(p.mean - p.meanBefore) > FLASH && p.contrastBefore >= FAINT ? 'flash' : undefined;
    if (this.#remembered > 0 && this.#isSameScene(this.#steady, b)) return 'flash';
    return this.#isLight(p, a, b) ? 'flash' : 'cut';
  }

  #isSameScene(a: Thumbnail, b: Thumbnail): boolean {
    const p = this.#predictor.predict(a, b);
    return !this.#isNewScene(p) || this.#isLight(p, a, b);
  }

  /** `b` is `a` under another light that may have clipped: a rising curve takes the levels of one to the other. */
  #isLight({ mean, meanBefore }: Prediction, a: Thumbnail, b: Thumbnail): boolean {
    if (Math.abs(mean - meanBefore) < BRIGHTER) return false;
    this.#relit.takeRelit(a, b);
    return !this.#isNewScene({ ...this.#predictor.predict(this.#relit, b), colour: 0, saturation: 0 });
  }

  #isNewScene(p: Prediction): boolean {
    const colour = Math.max(0, p.colour - (this.#usualColour ?? ASSUMED_COLOUR));
    if (colour > OTHER_COLOURS) return true;
    if (p.residual < MIN_RESIDUAL) return false;
    const usual = this.#usual ?? ASSUMED_USUAL;
    const grey = this.#usual === undefined ? 0 : greyness(p.saturation);
    const bonus = COLOUR_WEIGHT * Math.min(1, colour / MAX_COLOUR + grey) - USUAL_WEIGHT * usual - THRESHOLD;
    if (p.ratio > MIN_RATIO && p.ratio + MOVED_WEIGHT * Math.min(p.movedRatio, MAX_MOVED) + bonus > 0) return true;
    return (
      besideStillness(p, usual) &&
      p.changedRatio + MOVED_WEIGHT * Math.min(p.changedMovedRatio, MAX_MOVED) + bonus > 0.05
    );
  }

  #learn(p: Prediction): void {
    if (p.contrast < BLANK || p.contrastBefore < BLANK) return;
    const [usual, colour] = [this.#usual ?? p.ratio, this.#usualColour ?? p.colour];
    this.#usual = usual + FOLLOW * (Math.min(p.ratio, usual + MAX_STEP) - usual);
    this.#usualColour = colour + FOLLOW * (Math.min(p.colour, colour + MAX_COLOUR_STEP) - colour);
  }
}

/** Where there is hardly any colour, nothing can be told by it: that counts as a part of other colours. */
function greyness(saturation: number): number {
  return GREY_SHARE * Math.max(0, 1 - saturation / GREY);
}

/** Part of the picture stands still, and the rest is as a new scene is. */
function besideStillness(p: Prediction, usual: number): boolean {
  const part = p.changed > MIN_CHANGED && p.changedTiles < MAX_CHANGED;
  return part && p.changedRatio > CHANGED_RATIO && p.ratio > 1.7 * usual;
}

/** One blank frame after the other. */
function blankChange(p: Prediction): SceneChange | undefined {
  return Math.abs(p.mean - p.meanBefore) > FLASH || p.colour > OTHER_COLOURS ? 'cut' : undefined;
}

/** A blank frame: the end of a fade, a cut to black, or a flash so bright that nothing else shows. */
function vanishes(p: Prediction): SceneChange | undefined {
  if (p.contrastBefore < FAINT) return undefined;
  return p.mean > p.meanBefore ? 'flash' : 'cut';
}

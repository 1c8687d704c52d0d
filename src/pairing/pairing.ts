/**
 * Decides for every source frame whether to interpolate between it and the one before. Pure but for
 * reading pixels.
 */

import type { Frame } from '../media/frame.ts';
import type { PairDecision } from '../media/pair-decision.ts';
import type { PictureArea } from '../media/picture-area.ts';
import { fromMs, type Micros } from '../time.ts';
import { ActiveArea } from './bars/active-area.ts';
import { compare, isDuplicate } from './change.ts';
import { CutDetector } from './cut-detector.ts';
import { Thumbnail } from './thumbnail.ts';

/**
 * Frames further apart than this are not a motion any more: interpolating over half a second would
 * show a slow dissolve.
 */
export const MAX_GAP: Micros = fromMs(500);

/** Options of {@link Pairing}. */
export interface PairingOptions {
  /** True for files, whose long gaps are no losses. Default: a gap above {@link MAX_GAP} is a discontinuity. */
  readonly anyGap?: boolean;
}

/** Pairs each frame with the one before. Keeps fingerprints, never frames. */
export class Pairing {
  #before: { thumb: Thumbnail; pts: Micros; width: number; height: number } | undefined;
  #spare = new Thumbnail();
  readonly #cuts = new CutDetector();
  readonly #active = new ActiveArea();
  readonly #maxGap: number;

  constructor({ anyGap = false }: PairingOptions = {}) {
    this.#maxGap = anyGap ? Number.POSITIVE_INFINITY : MAX_GAP;
  }

  /**
   * The part of the last two frames that is picture; undefined: all of it. Bars around it are the
   * same in both.
   */
  get area(): PictureArea | undefined {
    return this.#active.area;
  }

  /**
   * The decision for (the frame before, `frame`); undefined for the first frame. Reads `frame`'s
   * samples, keeps nothing of it.
   */
  next(frame: Frame): PairDecision | undefined {
    const thumb = this.#spare;
    thumb.read(frame.bytes, frame.layout);
    const decision = this.#decide(frame, thumb);
    this.#active.observe(frame, thumb, decision !== 'interpolate' && decision !== 'duplicate' && decision !== 'flash');
    return decision;
  }

  #decide(frame: Frame, thumb: Thumbnail): PairDecision | undefined {
    const before = this.#before;
    this.#before = { thumb, pts: frame.pts, width: frame.width, height: frame.height };
    this.#spare = before?.thumb ?? new Thumbnail();
    if (!before) return undefined;
    if (before.width !== frame.width || before.height !== frame.height) return 'size-change';
    const gap = frame.pts - before.pts;
    if (frame.discontinuity || gap <= 0 || gap > this.#maxGap) return 'discontinuity';
    const change = this.#cuts.judge(before.thumb, thumb);
    if (change !== undefined) return change;
    return isDuplicate(compare(before.thumb, thumb)) ? 'duplicate' : 'interpolate';
  }

  /** Forgets the frame before: the next one starts anew. */
  reset(): void {
    this.#before = undefined;
    this.#cuts.reset();
  }
}

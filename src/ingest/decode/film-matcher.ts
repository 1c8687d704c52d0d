/**
 * Film in video: of each frame one field stays, the other is its own or that of the frame before,
 * whichever belongs to it. With `decoder.ts` an adapter of node-av.
 */
import { AV_FRAME_FLAG_INTERLACED, type Frame as AvFrame, FFmpegError } from 'node-av';
import { detachPlanes } from '../../media/frame.ts';
import type { Columns } from './field-evidence.ts';
import { cloned } from './picture-columns.ts';

/** A frame whose lines still differ by so much more than those of one field is no match: a cut, or video amid film. */
const STILL_COMBED = 1.1;
/** The frame's own field wins unless the other is better by this share. */
const BETTER = 0.95;

/** Levels by which two lines and those of the frame before differ before they tell which fit. */
const DIFFERENT = 12;

/** How a frame's lines fit together: `own` as they are, `before` with the later field of the frame before. */
interface Fit {
  /** Mean difference of neighbouring lines, relative to lines of one field: 0.5 fits, above 1 it is a comb. */
  readonly own: number;
  readonly before: number;
}

/** Compares the two ways to complete the field of a frame that comes first. */
function fitOf(before: Columns, { samples, width, rows }: Columns, firstParity: 0 | 1): Fit {
  let [own, other, within] = [1, 1, 1];
  for (let row = 2 + firstParity; row < rows - 2; row += 2) {
    for (let x = row * width; x < (row + 1) * width; x++) {
      const [above, below] = [samples[x - width] ?? 0, samples[x + width] ?? 0];
      const [pastAbove, pastBelow] = [before.samples[x - width] ?? 0, before.samples[x + width] ?? 0];
      // Where both are alike, both fit.
      if (Math.abs(above - pastAbove) + Math.abs(below - pastBelow) < DIFFERENT) continue;
      const here = 2 * (samples[x] ?? 0);
      own += Math.abs(above + below - here);
      other += Math.abs(pastAbove + pastBelow - here);
      within += Math.abs((samples[x - 2 * width] ?? 0) + (samples[x + 2 * width] ?? 0) - here);
    }
  }
  return { own: own / within, before: other / within };
}

/** How much the field of a frame that comes first differs from that of the frame before, in levels. */
export function fieldChange(before: Columns, { samples, width, rows }: Columns, bottomFirst: boolean): number {
  let sum = 0;
  for (let row = bottomFirst ? 1 : 0; row < rows; row += 2) {
    for (let x = row * width; x < (row + 1) * width; x++) {
      sum += Math.abs((samples[x] ?? 0) - (before.samples[x] ?? 0));
    }
  }
  return (2 * sum) / samples.length;
}

/** Puts the fields of film together again: as many frames as before, one of five a repetition. */
export class FilmMatcher {
  readonly #firstParity: 0 | 1;
  #before: { readonly frame: AvFrame; readonly columns: Columns } | undefined;

  /** @param bottomFirst the lower (odd) lines come first. */
  constructor(bottomFirst: boolean) {
    this.#firstParity = bottomFirst ? 1 : 0;
  }

  /** The film's picture that the frame begins with, the caller's to free. It says that it is interlaced where nothing matched. */
  match(frame: AvFrame, columns: Columns): AvFrame {
    const before = this.#before;
    this.#before = { frame: cloned(frame), columns };
    const picture = cloned(frame);
    try {
      const fit = before ? fitOf(before.columns, columns, this.#firstParity) : { own: 0, before: 1 };
      const taken = fit.before < BETTER * fit.own;
      if (before && taken) this.#takeField(picture, before.frame);
      const combed = Math.min(fit.own, fit.before) > STILL_COMBED;
      if (combed) picture.setFlags(AV_FRAME_FLAG_INTERLACED);
      else picture.clearFlags(AV_FRAME_FLAG_INTERLACED);
      return picture;
    } catch (error) {
      picture.free();
      throw error;
    } finally {
      before?.frame.free();
    }
  }

  /** Frees what it keeps. */
  close(): void {
    this.#before?.frame.free();
    this.#before = undefined;
  }

  /** Copies the lines of the field that comes later, in every plane. */
  #takeField(picture: AvFrame, from: AvFrame): void {
    FFmpegError.throwIfError(picture.makeWritable(), 'no memory for the frame');
    const to = picture.data ?? [];
    const source = from.data ?? [];
    try {
      for (const [p, plane] of to.entries()) {
        const stride = picture.linesize[p] ?? 0;
        const sourceStride = from.linesize[p] ?? 0;
        const sourcePlane = source[p];
        if (!sourcePlane || stride <= 0 || sourceStride <= 0) continue;
        const length = Math.min(stride, sourceStride);
        const rows = Math.min(Math.floor(plane.length / stride), Math.floor(sourcePlane.length / sourceStride));
        for (let row = 1 - this.#firstParity; row < rows; row += 2) {
          sourcePlane.copy(plane, row * stride, row * sourceStride, row * sourceStride + length);
        }
      }
    } finally {
      detachPlanes(to);
      detachPlanes(source);
    }
  }
}

/**
 * How well a frame predicts the next one once motion and a change of brightness are allowed for:
 * what the cut test rests on. Pure.
 */
import { activeCells, type Cells } from './active-cells.ts';
import { Moments } from './moments.ts';
import { CHROMA_HEIGHT, CHROMA_WIDTH, THUMB_WIDTH, type Thumbnail } from './thumbnail.ts';

/** Cells of a tile: smaller ones find a match in any fine texture. */
const TILE_WIDTH = 8;
const TILE_HEIGHT = 6;
/** Cells around a tile that tell with it how brightness changed there. */
const MARGIN_X = 4;
const MARGIN_Y = 3;
/** Search range in cells: ±1/16 of the frame's width, the motion that is still worth interpolating. */
const RANGE = 4;
/** Light changes contrast by no more than this factor from frame to frame. */
const MAX_GAIN = 2.6;
/** Levels that noise may add to a flat tile; keeps ratios of nothing to nothing finite. */
const NOISE = 0.02;
/** A tile that is predicted where it was but for this share of its variance, and this noise, has not moved. */
const STILL = 0.01;
const STILL_NOISE = 0.02;
/** A cell that differs by more levels has changed. */
const CHANGED = 1.5;
/** Share of its cells that must have changed for a tile to count as changed. */
const CHANGED_TILE = 0.25;

/** How a frame follows from the one before. Only the part of the picture that shows something counts. */
export interface Prediction {
  /** Standard deviation and mean of the cells, in levels: of the new frame and of the one before. */
  readonly contrast: number;
  readonly contrastBefore: number;
  readonly mean: number;
  readonly meanBefore: number;
  /** Residual of the tiles, in levels, after the best shift and change of brightness. */
  readonly residual: number;
  /** The same as a share of their deviation from their own mean; 1: the old frame tells nothing. */
  readonly ratio: number;
  /** That share after the best shift alone. */
  readonly movedRatio: number;
  /** Share of the cells that changed. */
  readonly changed: number;
  /** {@link ratio} and {@link movedRatio} of the tiles in which something changed, and the share of these tiles. */
  readonly changedTiles: number;
  readonly changedRatio: number;
  readonly changedMovedRatio: number;
  /** Levels by which the colours differ, wherever they are. */
  readonly colour: number;
  /** Mean distance from grey, in levels, in the more colourful frame. */
  readonly saturation: number;
}

/** Brightness `gain · x + offset`. */
interface Tone {
  readonly gain: number;
  readonly offset: number;
}

/** Compares thumbnails. Keeps tables that are used again for the next pair. */
export class Predictor {
  readonly #before = new Moments();
  readonly #after = new Moments();
  /** Best mean squared residuals of a tile: by shift alone, and with a change of brightness. */
  #moved = 0;
  #relit = 0;

  /** How `b` follows from `a`. */
  predict(a: Thumbnail, b: Thumbnail): Prediction {
    const area = activeCells(a.cells, b.cells);
    const [before, after] = [this.#before, this.#after];
    before.read(a.cells);
    after.read(b.cells);
    const whole = this.#tone(area);
    const spread = { before: Math.sqrt(before.variance), after: Math.sqrt(after.variance) };
    const means = { before: before.mean, after: after.mean };
    const all = { tiles: 0, moved: 0, relit: 0, deviation: 0 };
    const some = { tiles: 0, moved: 0, relit: 0, deviation: 0 };
    for (const tile of tilesOf(area)) {
      this.#match(a.cells, b.cells, tile, area, whole);
      const own = deviation(before, after, tile);
      const sums = changedIn(a.cells, b.cells, tile) > CHANGED_TILE ? [all, some] : [all];
      for (const sum of sums) {
        sum.tiles += 1;
        sum.moved += this.#moved;
        sum.relit += this.#relit;
        sum.deviation += own;
      }
    }
    return {
      ...{ contrast: spread.after, contrastBefore: spread.before, mean: means.after, meanBefore: means.before },
      residual: all.relit / all.tiles,
      ratio: all.relit / (all.deviation + NOISE * all.tiles),
      movedRatio: all.moved / (all.deviation + NOISE * all.tiles),
      changed: changedIn(a.cells, b.cells, area),
      changedTiles: some.tiles / all.tiles,
      changedRatio: some.relit / (some.deviation + NOISE),
      changedMovedRatio: some.moved / (some.deviation + NOISE),
      colour: colourDifference(a, b, whole.gain),
      saturation: Math.max(saturation(a), saturation(b)),
    };
  }

  /** The change of brightness that takes mean and deviation of a rectangle from one frame to the other. */
  #tone(cells: Cells): Tone {
    this.#before.measure(cells);
    this.#after.measure(cells);
    const ratio = Math.sqrt((this.#after.variance + NOISE) / (this.#before.variance + NOISE));
    const gain = Math.max(1 / MAX_GAIN, Math.min(MAX_GAIN, ratio));
    return { gain, offset: this.#after.mean - gain * this.#before.mean };
  }

  /** Looks for a tile of `b` in `a`; leaves what remains in {@link #moved} and {@link #relit}. */
  #match(a: Float32Array, b: Float32Array, tile: Cells, area: Cells, whole: Tone): void {
    const here = this.#tone({
      left: Math.max(area.left, tile.left - MARGIN_X),
      top: Math.max(area.top, tile.top - MARGIN_Y),
      right: Math.min(area.right, tile.right + MARGIN_X),
      bottom: Math.min(area.bottom, tile.bottom + MARGIN_Y),
    });
    this.#after.measure(tile);
    this.#moved = Number.POSITIVE_INFINITY;
    this.#relit = Number.POSITIVE_INFINITY;
    this.#try(a, b, tile, 0, 0, whole, here);
    if (this.#relit > STILL * this.#after.variance + STILL_NOISE) this.#search(a, b, tile, area, whole, here);
    this.#moved = Math.sqrt(Math.max(0, this.#moved));
    this.#relit = Math.sqrt(Math.max(0, this.#relit));
  }

  /** Tries every other shift within range, then those beside the best. */
  #search(a: Float32Array, b: Float32Array, tile: Cells, area: Cells, whole: Tone, here: Tone): void {
    const [firstX, lastX] = [Math.max(-RANGE, area.left - tile.left), Math.min(RANGE, area.right - tile.right)];
    const [firstY, lastY] = [Math.max(-RANGE, area.top - tile.top), Math.min(RANGE, area.bottom - tile.bottom)];
    let [bestX, bestY, best] = [0, 0, this.#relit];
    for (let dy = firstY; dy <= lastY; dy++) {
      for (let dx = firstX; dx <= lastX; dx++) {
        if (((dx + dy) & 1) === 1) continue;
        this.#try(a, b, tile, dx, dy, whole, here);
        if (this.#relit >= best) continue;
        best = this.#relit;
        bestX = dx;
        bestY = dy;
      }
    }
    if (bestX > firstX) this.#try(a, b, tile, bestX - 1, bestY, whole, here);
    if (bestX < lastX) this.#try(a, b, tile, bestX + 1, bestY, whole, here);
    if (bestY > firstY) this.#try(a, b, tile, bestX, bestY - 1, whole, here);
    if (bestY < lastY) this.#try(a, b, tile, bestX, bestY + 1, whole, here);
  }

  /** Lowers the residuals if the tile is better predicted by what lies (dx, dy) from it. */
  #try(a: Float32Array, b: Float32Array, tile: Cells, dx: number, dy: number, whole: Tone, here: Tone): void {
    const [before, after] = [this.#before, this.#after];
    const { left, top, right, bottom } = tile;
    const [width, height] = [right - left, bottom - top];
    before.measureAt(left + dx, top + dy, width, height);
    let sum = 0;
    for (let y = top; y < bottom; y++) {
      const end = y * THUMB_WIDTH + right;
      const shift = dy * THUMB_WIDTH + dx;
      for (let at = end - width; at < end; at++) sum += (b[at] ?? 0) * (a[at + shift] ?? 0);
    }
    const shared = sum / (width * height) - after.mean * before.mean;
    const away = after.mean - before.mean;
    const moved = after.variance + before.variance - 2 * shared + away * away;
    if (moved < this.#moved) this.#moved = moved;
    const relit = Math.min(moved, this.#residual(shared, whole), this.#residual(shared, here));
    if (relit < this.#relit) this.#relit = relit;
  }

  /** Mean square of `b − gain · a − offset` over what was measured last; `shared` is the covariance of `a` and `b`. */
  #residual(shared: number, { gain, offset }: Tone): number {
    const away = this.#after.mean - gain * this.#before.mean - offset;
    return this.#after.variance + gain * gain * this.#before.variance - 2 * gain * shared + away * away;
  }
}

/** Tiles that cover an area; the last ones of a row or column overlap those before. */
function tilesOf({ left, top, right, bottom }: Cells): Cells[] {
  const [width, height] = [Math.min(TILE_WIDTH, right - left), Math.min(TILE_HEIGHT, bottom - top)];
  const tiles: Cells[] = [];
  for (let y = top; y < bottom; y += height) {
    const at = Math.min(y, bottom - height);
    for (let x = left; x < right; x += width) {
      const from = Math.min(x, right - width);
      tiles.push({ left: from, top: at, right: from + width, bottom: at + height });
    }
  }
  return tiles;
}

/**
 * Deviation of a tile from its own mean. A flat tile where the frame before had texture counts for
 * part of that: what became flat is not known from what was there.
 */
function deviation(before: Moments, after: Moments, tile: Cells): number {
  before.measure(tile);
  after.measure(tile);
  return Math.sqrt(Math.max(after.variance, Math.min(before.variance, 4 * after.variance)));
}

/** Share of the cells that changed. */
function changedIn(a: Float32Array, b: Float32Array, { left, top, right, bottom }: Cells): number {
  let changed = 0;
  for (let y = top; y < bottom; y++) {
    for (let at = y * THUMB_WIDTH + left; at < y * THUMB_WIDTH + right; at++) {
      if (Math.abs((b[at] ?? 0) - (a[at] ?? 0)) > CHANGED) changed += 1;
    }
  }
  return changed / ((right - left) * (bottom - top));
}

const bins = new Int32Array(256);

/** Mean distance, in levels, of the colours of two frames, taken in order of size: motion leaves them as they are. */
function colourDifference(a: Thumbnail, b: Thumbnail, gain: number): number {
  const as = (by: number): number => distance(a.u, b.u, by) + distance(a.v, b.v, by);
  return Math.min(as(1), as(gain));
}

function saturation({ u, v }: Thumbnail): number {
  let sum = 0;
  for (let i = 0; i < u.length; i++) sum += Math.abs((u[i] ?? 128) - 128) + Math.abs((v[i] ?? 128) - 128);
  return sum / u.length;
}

/** Earth mover's distance of two histograms; `a` is saturated by `gain` first. */
function distance(a: Float32Array, b: Float32Array, gain: number): number {
  bins.fill(0);
  for (let i = 0; i < CHROMA_WIDTH * CHROMA_HEIGHT; i++) {
    const from = Math.round(128 + gain * ((a[i] ?? 128) - 128));
    const to = Math.round(b[i] ?? 128);
    const [f, t] = [Math.max(0, Math.min(255, from)), to];
    bins[f] = (bins[f] ?? 0) - 1;
    bins[t] = (bins[t] ?? 0) + 1;
  }
  let [carried, work] = [0, 0];
  for (const count of bins) {
    carried += count;
    work += Math.abs(carried);
  }
  return work / (CHROMA_WIDTH * CHROMA_HEIGHT);
}

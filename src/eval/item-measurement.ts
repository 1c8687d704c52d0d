/** All contenders on one item: a clip, or a folder of pictures. */
import { FrameliftError } from '../errors.ts';
import type { Frame } from '../media/frame.ts';
import type { Contender } from './contender.ts';
import type { ContenderRun, Filled } from './contender-run.ts';
import { drawTiles, type Gallery } from './gallery.ts';
import { type Gap, type GapOptions, readGaps, releaseGap } from './gaps.ts';
import type { Item } from './items.ts';
import { countedGaps } from './protocol.ts';
import { meanSquaredError, type Plane, score } from './quality.ts';
import { type GapResult, type ItemReport, itemFigures } from './report.ts';
import { hasRgb, rgbOf, rgbOfI420 } from './rgb.ts';
import { meanRgbScore, type RgbScore, rgbScore } from './rgb-quality.ts';

/** Pictures on a sheet are at most this wide. */
const TILE_WIDTH = 480;
/** First and last gap may turn out not to count. */
const SPARE = 2;

/** A contender, and the extreme cases of its frames over all items. */
export interface Entry {
  readonly contender: Contender;
  readonly worst: Gallery;
  readonly best: Gallery;
  /** Frames had their colour at half the resolution, where it is measured. */
  halvedColour: boolean;
}

/**
 * Has every contender fill the gaps of an item, and judges what comes back. Owns the frames of gaps until everybody has filled
 * them. Runs once.
 */
export class ItemMeasurement implements Disposable {
  readonly #item: Item;
  readonly #entries: readonly Entry[];
  readonly #runs: ItemRun[] = [];
  readonly #cleanup = new DisposableStack();
  /** Gaps that somebody has not filled yet. */
  readonly #open = new Map<number, { readonly gap: Gap; waiting: number }>();
  #size: { readonly width: number; readonly height: number; readonly newFrames: number } | undefined;
  readonly #limits: RgbScore[] = [];
  #seen = 0;

  constructor(item: Item, entries: readonly Entry[]) {
    this.#item = item;
    this.#entries = entries;
  }

  /**
   * Measures the item; undefined when it was stopped. @param onGap called after each gap with how many there were.
   * @throws FrameliftError `source.*`, `engine.failed`.
   */
  async run(
    options: GapOptions,
    signal: AbortSignal | undefined,
    onGap: (gaps: number) => void,
  ): Promise<ItemReport | undefined> {
    for await (const gap of readGaps(this.#item, options)) {
      const entry = { gap, waiting: 0 };
      this.#open.set(gap.index, entry);
      if (signal?.aborted) return undefined;
      if (!this.#size) await this.#begin(gap);
      entry.waiting = this.#runs.length;
      for (const run of this.#runs) this.#judge(run, await run.at.push(gap));
      this.#seen += 1;
      onGap(this.#seen);
    }
    for (const run of this.#runs) this.#judge(run, await run.at.finish());
    for (const run of this.#runs) run.keepCases();
    return this.#report();
  }

  /** Releases the gaps that were not filled. */
  [Symbol.dispose](): void {
    for (const { gap } of this.#open.values()) releaseGap(gap);
    this.#open.clear();
    this.#cleanup.dispose();
  }

  async #begin({ a: { width, height }, timesteps, truths }: Gap): Promise<void> {
    this.#size = { width, height, newFrames: truths.length };
    for (const entry of this.#entries) {
      const run = this.#cleanup.use(await entry.contender.begin(width, height, timesteps));
      this.#runs.push(new ItemRun(entry, run));
    }
  }

  /** Owns the frames of `filled`. */
  #judge(run: ItemRun, filled: readonly Filled[]): void {
    try {
      for (const one of filled) {
        const entry = this.#open.get(one.gap);
        if (!entry) {
          throw new FrameliftError('engine.failed', `${run.entry.contender.id} filled a gap that is not open`);
        }
        run.take(this.#item, entry.gap, one);
        entry.waiting -= 1;
        if (entry.waiting > 0) continue;
        this.#noteLimit(entry.gap);
        this.#open.delete(one.gap);
        releaseGap(entry.gap);
      }
    } finally {
      for (const frame of filled.flatMap((one) => one.frames)) frame.release();
    }
  }

  /** What colour at half the resolution costs the truth of a gap that everybody has filled. */
  #noteLimit({ truths }: Gap): void {
    const item = this.#item;
    if (item.kind !== 'frames' || !item.rgb || !this.#entries.some((entry) => entry.halvedColour)) return;
    for (const truth of truths) this.#limits.push(rgbScore(rgbOfI420(truth), rgbOf(truth), item.rgb));
  }

  #report(): ItemReport {
    const { name, kind } = this.#item;
    if (!this.#size) throw new FrameliftError('source.no-video', `${name} has no gap`);
    const { width, height, newFrames } = this.#size;
    const halvedColour = meanRgbScore(this.#limits);
    const results = this.#runs.map((run) => [run.entry.contender.id, itemFigures(run.ordered)] as const);
    return {
      ...{ name, kind, width, height },
      gaps: countedGaps(Array.from({ length: this.#seen })).length,
      newFramesPerGap: newFrames,
      ...(this.#item.kind === 'frames' && this.#item.split !== undefined ? { split: this.#item.split } : {}),
      ...(halvedColour ? { halvedColour } : {}),
      results: Object.fromEntries(results),
    };
  }
}

/** One contender on one item: its figures and its extreme cases. */
class ItemRun {
  readonly entry: Entry;
  readonly at: ContenderRun;
  readonly #results: GapResult[] = [];
  readonly #worst: Gallery;
  readonly #best: Gallery;

  constructor(entry: Entry, at: ContenderRun) {
    this.entry = entry;
    this.at = at;
    this.#worst = entry.worst.another(SPARE);
    this.#best = entry.best.another(SPARE);
  }

  /** Results in the order of their gaps. */
  get ordered(): GapResult[] {
    return this.#results.toSorted((a, b) => a.gap - b.gap);
  }

  take(item: Item, gap: Gap, { frames, ms }: Filled): void {
    const truths = gap.truths.map(luma);
    const scores = frames.map((frame, k) => score(luma(frame), truths[k] ?? luma(gap.a)));
    const colours = this.#colours(item, gap, frames);
    this.#results.push({ gap: gap.index, scores, ms, ...noiseOf(gap, frames, truths), ...colours });
    for (const [k, figures] of scores.entries()) {
      const [result, truth] = [frames[k], truths[k]];
      if (!result || !truth) continue;
      const draw = () =>
        drawTiles({ before: luma(gap.a), after: luma(gap.b), truth, result: luma(result) }, TILE_WIDTH);
      const t = gap.timesteps[k] ?? 0.5;
      const entry = { contender: this.entry.contender.id, item: item.name, gap: gap.index, t, score: figures };
      this.#worst.offer(entry, draw);
      this.#best.offer(entry, draw);
    }
  }

  /** Figures in colour, of an item that is measured so. */
  #colours(item: Item, { truths }: Gap, frames: readonly Frame[]): { rgb?: readonly RgbScore[] } {
    if (item.kind !== 'frames' || !item.rgb) return {};
    const { rgb: kind } = item;
    if (!frames.every(hasRgb)) this.entry.halvedColour = true;
    return { rgb: frames.flatMap((frame, k) => (truths[k] ? rgbScore(rgbOf(frame), rgbOf(truths[k]), kind) : [])) };
  }

  /** Hands the cases on whose gaps count. */
  keepCases(): void {
    const counted = new Set(countedGaps(this.ordered).map((one) => one.gap));
    this.entry.worst.merge(this.#worst, (one) => counted.has(one.gap));
    this.entry.best.merge(this.#best, (one) => counted.has(one.gap));
  }
}

/** Error power of interpolated frames over the noise power of the frames beside them; nothing where the truth is the clip itself or there is no noise. */
function noiseOf(gap: Gap, frames: readonly Frame[], truths: readonly Plane[]): { noise?: number } {
  if (!gap.ends) return {};
  const [start, end] = gap.ends;
  const given = (meanSquaredError(luma(gap.a), luma(start)) + meanSquaredError(luma(gap.b), luma(end))) / 2;
  if (given === 0) return {};
  const made = frames.reduce((sum, frame, k) => sum + meanSquaredError(luma(frame), truths[k] ?? luma(start)), 0);
  return { noise: made / frames.length / given };
}

function luma(frame: Frame): Plane {
  const { layout } = frame;
  return {
    data: frame.bytes.subarray(layout.y, layout.u),
    width: layout.width,
    height: layout.height,
    stride: layout.strideY,
  };
}

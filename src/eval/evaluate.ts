/** Measures interpolation quality: frames are removed, interpolated by each contender, and compared with the removed ones. */

import { FrameliftError } from '../errors.ts';
import { Arena } from '../media/arena.ts';
import type { Frame } from '../media/frame.ts';
import { type Clock, systemClock } from '../time.ts';
import { type Contender, type ContenderRun, checkBaseline, type Filled, startContender } from './contender.ts';
import { type Case, drawTiles, type Extreme, Gallery } from './gallery.ts';
import { type Gap, type GapOptions, readGaps, releaseGap } from './gaps.ts';
import { findItems, type Item } from './items.ts';
import { checkFactor, checkWhole, countedGaps } from './protocol.ts';
import { meanSquaredError, type Plane, score } from './quality.ts';
import { type EvalReport, type GapResult, type ItemReport, itemFigures, meanFigures } from './report.ts';
import { sheetFormat, writeSheet } from './sheet.ts';

/** Options of {@link evaluate}. */
export interface EvalOptions {
  /** Frame folders, clips, or folders of them. */
  readonly paths: readonly string[];
  /** Model ids, .onnx files or reference models. */
  readonly models: readonly string[];
  /** `repeat`, `blend`, `search`, `minterpolate`. */
  readonly baselines: readonly string[];
  /** Clips: of so many frames one is kept. Default 2. */
  readonly factor?: number | undefined;
  /** Clips: frames read at most. Default 41. */
  readonly frames?: number | undefined;
  /** Clips: lines at most. Default 480. */
  readonly height?: number | undefined;
  /** A clip, or a folder of clips, whose frames stand for the removed ones. */
  readonly truth?: string | undefined;
  /** Where to write a contact sheet of the worst cases, .png or .jpg. */
  readonly sheet?: string | undefined;
  /** Cases of each contender on the sheet. Default 4. */
  readonly worst?: number | undefined;
  /** Threads of one inference. */
  readonly threads?: number | undefined;
  /** Stops early: the report then holds the items that were finished. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Where pictures are held. Default: an arena of its own. */
  readonly arena?: Arena;
  readonly onProgress?: (progress: EvalProgress) => void;
  /** Given the best and the worst cases of all contenders, for pictures of one's own. */
  readonly onCases?: (cases: Readonly<Record<Extreme, readonly Case[]>>) => Promise<void>;
}

/** How far an evaluation is. */
interface EvalProgress {
  /** Gaps done and in all; clips that are shorter than wished jump ahead at their end. */
  readonly done: number;
  readonly total: number;
  /** The item at work. */
  readonly item: string;
}

/** Address space, not memory: pages are touched on first use. */
const ARENA_MB = 2048;
/** Pictures on a sheet are at most this wide. */
const TILE_WIDTH = 480;
/** First and last gap may turn out not to count. */
const SPARE = 2;

/**
 * Measures all contenders on all items.
 * @throws FrameliftError `config.invalid` for options and inputs that cannot be measured, `source.*`, `model.*`, `engine.failed`, `ffmpeg.failed`.
 */
export async function evaluate(options: EvalOptions): Promise<EvalReport> {
  const { clock = systemClock, threads, worst = 4 } = options;
  const protocol = {
    factor: checkFactor(options.factor ?? 2),
    frames: checkWhole('frames', options.frames ?? 41, 3, 1_000_000),
    height: checkWhole('height', options.height ?? 480, 16, 4320),
    samples: 'luma; RGB pictures as BT.601 full-range luma',
    edges: 'the first and the last gap of a clip count only when it has at most 6',
  };
  checkWhole('worst', worst, 1, 100);
  if (options.sheet !== undefined) sheetFormat(options.sheet);
  const names = contenderNames(options);
  const items = findItems(options.paths, options.truth);
  const arena = options.arena ?? new Arena(ARENA_MB);
  await using stack = new AsyncDisposableStack();
  const entries: Entry[] = [];
  const kept = options.sheet === undefined && !options.onCases ? 0 : worst;
  for (const name of names) {
    const contender = stack.use(await startContender(name, { arena, clock, threads }));
    if (entries.some((entry) => entry.contender.id === contender.id)) throw twice(contender.id);
    entries.push({
      contender,
      worst: new Gallery(kept, 'worst'),
      best: new Gallery(options.onCases ? kept : 0, 'best'),
    });
  }
  const reports: ItemReport[] = [];
  const slots = items.map((item) => (item.kind === 'clip' ? Math.floor((protocol.frames - 1) / protocol.factor) : 1));
  const total = slots.reduce((sum, slot) => sum + slot, 0);
  let done = 0;
  for (const [i, item] of items.entries()) {
    const report = await measure(item, { ...protocol, arena, clock }, entries, options.signal, (gaps) =>
      options.onProgress?.({ done: done + gaps, total, item: item.name }),
    );
    if (!report) break;
    reports.push(report);
    done += slots[i] ?? 0;
    options.onProgress?.({ done, total, item: item.name });
  }
  const worstCases = entries.flatMap((entry) => entry.worst.cases);
  if (options.sheet !== undefined && worstCases.length > 0) await writeSheet(options.sheet, worstCases);
  await options.onCases?.({ worst: worstCases, best: entries.flatMap((entry) => entry.best.cases) });
  return {
    protocol,
    contenders: entries.map(({ contender: { id, kind, sha256 } }) => ({
      id,
      kind,
      sha256,
      mean: meanFigures(reports.flatMap((report) => report.results[id] ?? [])),
    })),
    items: reports,
    interrupted: reports.length < items.length,
  };
}

interface Entry {
  readonly contender: Contender;
  readonly worst: Gallery;
  readonly best: Gallery;
}

function contenderNames({ models, baselines }: EvalOptions): string[] {
  const names = [...models, ...baselines.map(checkBaseline)];
  if (names.length > 0) return [...new Set(names)];
  throw new FrameliftError('config.invalid', 'there is nobody to measure', {
    remedy: 'Name contenders, such as --model flow-s --baseline blend.',
  });
}

function twice(id: string): FrameliftError {
  return new FrameliftError('config.invalid', `two models are called "${id}"`, {
    remedy: 'Rename one of the files, or measure them one after the other.',
  });
}

/** All contenders on one item; undefined when it was stopped. */
async function measure(
  item: Item,
  options: GapOptions,
  entries: readonly Entry[],
  signal: AbortSignal | undefined,
  onGap: (gaps: number) => void,
): Promise<ItemReport | undefined> {
  /** Gaps that somebody has not filled yet. */
  const open = new Map<number, { readonly gap: Gap; waiting: number }>();
  const runs: ItemRun[] = [];
  using cleanup = new DisposableStack();
  cleanup.defer(() => {
    for (const { gap } of open.values()) releaseGap(gap);
  });
  let size: { width: number; height: number; newFrames: number } | undefined;
  let seen = 0;

  const judge = (run: ItemRun, filled: readonly Filled[]): void => {
    try {
      for (const one of filled) {
        const entry = open.get(one.gap);
        if (!entry)
          throw new FrameliftError('engine.failed', `${run.entry.contender.id} filled a gap that is not open`);
        run.take(item, entry.gap, one);
        entry.waiting -= 1;
        if (entry.waiting > 0) continue;
        open.delete(one.gap);
        releaseGap(entry.gap);
      }
    } finally {
      for (const frame of filled.flatMap((one) => one.frames)) frame.release();
    }
  };

  for await (const gap of readGaps(item, options)) {
    const { width, height } = gap.a;
    const entry = { gap, waiting: 0 };
    open.set(gap.index, entry);
    if (signal?.aborted) return undefined;
    if (!size) {
      size = { width, height, newFrames: gap.truths.length };
      for (const one of entries) {
        runs.push(new ItemRun(one, cleanup.use(await one.contender.begin(width, height, gap.timesteps))));
      }
    }
    entry.waiting = runs.length;
    for (const run of runs) judge(run, await run.at.push(gap));
    seen += 1;
    onGap(seen);
  }
  for (const run of runs) judge(run, await run.at.finish());
  if (!size) throw new FrameliftError('source.no-video', `${item.name} has no gap`);
  for (const run of runs) run.keepCases();
  const results = runs.map((run) => [run.entry.contender.id, itemFigures(run.ordered)] as const);
  return {
    name: item.name,
    kind: item.kind,
    width: size.width,
    height: size.height,
    gaps: countedGaps(Array.from({ length: seen })).length,
    newFramesPerGap: size.newFrames,
    results: Object.fromEntries(results),
  };
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
    this.#results.push({ gap: gap.index, scores, ms, ...noiseOf(gap, frames, truths) });
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

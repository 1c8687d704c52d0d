/** Measures interpolation quality: frames are removed, interpolated by each contender, and compared with the removed ones. */

import { FrameliftError } from '../errors.ts';
import { Arena } from '../media/arena.ts';
import type { LookaheadChoice } from '../pairing/neighbours.ts';
import { type Clock, systemClock } from '../time.ts';
import { checkBaseline, startContender } from './contender.ts';
import { type Case, type Extreme, Gallery } from './gallery.ts';
import type { GapOptions } from './gaps.ts';
import { type Entry, ItemMeasurement } from './item-measurement.ts';
import { type Found, findItems, type Item } from './items.ts';
import { loadJimp } from './png.ts';
import { checkFactor, checkWhole } from './protocol.ts';
import { colourNote, type EvalReport, type Figures, type ItemReport, meanFigures, type Protocol } from './report.ts';
import { findSet, type SetName } from './set/sets.ts';
import { sheetFormat, writeSheet } from './sheet.ts';

/** Options of {@link evaluate}. */
export interface EvalOptions {
  /** Frame folders, clips, or folders of them; with `set` the one folder of the set. */
  readonly paths: readonly string[];
  /** A published set: its layout, parts and units. */
  readonly set?: SetName | undefined;
  /** Parts of the set. Default: all. */
  readonly split?: readonly string[] | undefined;
  /** Model ids, .onnx files or reference models. */
  readonly models: readonly string[];
  /** `repeat`, `blend`, `search`, `minterpolate`. */
  readonly baselines: readonly string[];
  /** Clips: every Nth frame is kept. Default 2. */
  readonly factor?: number | undefined;
  /** Clips: at most this many frames are read. Default 41. */
  readonly frames?: number | undefined;
  /** Clips: lines at most. Default 480. */
  readonly height?: number | undefined;
  /** `on`: networks may look at the gap after, too, as in files; `off`: as live. Default `off`. */
  readonly lookahead?: LookaheadChoice | undefined;
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
/** Cases of each contender on the sheet. */
const DEFAULT_WORST = 4;

/**
 * Measures all contenders on all items.
 * @throws FrameliftError `config.invalid` for options and inputs that cannot be measured, `source.*`, `model.*`, `engine.failed`, `ffmpeg.failed`.
 */
export async function evaluate(options: EvalOptions): Promise<EvalReport> {
  const { clock = systemClock } = options;
  const clips = protocolOf(options);
  checkWhole('worst', options.worst ?? DEFAULT_WORST, 1, 100);
  if (options.sheet !== undefined) {
    sheetFormat(options.sheet);
    // Now rather than after all the work.
    await loadJimp();
  }
  const names = contenderNames(options);
  const { items, notes: left, protocol } = await whatToMeasure(options, clips);
  const notes = [...left];
  const arena = options.arena ?? new Arena(ARENA_MB);
  await using stack = new AsyncDisposableStack();
  const entries = await startEntries(names, options, arena, clock, stack);
  const measured = await measureAll(items, { ...clips, arena, clock }, entries, options, notes);
  const reports = measured.filter((report) => report !== 'failed');
  const worst = entries.flatMap((entry) => entry.worst.cases);
  if (options.sheet !== undefined && worst.length > 0) await writeSheet(options.sheet, worst);
  const halved = entries.filter((entry) => entry.halvedColour).map((entry) => entry.contender.id);
  const colour = colourNote(reports, halved);
  if (colour !== undefined) notes.push(colour);
  for (const { contender: one } of entries.filter(({ contender }) => contender.scale > 1)) {
    notes.push(
      `${one.id} enlarges: it was given frames 1/${one.scale} as large each way (bicubic), the others those of the whole size`,
    );
  }
  await options.onCases?.({ worst, best: entries.flatMap((entry) => entry.best.cases) });
  return {
    protocol,
    contenders: entries.map(({ contender: { id, kind, sha256 } }) => ({
      id,
      kind,
      sha256,
      mean: meanFigures(reports.flatMap((report) => report.results[id] ?? [])),
      ...('set' in protocol ? { splits: splitMeans(id, protocol.splits, reports) } : {}),
    })),
    items: reports,
    notes,
    interrupted: measured.length < items.length,
  };
}

/** What is measured, and by which rules. */
async function whatToMeasure(
  options: EvalOptions,
  clips: Protocol,
): Promise<Found & { readonly protocol: EvalReport['protocol'] }> {
  const { set, split = [], paths, truth } = options;
  if (set === undefined) {
    if (split.length > 0) throw new FrameliftError('config.invalid', '--split names a part of a --set');
    return { ...(await findItems(paths, truth)), protocol: clips };
  }
  const [folder, ...more] = paths;
  if (folder === undefined || more.length > 0) {
    throw new FrameliftError('config.invalid', `--set ${set} is measured in one folder, not ${paths.length}`);
  }
  for (const name of OF_CLIPS) {
    if (options[name] === undefined) continue;
    throw new FrameliftError('config.invalid', `--${name} is for clips; the set ${set} says itself what is measured`);
  }
  return findSet(set, folder, split);
}

/** Options that a set decides itself. */
const OF_CLIPS = ['factor', 'frames', 'height', 'truth'] as const;

function splitMeans(
  id: string,
  splits: readonly string[],
  reports: readonly ItemReport[],
): Readonly<Record<string, Figures | null>> {
  const of = (split: string): Figures | null =>
    meanFigures(reports.filter((report) => report.split === split).flatMap((report) => report.results[id] ?? []));
  return Object.fromEntries(splits.map((split) => [split, of(split)]));
}

/** How clips are measured. @throws FrameliftError `config.invalid`. */
function protocolOf({ factor = 2, frames = 41, height = 480, lookahead = 'off' }: EvalOptions): Protocol {
  return {
    factor: checkFactor(factor),
    frames: checkWhole('frames', frames, 3, 1_000_000),
    height: checkWhole('height', height, 16, 4320),
    lookahead,
    samples: 'luma; RGB pictures as BT.601 full-range luma',
    edges: 'the first and the last gap of a clip count only when it has at most 6',
  };
}

/** Starts the contenders; `stack` closes them. */
async function startEntries(
  names: readonly string[],
  { sheet, onCases, worst = DEFAULT_WORST, threads, lookahead }: EvalOptions,
  arena: Arena,
  clock: Clock,
  stack: AsyncDisposableStack,
): Promise<Entry[]> {
  const kept = sheet === undefined && !onCases ? 0 : worst;
  const entries: Entry[] = [];
  const lookAhead = lookahead === 'on';
  for (const name of names) {
    const contender = stack.use(await startContender(name, { arena, clock, threads, lookAhead }));
    if (entries.some((entry) => entry.contender.id === contender.id)) throw twice(contender.id);
    const best = new Gallery(onCases ? kept : 0, 'best');
    entries.push({ contender, worst: new Gallery(kept, 'worst'), best, halvedColour: false });
  }
  return entries;
}

/** Measures one item after the other; fewer than there are when it was stopped. */
async function measureAll(
  items: readonly Item[],
  options: GapOptions,
  entries: readonly Entry[],
  { signal, onProgress }: Pick<EvalOptions, 'signal' | 'onProgress'>,
  notes: string[],
): Promise<(ItemReport | 'failed')[]> {
  const gaps = items.map(({ kind }) => (kind === 'clip' ? Math.floor((options.frames - 1) / options.factor) : 1));
  const total = gaps.reduce((sum, count) => sum + count, 0);
  const reports: (ItemReport | 'failed')[] = [];
  let done = 0;
  for (const [i, item] of items.entries()) {
    using measurement = new ItemMeasurement(item, entries);
    const seen = (gaps: number): void => onProgress?.({ done: done + gaps, total, item: item.name });
    const report = await measurement.run(options, signal, seen).catch((error: unknown) => {
      if (items.length === 1 || !isItsOwn(item, error)) throw error;
      notes.push(`not measured: ${error.message}`);
      return 'failed' as const;
    });
    if (!report) break;
    reports.push(report);
    done += gaps[i] ?? 0;
    onProgress?.({ done, total, item: item.name });
  }
  return reports;
}

/** Whether an error is of a clip that was only found in a folder, beside others that can be measured. */
function isItsOwn(item: Item, error: unknown): error is FrameliftError {
  const alone = item.kind === 'clip' && item.found === true && item.truth === undefined;
  return alone && error instanceof FrameliftError && /^(source\.|decode\.|config\.invalid)/.test(error.code);
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

/** What an evaluation gives: figures for each item and contender, and their means; as data and as a table. Pure. */

import type { LookaheadChoice } from '../pairing/neighbours.ts';
import { countedGaps } from './protocol.ts';
import { mean, median, type Score } from './quality.ts';
import { meanRgbScore, type RgbScore } from './rgb-quality.ts';
import type { SetProtocol } from './set/sets.ts';

/** What one contender made of one gap. */
export interface GapResult {
  readonly gap: number;
  /** One for each interpolated frame. */
  readonly scores: readonly Score[];
  /** The same in colour, of published sets. */
  readonly rgb?: readonly RgbScore[];
  /** Milliseconds for each interpolated frame. */
  readonly ms: number;
  /** With another clip as truth: error power of the interpolated frames over the noise power of the two given ones. */
  readonly noise?: number;
}

/** Mean figures of a contender. */
export interface Figures extends Score {
  /** In colour; only of published sets (`--set`). */
  readonly rgb?: RgbScore;
  /** Milliseconds for each interpolated frame: the median over the gaps of an item, the mean over items. */
  readonly msPerNewFrame: number;
  /** Mean squared error of the interpolated frames against the clean truth, over that of the given frames beside them: 1 = as noisy as the input. Only with --truth. */
  readonly errorOverNoise?: number;
}

/** Figures of one item. */
export interface ItemReport {
  readonly name: string;
  readonly kind: 'frames' | 'clip';
  /** The size at which it was measured. */
  readonly width: number;
  readonly height: number;
  /** Gaps that count, and interpolated frames in each. */
  readonly gaps: number;
  readonly newFramesPerGap: number;
  /** Part of a published set. */
  readonly split?: string;
  /** What the truth itself reaches once its colour is stored at half the resolution (I420); where a contender's frames were so. */
  readonly halvedColour?: RgbScore;
  /** By contender. */
  readonly results: Readonly<Record<string, Figures>>;
}

/** Figures of one contender. */
interface ContenderReport {
  readonly id: string;
  readonly kind: 'model' | 'baseline';
  /** Of the model's file; null without one. */
  readonly sha256: string | null;
  /** Mean over items; null when none was finished. */
  readonly mean: Figures | null;
  /** The same for each part of a published set. */
  readonly splits?: Readonly<Record<string, Figures | null>>;
}

/** The rules that were applied to clips and folders of frames. */
export interface Protocol {
  /** Clips: of so many frames one was kept. */
  readonly factor: number;
  /** Clips: frames read at most. */
  readonly frames: number;
  /** Clips: lines at most. */
  readonly height: number;
  /** Whether networks may look at the gap after the one that they fill, as in files, or only at the one before, as live. */
  readonly lookahead: LookaheadChoice;
  readonly samples: string;
  readonly edges: string;
}

/** The result of an evaluation. */
export interface EvalReport {
  readonly protocol: Protocol | SetProtocol;
  readonly contenders: readonly ContenderReport[];
  readonly items: readonly ItemReport[];
  /** What was found and not measured, a sentence each. */
  readonly notes: readonly string[];
  /** True when it was stopped: `items` holds those that were finished. */
  readonly interrupted: boolean;
}

/** Figures of an item from its gaps in order: the mean over the interpolated frames of those that count. */
export function itemFigures(gaps: readonly GapResult[]): Figures {
  const counted = countedGaps(gaps);
  const scores = counted.flatMap((gap) => gap.scores);
  const noise = counted.flatMap((gap) => gap.noise ?? []);
  return {
    ...meanScore(scores),
    ...withRgb(counted.flatMap((gap) => gap.rgb ?? [])),
    msPerNewFrame: median(counted.map((gap) => gap.ms)),
    ...(noise.length > 0 ? { errorOverNoise: mean(noise) } : {}),
  };
}

/** Mean over items; null when there are none. */
export function meanFigures(items: readonly Figures[]): Figures | null {
  if (items.length === 0) return null;
  const noise = items.flatMap((figures) => figures.errorOverNoise ?? []);
  return {
    ...meanScore(items),
    ...withRgb(items.flatMap((figures) => figures.rgb ?? [])),
    msPerNewFrame: mean(items.map((figures) => figures.msPerNewFrame)),
    ...(noise.length > 0 ? { errorOverNoise: mean(noise) } : {}),
  };
}

function meanScore(scores: readonly Score[]): Score {
  return {
    psnr: mean(scores.map((one) => one.psnr)),
    ssim: mean(scores.map((one) => one.ssim)),
    ie: mean(scores.map((one) => one.ie)),
  };
}

function withRgb(scores: readonly RgbScore[]): { rgb?: RgbScore } {
  const rgb = meanRgbScore(scores);
  return rgb ? { rgb } : {};
}

/** What the truth of a set reaches, colour at half the resolution: a sentence; undefined where nobody's colour was so. */
export function colourNote(items: readonly ItemReport[], contenders: readonly string[]): string | undefined {
  const rgb = meanRgbScore(items.flatMap((item) => item.halvedColour ?? []));
  if (!rgb) return undefined;
  return (
    `frames of ${contenders.join(', ')} have colour at half the resolution (4:2:0): the truth so stored would have ` +
    `PSNR-RGB ${rgb.psnr.toFixed(2)}, SSIM-RGB ${rgb.ssim.toFixed(4)}, MAE-RGB ${rgb.mae.toFixed(2)}`
  );
}

/** More items than this are too many rows to read: the table then shows the mean alone. */
const MAX_ROWS = 40;

/** The report as a table: a row for each item and the mean, columns for each contender; of published sets in colour, and a mean for each part. */
export function evalTable({ protocol, contenders, items, notes }: EvalReport): string {
  const rows = items.length > MAX_ROWS ? [] : items;
  const parts = 'set' in protocol ? protocol.splits : [];
  const noisy = contenders.some((one) => one.mean?.errorOverNoise !== undefined);
  const coloured = 'set' in protocol;
  const names = coloured ? ['PSNR-RGB', 'SSIM-RGB', 'MAE-RGB'] : ['PSNR', 'SSIM'];
  const figures = [...names, 'IE', 'ms', ...(noisy ? ['e/n'] : [])];
  const cells = (of: Figures | null | undefined): string[] => {
    if (!of) return figures.map(() => 'n/a');
    const { psnr = of.psnr, ssim = of.ssim, mae } = of.rgb ?? {};
    const first = [psnr.toFixed(2), ssim.toFixed(4), ...(coloured ? [mae?.toFixed(2) ?? 'n/a'] : [])];
    const fixed = [...first, of.ie.toFixed(2), of.msPerNewFrame.toFixed(1)];
    return noisy ? [...fixed, of.errorOverNoise?.toFixed(2) ?? 'n/a'] : fixed;
  };
  const lines = [
    ['', ...contenders.flatMap(({ id }) => [id, ...figures.slice(1).map(() => '')])],
    ['item', ...contenders.flatMap(() => figures)],
    ...rows.map((item) => [item.name, ...contenders.flatMap(({ id }) => cells(item.results[id]))]),
    ...(parts.length > 1
      ? parts.map((part) => [`mean of ${part}`, ...contenders.flatMap((one) => cells(one.splits?.[part]))])
      : []),
    [`mean of ${items.length}`, ...contenders.flatMap((one) => cells(one.mean))],
  ];
  // The ids stand over their first column and may reach over the next ones.
  const widths = (lines[1] ?? []).map((_, i) => Math.max(...lines.slice(1).map((line) => line[i]?.length ?? 0), 4));
  const group = figures.length;
  const head = contenders.map(({ id }, c) => {
    const width = widths.slice(1 + c * group, 1 + (c + 1) * group).reduce((sum, w) => sum + w + 2, 0);
    return `  ${id}`.padEnd(width).slice(0, Math.max(width, 4));
  });
  const body = lines
    .slice(1)
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : `  ${cell.padStart(widths[i] ?? 0)}`)).join(''),
    );
  const hidden = items.length > MAX_ROWS ? `\n(${items.length} items: --json gives the figures of each)` : '';
  return `${[' '.repeat(widths[0] ?? 0) + head.join(''), ...body].map((line) => line.trimEnd()).join('\n')}${hidden}${notes.map((note) => `\nnote: ${note}`).join('')}`;
}

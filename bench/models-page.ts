/** docs/models.md as text, made of docs/models.json and the manifest. Pure. */
import type { Figures } from '../src/eval/report.ts';

/** What is measured of each model, in the order of the columns. */
export const CONDITIONS = [
  { key: 'natural2', title: 'natural 2×', clips: 'natural', factor: 2 },
  { key: 'natural8', title: 'natural 8×', clips: 'natural', factor: 8 },
  { key: 'clean2', title: 'phantom clean 2×', clips: 'clean', factor: 2 },
  { key: 'clean4', title: 'phantom clean 4×', clips: 'clean', factor: 4 },
  { key: 'noisy2', title: 'phantom noisy 2×', clips: 'noisy', factor: 2 },
  { key: 'noisy4', title: 'phantom noisy 4×', clips: 'noisy', factor: 4 },
] as const;

/** Kinds of clips: a table each. */
const CLIPS = ['natural', 'clean', 'noisy'] as const;

/** Sizes at which time is measured. */
export const SIZES = ['640x360', '1280x720'] as const;

/** Everything measured of one model or baseline. */
export interface ModelEntry {
  readonly id: string;
  /** Of the file that was measured; null without one. */
  readonly sha256: string | null;
  /** Frames read of each clip. */
  readonly frames: number;
  /** By {@link CONDITIONS}: mean figures, and of how many clips. */
  readonly conditions: Readonly<Record<string, { readonly figures: Figures; readonly clips: number }>>;
  /** Milliseconds for an interpolated frame by {@link SIZES}. */
  readonly ms: Readonly<Record<string, number>>;
  readonly machine: string;
  /** File names of the contact sheets, beside the page in `models/`. */
  readonly pictures: { readonly good: string; readonly bad: string } | null;
}

/** The raw results: docs/models.json. */
export interface ModelsData {
  readonly entries: readonly ModelEntry[];
}

/** What the manifest tells of a model; baselines have neither file nor network. */
export interface ListedModel {
  readonly id: string;
  readonly sha256: string | null;
  readonly parameters: number | null;
  /** Multiplications and additions, counted as one, for a pair at 1280×720. */
  readonly macs720p: number | null;
  /** How many times as large what it makes is. Absent: once. */
  readonly scale?: number;
}

/** The results with one model measured anew. */
export function withEntry(data: ModelsData, entry: ModelEntry): ModelsData {
  return { entries: [...data.entries.filter((one) => one.id !== entry.id), entry] };
}

/** A count in thousands, millions or thousand millions: 223.7 k, 1.03 G. */
export function shortCount(count: number | null): string {
  if (count === null) return '–';
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (count >= size) return `${(count / size).toPrecision(3)} ${unit}`;
  }
  return String(count);
}

/** The page. Models are listed in the order of `listed`; those without results say so. */
export function modelsPage(data: ModelsData, listed: readonly ListedModel[]): string {
  const entries = listed.flatMap((model) => data.entries.find((entry) => entry.id === model.id) ?? []);
  const stale = listed.filter((model) => {
    const entry = entries.find((one) => one.id === model.id);
    return entry && entry.sha256 !== model.sha256;
  });
  return [
    '# Models',
    '',
    '<!-- Made by npm run docs:models from docs/models.json. Do not edit: write models.json anew. -->',
    '',
    'Every model of the manifest and the baselines, measured by one rule.',
    '',
    '## Cost',
    '',
    ...table(['model', 'parameters', 'MACs', ...SIZES.map((size) => `ms ${size}`)], listed, (model) =>
      cost(model, entries),
    ),
    '',
    '## Quality',
    '',
    'PSNR (dB) / SSIM / IE (grey levels), luma, mean over clips; the best PSNR of a column is bold. In the noisy',
    'columns the fourth figure is the error power of the interpolated frames over the noise power of the given frames',
    'beside them.',
    '',
    ...CLIPS.flatMap((clips) => [...qualityTable(clips, listed, entries), '']),
    ...stale.map(
      (model) => `**${model.id} has another file now than was measured:** run \`--only ${model.id}\` again.\n`,
    ),
    ...notes(entries, listed),
    '## Measure again',
    '',
    '    npm run docs:models -- --val <folder of clips> --phantom <folder of clips>',
    '    npm run docs:models -- --val <folder of clips> --phantom <folder of clips> --only flow-s',
    '    npm run docs:models -- --render-only',
    '',
    'The phantom clips are rendered by `python3 -m training.phantom.evaluate --write <folder>` in `models/`.',
    '',
    '## Good and bad cases',
    '',
    'The interpolated frame nearest to the truth and the one furthest from it, of each model: the two given frames,',
    'the truth, the result, and four times the absolute difference.',
    '',
    ...entries.flatMap(({ id, pictures }) =>
      pictures
        ? [`### ${id}`, `![${id}, good](models/${pictures.good})`, `![${id}, bad](models/${pictures.bad})`, '']
        : [],
    ),
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}

/** A table with a row for each model. */
function table(
  head: readonly string[],
  listed: readonly ListedModel[],
  cells: (model: ListedModel) => readonly string[],
): string[] {
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  const rows = listed.map((model) => line([model.id, ...cells(model)]));
  return [line(head), `|---|${'---:|'.repeat(head.length - 1)}`, ...rows];
}

function cost(model: ListedModel, entries: readonly ModelEntry[]): string[] {
  const entry = entries.find((one) => one.id === model.id);
  const times = SIZES.map((size) => entry?.ms[size]?.toFixed(1) ?? 'n/a');
  return [shortCount(model.parameters), shortCount(model.macs720p), ...times];
}

function qualityTable(
  clips: (typeof CLIPS)[number],
  listed: readonly ListedModel[],
  entries: readonly ModelEntry[],
): string[] {
  const conditions = CONDITIONS.filter((condition) => condition.clips === clips);
  const best = ({ key }: { readonly key: string }): number =>
    Math.max(...entries.map((entry) => entry.conditions[key]?.figures.psnr ?? 0));
  return table(['model', ...conditions.map(({ title }) => title)], listed, (model) => {
    const entry = entries.find((one) => one.id === model.id);
    return conditions.map((condition) => quality(entry?.conditions[condition.key]?.figures, best(condition)));
  });
}

function quality(figures: Figures | undefined, best: number): string {
  if (!figures) return 'n/a';
  const psnr = figures.psnr.toFixed(2);
  const rest = [figures.ssim.toFixed(4), figures.ie.toFixed(2)];
  if (figures.errorOverNoise !== undefined) rest.push(figures.errorOverNoise.toFixed(2));
  return [figures.psnr >= best ? `**${psnr}**` : psnr, ...rest].join(' / ');
}

/** How it was measured; where models were measured differently, each way with its models. */
function notes(entries: readonly ModelEntry[], listed: readonly ListedModel[]): string[] {
  const ways = new Map<string, string[]>();
  for (const entry of entries) {
    const clips = CONDITIONS.flatMap(({ key, title }) => {
      const count = entry.conditions[key]?.clips;
      return count === undefined ? [] : [`${title}: ${count}`];
    });
    const way = `at most ${entry.frames} frames of each clip;\n  clips: ${clips.slice(0, 2).join(', ')},\n  ${clips.slice(2).join(', ')};\n  times: ${entry.machine}`;
    ways.set(way, [...(ways.get(way) ?? []), entry.id]);
  }
  const lines = [...ways].map(([way, ids]) => `- ${ways.size > 1 ? `${ids.join(', ')}: ` : ''}${way}.`);
  return [
    'At 2×, 4× and 8× every second, fourth and eighth frame of a clip is kept; the removed ones are interpolated and',
    'compared. With more than six gaps the first and the last do not count. Natural clips are scaled to 480 lines at',
    'most. Phantom clean: clean frames given, clean truth. Phantom noisy: noisy frames given, clean truth; at 4×',
    'without clips of which fewer than five frames a second would be left. MACs are for a pair at 1280×720. Times are',
    'for one frame at t = ½ of a drawn clip, from the call to the frame, median; of minterpolate, its share of an',
    'ffmpeg run.',
    ...listed.flatMap(({ id, scale }) =>
      scale === undefined ? [] : [`${id} was given pictures 1/${scale} as large, and measured at the whole size.`],
    ),
    '',
    ...lines,
    '',
  ];
}

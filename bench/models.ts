/** `npm run docs:models`: measures all models and writes docs/models.json, docs/models.md and the pictures beside it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FrameliftError } from '../src/errors.ts';
import { evaluate } from '../src/eval/evaluate.ts';
import type { Case } from '../src/eval/gallery.ts';
import type { Figures } from '../src/eval/report.ts';
import { writeSheet } from '../src/eval/sheet.ts';
import { openVideoFile } from '../src/ingest/file/video-file.ts';
import { resolveModel } from '../src/interp/models/manifest.ts';
import { Arena } from '../src/media/arena.ts';
import { noEvents } from '../src/metrics/events.ts';
import { systemClock } from '../src/time.ts';
import { movingClip } from './clip.ts';
import { timeInterpolation } from './interpolation.ts';
import { timeMinterpolate } from './minterpolate.ts';
import {
  CONDITIONS,
  type ListedModel,
  type ModelEntry,
  type ModelsData,
  modelsPage,
  SIZES,
  withEntry,
} from './models-page.ts';

const USAGE = `npm run docs:models -- --val <folder of clips> --phantom <folder> [options]
  --only <id>            measure this one alone and keep the results of the others; may be repeated
  --frames <n>           frames read of each clip at most (default: 41)
  --picture-from <clip>  draw the pictures from this clip (its licence must allow it); may be repeated (default: the phantom)
  --out <folder>         where models.json, models.md and models/ are written (default: docs)
  --times-only           measure the times alone, on a quiet machine, and keep the other results
  --render-only          write models.md anew from models.json, measuring nothing
The phantom's folder holds <name>-clean.mkv and <name>-noisy.mkv. Progress goes to stderr.`;

const BASELINES = ['repeat', 'blend', 'search', 'minterpolate'];
const MANIFEST = fileURLToPath(new URL('../models/manifest.json', import.meta.url));
const DOCS = fileURLToPath(new URL('../docs', import.meta.url));
const THREADS = 2;
/** Natural clips are measured at so many lines at most; the phantom as it is, because scaling would change its noise. */
const LINES = { natural: 480, phantom: 4320 };
/** With fewer frames a second left there is nothing to interpolate. */
const MIN_RATE = 5;
/** Pairs that are timed, and how often. */
const TIMED = { frames: 7, runs: 3 };

const progress = (text: string): void => console.error(`docs:models: ${text}`);

/** The manifest's models and the baselines, as the page lists them. */
function listed(): ListedModel[] {
  // The file is ours, and its checks are those of readManifest.
  const { models } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as {
    models: { id: string; kind: string; sha256: string; scale?: number; parameters?: number; macs720p?: number }[];
  };
  return [
    ...BASELINES.map((id) => ({ id, sha256: null, parameters: null, macs720p: null })),
    ...models.map(({ id, sha256, scale = 1, parameters = null, macs720p = null }) => ({
      ...{ id, sha256, parameters, macs720p },
      ...(scale > 1 ? { scale } : {}),
    })),
  ];
}

function named(id: string): { models: string[]; baselines: string[] } {
  return BASELINES.includes(id) ? { models: [], baselines: [id] } : { models: [id], baselines: [] };
}

interface Cases {
  readonly best: readonly Case[];
  readonly worst: readonly Case[];
}

interface Clips {
  readonly val: string;
  readonly phantom: string;
  readonly frames: number;
  readonly pictureFrom: readonly string[];
}

/** The phantom's clips of one kind that leave enough frames a second at this factor. */
async function phantomClips(folder: string, kind: 'clean' | 'noisy', factor: number): Promise<string[]> {
  const paths = readdirSync(folder)
    .filter((name) => name.endsWith(`-${kind}.mkv`))
    .toSorted()
    .map((name) => join(folder, name));
  const arena = new Arena(64);
  const fit: string[] = [];
  for (const path of paths) {
    await using video = await openVideoFile({ path, stream: 'docs', arena, clock: systemClock, events: noEvents });
    const { fps } = video.info;
    if (!fps || fps.num / fps.den / factor >= MIN_RATE) fit.push(path);
  }
  if (fit.length > 0) return fit;
  throw new FrameliftError(
    'config.invalid',
    `--phantom ${folder}: no *-${kind}.mkv that can be measured at ${factor}×`,
  );
}

async function measure(id: string, clips: Clips, out: string): Promise<ModelEntry> {
  const contenders = { ...named(id), frames: clips.frames, threads: THREADS };
  const conditions: Record<string, { figures: Figures; clips: number }> = {};
  let cases: Cases = { best: [], worst: [] };
  const onCases = async (found: Cases): Promise<void> => {
    cases = found;
  };
  let sha256: string | null = null;
  const enlarges = listed().some((model) => model.id === id && (model.scale ?? 1) > 1);
  for (const { key, title, clips: kind, factor } of CONDITIONS) {
    // Who enlarges knows the middle alone, and is given smaller pictures: a phantom's noise would not be the same.
    if (enlarges && (factor !== 2 || kind !== 'natural')) continue;
    progress(`${id}: ${title}`);
    const natural = kind === 'natural';
    const report = await evaluate({
      ...contenders,
      factor,
      paths: natural ? [clips.val] : await phantomClips(clips.phantom, kind, factor),
      height: natural ? LINES.natural : LINES.phantom,
      ...(kind === 'noisy' ? { truth: clips.phantom } : {}),
      // Pictures of the natural clips are not ours to publish.
      ...(key === 'noisy2' ? { worst: 1, onCases } : {}),
    });
    const [contender] = report.contenders;
    if (!contender?.mean) throw new FrameliftError('engine.failed', `${id} has no figures at ${title}`);
    sha256 = contender.sha256;
    conditions[key] = { figures: contender.mean, clips: report.items.length };
  }
  if (clips.pictureFrom.length > 0) {
    const paths = clips.pictureFrom;
    await evaluate({ ...contenders, paths, worst: 1, onCases });
  }
  const pictures = { good: `${id}-good.jpg`, bad: `${id}-bad.jpg` };
  mkdirSync(join(out, 'models'), { recursive: true });
  await writeSheet(join(out, 'models', pictures.good), cases.best);
  await writeSheet(join(out, 'models', pictures.bad), cases.worst);
  return { id, sha256, frames: clips.frames, conditions, ...(await timed(id)), pictures };
}

async function timed(id: string): Promise<Pick<ModelEntry, 'ms' | 'machine'>> {
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${THREADS} threads`;
  return { ms: await times(id), machine };
}

async function times(id: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const size of SIZES) {
    progress(`${id}: time at ${size}`);
    const [width = 0, height = 0] = size.split('x').map(Number);
    const clip = movingClip(width, height, TIMED.frames);
    found[size] =
      id === 'minterpolate'
        ? await timeMinterpolate(clip, width, height, TIMED.runs)
        : (await timeInterpolation(await resolveModel(id), THREADS, clip, width, height, TIMED.runs)).totalMs;
  }
  return found;
}

function folder(option: string, path: string | undefined): string {
  if (path !== undefined && existsSync(path)) return path;
  throw new FrameliftError('config.invalid', `--${option} ${path ?? 'is missing'}: a folder of clips is needed`, {
    remedy: USAGE,
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      val: { type: 'string' },
      phantom: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      frames: { type: 'string', default: '41' },
      'picture-from': { type: 'string', multiple: true, default: [] },
      out: { type: 'string', default: DOCS },
      'times-only': { type: 'boolean', default: false },
      'render-only': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const store = join(values.out, 'models.json');
  // Written by this command alone.
  let data: ModelsData = existsSync(store) ? (JSON.parse(readFileSync(store, 'utf8')) as ModelsData) : { entries: [] };
  const all = listed();
  const unknown = values.only.find((id) => !all.some((model) => model.id === id));
  if (unknown !== undefined) {
    const known = all.map((model) => model.id).join(', ');
    throw new FrameliftError('config.invalid', `--only ${unknown}: there is no such model; there are ${known}`);
  }
  if (values['times-only']) {
    for (const entry of data.entries) {
      if (values.only.length > 0 && !values.only.includes(entry.id)) continue;
      data = withEntry(data, { ...entry, ...(await timed(entry.id)) });
      writeFileSync(store, `${JSON.stringify(data, null, 2)}\n`);
    }
  } else if (!values['render-only']) {
    const clips = {
      val: folder('val', values.val),
      phantom: folder('phantom', values.phantom),
      frames: Number(values.frames),
      pictureFrom: values['picture-from'],
    };
    mkdirSync(values.out, { recursive: true });
    // Other work on the machine spoils the times, not the figures.
    if ((loadavg()[0] ?? 0) > cpus().length / 4)
      progress('the machine is busy with other work: times will be too long');
    for (const { id } of all) {
      if (values.only.length > 0 && !values.only.includes(id)) continue;
      data = withEntry(data, await measure(id, clips, values.out));
      // After each, so that a run that is stopped loses one model, not all.
      writeFileSync(store, `${JSON.stringify(data, null, 2)}\n`);
    }
  }
  writeFileSync(join(values.out, 'models.md'), modelsPage(data, all));
  progress(`${basename(values.out)}/models.md written`);
}

main().catch((thrown: unknown) => {
  if (!(thrown instanceof Error)) throw thrown;
  const remedy = thrown instanceof FrameliftError && thrown.remedy ? `\n${thrown.remedy}` : '';
  console.error(`docs:models: ${thrown.message}${remedy}`);
  process.exitCode = 1;
});

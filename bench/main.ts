/** `npm run bench`: what one new frame costs, and how that compares with ffmpeg's minterpolate on the same machine in the same run. */
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { FrameliftError } from '../src/errors.ts';
import { type ModelSpec, readManifest, resolveModel } from '../src/interp/model.ts';
import type { ReferenceModel } from '../src/interp/reference.ts';
import { movingClip } from './clip.ts';
import { type InterpolationTimes, timeInterpolation } from './interpolation.ts';
import { ffmpegVersion, timeMinterpolate } from './minterpolate.ts';

const USAGE = `npm run bench -- [--json] [--model id|path|search|blend] [--threads n] [--runs n] [--frames n] [--size WxH]… [--no-ffmpeg]
Times one new frame (t = 1/2) at each size; medians. Progress goes to stderr.`;

interface Row extends InterpolationTimes {
  readonly width: number;
  readonly height: number;
  readonly minterpolateMs: number | null;
  /** minterpolateMs / totalMs. */
  readonly timesFaster: number | null;
}

async function defaultModel(): Promise<ModelSpec | ReferenceModel> {
  const models = await readManifest().catch(() => []);
  return models.find((m) => m.kind === 'flow') ?? 'search';
}

async function chooseModel(name: string | undefined): Promise<ModelSpec | ReferenceModel> {
  if (name === undefined) return defaultModel();
  return resolveModel(name);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new FrameliftError('config.invalid', `--${name} ${text}: a whole number of at least 1 is needed`);
  }
  return value;
}

function size(text: string): [number, number] {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (!width || !height || Number(width) < 16 || Number(height) < 16) {
    throw new FrameliftError('config.invalid', `--size ${text}: something like 1280x720 is needed`);
  }
  return [Number(width), Number(height)];
}

function table(rows: readonly Row[]): string {
  const head = ['size', 'search', 'network', 'warp+blend', 'whole', 'minterpolate', 'times faster'];
  const body = rows.map((r) => [
    `${r.width}x${r.height}`,
    r.searchMs.toFixed(2),
    r.networkMs.toFixed(2),
    r.kernelMs.toFixed(2),
    r.totalMs.toFixed(2),
    r.minterpolateMs?.toFixed(1) ?? '-',
    r.timesFaster?.toFixed(1) ?? '-',
  ]);
  const widths = head.map((h, i) => Math.max(h.length, ...body.map((b) => b[i]?.length ?? 0)));
  return [head, ...body].map((line) => line.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ')).join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      model: { type: 'string' },
      threads: { type: 'string', default: '2' },
      runs: { type: 'string', default: '5' },
      frames: { type: 'string', default: '12' },
      size: { type: 'string', multiple: true, default: ['640x360', '1280x720'] },
      'no-ffmpeg': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const threads = positive('threads', values.threads);
  const runs = positive('runs', values.runs);
  const frames = positive('frames', values.frames) + 1;
  const sizes = values.size.map(size);
  const model = await chooseModel(values.model);
  const id = typeof model === 'string' ? model : model.id;
  const progress = (text: string): void => console.error(`bench: ${text}`);
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    ffmpeg: values['no-ffmpeg'] ? null : await ffmpegVersion(),
    /** Other work on the machine spoils the figures. */
    loadBefore: loadavg()[0] ?? 0,
  };
  if (machine.loadBefore > machine.cores / 4) progress('the machine is busy with other work: figures will be too high');
  const rows: Row[] = [];
  for (const [width, height] of sizes) {
    progress(`${width}x${height}: drawing ${frames} frames`);
    const clip = movingClip(width, height, frames);
    progress(`${width}x${height}: ${id}, ${runs} runs`);
    const times = await timeInterpolation(model, threads, clip, width, height, runs);
    let minterpolateMs: number | null = null;
    if (!values['no-ffmpeg']) {
      progress(`${width}x${height}: minterpolate, ${Math.min(runs, 3)} runs`);
      minterpolateMs = await timeMinterpolate(clip, width, height, Math.min(runs, 3));
    }
    const timesFaster = minterpolateMs === null ? null : minterpolateMs / times.totalMs;
    rows.push({ width, height, ...times, minterpolateMs, timesFaster });
  }
  if (values.json) {
    console.log(JSON.stringify({ machine, model: id, threads, runs, newFramesPerRun: frames - 1, rows }, null, 2));
    return;
  }
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}`);
  if (machine.ffmpeg) console.log(machine.ffmpeg);
  console.log(
    `model ${id}, ${threads} threads, load before ${machine.loadBefore.toFixed(2)}; milliseconds per new frame, medians\n`,
  );
  console.log(table(rows));
}

main().catch((thrown: unknown) => {
  if (!(thrown instanceof Error)) throw thrown;
  const remedy = thrown instanceof FrameliftError && thrown.remedy ? `\n${thrown.remedy}` : '';
  console.error(`bench: ${thrown.message}${remedy}`);
  process.exitCode = 1;
});

/** `npm run bench`: the record of speed. One new frame, the whole product live, many streams, and its peers. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { FrameliftError } from '../src/errors.ts';
import { type ModelSpec, readManifest, resolveModel } from '../src/interp/model.ts';
import type { ReferenceModel } from '../src/interp/reference.ts';
import { ffmpegVersion } from './ffmpeg.ts';
import { measureFrameCost } from './frame-cost.ts';
import { measureLive } from './live.ts';
import { describeMachine, isBusy, type Machine } from './machine.ts';
import { frameCostText, liveText } from './report.ts';
import { give, type OutputFlags } from './result.ts';

type Size = readonly [width: number, height: number];

const progress = (text: string): void => console.error(`bench: ${text}`);
const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trimEnd();

const whole = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number of at least 1 is needed');
  return value;
};

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('a number above 0 is needed');
  return value;
};

const size = (text: string): Size => {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (Number(width) >= 16 && Number(height) >= 16) return [Number(width), Number(height)];
  throw new InvalidArgumentError('something like 1280x720 is needed, 16 or more each way');
};

const evenSize = (text: string): Size => {
  const [width, height] = size(text);
  if (width % 2 === 0 && height % 2 === 0) return [width, height];
  throw new InvalidArgumentError('H.264 needs even numbers');
};

const sizes = (text: string, before: readonly Size[] | undefined): readonly Size[] => [...(before ?? []), size(text)];

const fileName = (text: string): string => {
  if (/^[a-z0-9][a-z0-9.-]*$/i.test(text)) return text;
  throw new InvalidArgumentError('letters, digits, "-" and "." are needed, such as live-720p');
};

const outputOptions = (to: Command): Command =>
  to
    .option('--json', 'print the result as JSON')
    .addOption(
      new Option('--save <name>', 'also write bench/results/<name>.json and .md, over older ones').argParser(fileName),
    );

const program = new Command('bench')
  .description('Measures speed on this machine. Progress goes to standard error, results to standard output.')
  .showHelpAfterError('(npm run bench -- --help shows how)')
  .addHelpText('after', '\nOther work on the machine spoils every figure: `bench` warns when there is some.');

const DEFAULT_SIZES: readonly Size[] = [
  [640, 360],
  [1280, 720],
];
/** 270p to 1080p at 16:9. */
const SWEEP: readonly Size[] = [
  [480, 270],
  [640, 360],
  [960, 540],
  [1280, 720],
  [1600, 900],
  [1920, 1080],
];

interface FrameFlags extends OutputFlags {
  readonly model?: string;
  readonly threads: number;
  readonly runs: number;
  readonly frames: number;
  readonly size?: readonly Size[];
  readonly sweep?: boolean;
  readonly ffmpeg: boolean;
}

outputOptions(program.command('frame', { isDefault: true }))
  .description('cost of one new frame (t = 1/2) by stage, and of one by minterpolate; what runs without a command')
  .option('--model <name>', 'model id, path, search or blend (default: the first flow model)')
  .addOption(new Option('--threads <n>', 'threads of one inference').argParser(whole).default(2))
  .addOption(new Option('--runs <n>', 'times the clip is doubled; medians count').argParser(whole).default(5))
  .addOption(new Option('--frames <n>', 'new frames in each run').argParser(whole).default(12))
  .addOption(
    new Option('--size <WxH>', 'may be repeated (default: 640x360 and 1280x720)').argParser(sizes).conflicts('sweep'),
  )
  .option('--sweep', 'sizes from 270p to 1080p, and how cost grows with pixels')
  .option('--no-ffmpeg', 'leave minterpolate out')
  .addHelpText(
    'after',
    `
Examples:
  npm run bench
  npm run bench -- --runs 3 --size 1920x1080 --json
  npm run bench -- frame --sweep --no-ffmpeg --save frame-sweep`,
  )
  .action(async (flags: FrameFlags) => {
    const { threads, runs, frames, ffmpeg } = flags;
    const model = flags.model === undefined ? await defaultModel() : await resolveModel(flags.model);
    const machine = await thisMachine(ffmpeg);
    const chosen = flags.sweep ? SWEEP : (flags.size ?? DEFAULT_SIZES);
    const cost = await measureFrameCost({ model, threads, runs, frames, sizes: chosen, ffmpeg, onProgress: progress });
    const id = typeof model === 'string' ? model : model.id;
    const text = `${id}, ${threads} threads. ${frameCostText(cost)}`;
    const result = { model: id, threads, runs, newFramesPerRun: frames, ...cost };
    give({ title: 'Cost of one new frame', command, machine, result, text }, flags);
  });

interface LiveFlags extends OutputFlags {
  readonly size: Size;
  readonly fps: number;
  readonly target: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly model: string;
  readonly workers: number;
  readonly threads: number;
}

const liveOptions = (to: Command, [width, height]: Size, seconds: number): Command =>
  outputOptions(to)
    .addOption(
      new Option('--size <WxH>', 'size of the source')
        .argParser(evenSize)
        .default([width, height], `${width}x${height}`),
    )
    .addOption(new Option('--fps <rate>', 'frames per second of the source').argParser(positive).default(30))
    .addOption(new Option('--target <rate>', 'output frames per second').argParser(positive).default(60))
    .addOption(new Option('--seconds <n>', 'length of the measurement').argParser(positive).default(seconds))
    .addOption(
      new Option('--warm-up <n>', 'seconds from the first picture to the measurement').argParser(positive).default(5),
    )
    .option('--model <name>', 'model id, path, search, blend or repeat', 'flow-s')
    .addOption(new Option('--workers <n>', 'interpolation workers').argParser(whole).default(1))
    .addOption(new Option('--threads <n>', 'threads of one inference').argParser(whole).default(1));

liveOptions(program.command('live'), [1280, 720], 60)
  .description('the whole product: a file at its real pace through `framelift serve` to a WebRTC viewer on loopback')
  .addHelpText(
    'after',
    `
The source is an H.264 file made once of the demo's pictures under a moving camera; server and viewer are processes of their
own, and the viewer does not decode.

  onTimePercent           of the slots of the output grid, how many were released at most 4 ms after they were due (and not
                          given up later); a slot that never came is missing, a repeated frame fills its slot
  interpolatedGapPercent  of the slots between source frames, how many showed an interpolated frame
  viewer.onTimePercent    of the same slots, how many came at most 4 ms after the even cadence of their RTP timestamps
  addedLatencyMs          from the arrival of a source frame to its own release; the floor (N-1)/N*T is arithmetic

Server figures are differences of two scrapes of /metrics; their quantiles are linear within histogram buckets.

Examples:
  npm run bench -- live --size 1280x720 --fps 30 --target 60 --seconds 60 --json
  npm run bench -- live --size 640x360 --target 120 --save live-360p120`,
  )
  .action(async (flags: LiveFlags) => {
    const machine = await thisMachine(true);
    const result = await measureLive({ ...liveSettings(flags), streams: 1, onProgress: progress });
    give({ title: 'The whole product, live', command, machine, result, text: liveText(result) }, flags);
  });

function liveSettings(flags: LiveFlags) {
  const {
    size: [width, height],
    fps,
    target,
    seconds,
    warmUp: warmUpSeconds,
    model,
    workers,
    threads,
  } = flags;
  return { width, height, fps, target, seconds, warmUpSeconds, model, workers, threads };
}

async function defaultModel(): Promise<ModelSpec | ReferenceModel> {
  const models = await readManifest().catch(() => []);
  return models.find((model) => model.kind === 'flow') ?? 'search';
}

async function thisMachine(ffmpeg: boolean): Promise<Machine> {
  const machine = describeMachine(ffmpeg ? await ffmpegVersion() : null);
  if (isBusy(machine)) progress('the machine is busy with other work: figures will be worse than they need be');
  return machine;
}

program.parseAsync().catch((thrown: unknown) => {
  if (!(thrown instanceof Error)) throw thrown;
  const remedy = thrown instanceof FrameliftError && thrown.remedy ? `\n${thrown.remedy}` : '';
  console.error(`bench: ${thrown.message}${remedy}`);
  process.exitCode = 1;
});

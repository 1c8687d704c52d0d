/** `npm run bench`: the record of speed. One interpolated frame, the whole product live, many streams, and its peers. */
import { Command, Option } from 'commander';
import { FrameliftError } from '../src/errors.ts';
import { type ModelSpec, resolveModel } from '../src/interp/models/manifest.ts';
import { PROVIDERS, type Provider } from '../src/interp/providers/provider.ts';
import { ProviderTrials } from '../src/interp/providers/trial.ts';
import { evenSize, fileName, positive, type Size, sizes, whole, wholes } from './arguments.ts';
import { measureBatches } from './batch.ts';
import { cutsText, measureCuts } from './cuts.ts';
import { ffmpegVersion } from './ffmpeg.ts';
import { measureFrameCost } from './frame-cost.ts';
import { measureIdle } from './idle.ts';
import { measureKernel } from './kernel.ts';
import { measureLinks } from './links.ts';
import { measureLive } from './live.ts';
import { liveClip } from './live-clip.ts';
import { describeMachine, isBusy, type Machine } from './machine.ts';
import { comparePeers } from './peers.ts';
import {
  batchText,
  frameCostText,
  idleText,
  kernelText,
  linksText,
  liveText,
  peersText,
  scaleText,
  sourceVariantText,
} from './report.ts';
import { give, type OutputFlags } from './result.ts';
import { measureScale } from './scale.ts';
import { measureSourceVariant } from './source-variant.ts';

/** Exit code after Ctrl-C. */
const INTERRUPTED = 130;

const progress = (text: string): void => console.error(`bench: ${text}`);
const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trimEnd();

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

/** Paths of viewers. Delays are of each direction. */
const LINK_PATHS = [
  { name: '1.5 Mb/s', impairment: { rate: 1.5e6, queueMs: 500 } },
  { name: '2.5 Mb/s, 40 ms', impairment: { rate: 2.5e6, delayMs: 40, queueMs: 500 } },
  { name: '5 % loss, 100 ms', impairment: { loss: 0.05, delayMs: 100 } },
  { name: '0.4 Mb/s, 40 ms', impairment: { rate: 0.4e6, delayMs: 40, queueMs: 500 } },
];

interface FrameFlags extends OutputFlags {
  readonly model: string;
  readonly threads: number;
  readonly runs: number;
  readonly frames: number;
  readonly size?: readonly Size[];
  readonly sweep?: boolean;
  readonly ffmpeg: boolean;
}

outputOptions(program.command('frame', { isDefault: true }))
  .description(
    'cost of one interpolated frame (t = 1/2) by stage, and of one by minterpolate; what runs without a command',
  )
  .option('--model <name>', 'model id, path, search or blend', 'flow-s')
  .addOption(new Option('--threads <n>', 'threads of one inference').argParser(whole).default(2))
  .addOption(new Option('--runs <n>', 'times the clip is doubled; medians count').argParser(whole).default(5))
  .addOption(new Option('--frames <n>', 'interpolated frames in each run').argParser(whole).default(12))
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
    const model = await resolveModel(flags.model);
    const machine = await thisMachine(ffmpeg);
    const chosen = flags.sweep ? SWEEP : (flags.size ?? DEFAULT_SIZES);
    const cost = await measureFrameCost({ model, threads, runs, frames, sizes: chosen, ffmpeg, onProgress: progress });
    const id = typeof model === 'string' ? model : model.id;
    const text = `${id}, ${threads} threads. ${frameCostText(cost)}`;
    const result = { model: id, threads, runs, newFramesPerRun: frames, ...cost };
    give({ title: 'Cost of one interpolated frame', command, machine, result, text }, flags);
  });

interface LiveFlags extends OutputFlags {
  readonly size: Size;
  readonly fps: number;
  readonly target: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly model: string;
  readonly workers?: number;
  readonly threads?: number;
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
    .addOption(new Option('--workers <n>', 'interpolation workers (default: as framelift serve)').argParser(whole))
    .addOption(new Option('--threads <n>', 'threads of one inference (default: as framelift serve)').argParser(whole));

outputOptions(program.command('source-variant'))
  .description('how old the source is at a viewer: sent on as it came, and encoded again, side by side')
  .addOption(new Option('--size <size>', 'of the camera').default([1280, 720]).argParser(evenSize))
  .addOption(new Option('--seconds <n>', 'measured').default(20).argParser(positive))
  .action(async (flags: OutputFlags & { readonly size: Size; readonly seconds: number }) => {
    const machine = await thisMachine(true);
    const [width, height] = flags.size;
    const rows = await measureSourceVariant({ width, height, seconds: flags.seconds });
    const title = 'The source as it came';
    give({ title, command, machine, result: { rows }, text: sourceVariantText(rows) }, flags);
  });

outputOptions(program.command('idle'))
  .description(
    'what a stream costs that nobody watches, and how soon one who comes has a picture; with onDemand and without',
  )
  .addOption(new Option('--size <size>', 'of the camera').default([1280, 720]).argParser(evenSize))
  .addOption(new Option('--seconds <n>', 'measured').default(20).argParser(positive))
  .addOption(new Option('--joins <n>', 'viewers one after the other').default(5).argParser(positive))
  .action(async (flags: OutputFlags & { readonly size: Size; readonly seconds: number; readonly joins: number }) => {
    const machine = await thisMachine(true);
    const { seconds, joins } = flags;
    const [width, height] = flags.size;
    const rows = await measureIdle({ width, height, seconds, joins });
    give({ title: 'A stream that nobody watches', command, machine, result: { rows }, text: idleText(rows) }, flags);
  });

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

Server figures are differences of two scrapes of /metrics. Their quantiles are linear within histogram buckets, and at most the
bound of the last one (lateness 250 ms, stages 500 ms). The warm-up counts in no figure.

Examples:
  npm run bench -- live --size 1280x720 --fps 30 --target 60 --seconds 60 --json
  npm run bench -- live --size 640x360 --target 120 --save live-360p120`,
  )
  .action(async (flags: LiveFlags) => {
    const machine = await thisMachine(true);
    const result = await measureLive({ ...liveSettings(flags), streams: 1, onProgress: progress });
    give({ title: 'The whole product, live', command, machine, result, text: liveText(result) }, flags);
  });

interface ScaleFlags extends LiveFlags {
  readonly most: number;
}

liveOptions(program.command('scale'), [640, 360], 30)
  .addOption(new Option('--most <n>', 'streams tried at most').argParser(whole).default(8))
  .description('1, 2, … streams in one process, a viewer each, until less than 99 % of the slots of one are on time')
  .addHelpText(
    'after',
    `
Each count is a measurement of its own, as by \`live\`. All streams play the same file from its start, so their frames fall due
close together: the hard case.

Examples:
  npm run bench -- scale
  npm run bench -- scale --most 3 --seconds 60 --json
  npm run bench -- scale --workers 2 --save scale-2-workers`,
  )
  .action(async (flags: ScaleFlags) => {
    const machine = await thisMachine(true);
    const result = await measureScale({ ...liveSettings(flags), most: flags.most, onProgress: progress });
    give({ title: 'Streams at a time', command, machine, result, text: scaleText(result) }, flags);
  });

interface BatchFlags extends OutputFlags {
  readonly model: string;
  readonly threads: number;
  readonly provider?: Provider;
  readonly size?: readonly Size[];
  readonly batch?: readonly number[];
  readonly seconds: number;
}

outputOptions(program.command('batch'))
  .description('pairs of several streams in one run of the network: throughput and latency by batch, size and provider')
  .option('--model <name>', 'model id or path', 'flow-s')
  .addOption(new Option('--threads <n>', 'threads of one inference').argParser(whole).default(2))
  .addOption(new Option('--provider <name>', 'this one alone (default: all that work here)').choices(PROVIDERS))
  .addOption(new Option('--size <WxH>', 'may be repeated (default: 640x360 and 1280x720)').argParser(sizes))
  .addOption(new Option('--batch <n>', 'may be repeated (default: 1, 2, 4 and 8)').argParser(wholes))
  .addOption(new Option('--seconds <n>', 'length of each measurement').argParser(positive).default(5))
  .addHelpText(
    'after',
    `
Twice as many streams as a batch has pairs ask for one middle frame after the other, so that a full batch waits while another runs:
the most that the engine carries. Latency is from the submission of a pair to its frames, that wait included.

Examples:
  npm run bench -- batch
  npm run bench -- batch --provider webgpu --batch 1 --batch 4 --json
  npm run bench -- batch --size 1920x1080 --save batch-1080p`,
  )
  .action(async (flags: BatchFlags) => {
    const { threads, seconds, size: chosen = DEFAULT_SIZES, batch: batches = [1, 2, 4, 8] } = flags;
    const model = await resolveModel(flags.model);
    if (typeof model === 'string') {
      throw new FrameliftError('config.invalid', `--model ${model} has no network: there is nothing to share`, {
        remedy: 'Use a model with a network: framelift models lists them.',
      });
    }
    const machine = await thisMachine(false);
    const providers = flags.provider ? [flags.provider] : await workingProviders(model, threads);
    const measured = { model, threads, providers, sizes: chosen, batches, seconds, onProgress: progress };
    const rows = await measureBatches(measured);
    const text = `${model.id}, ${threads} threads, ${seconds} s each.\n\n${batchText(rows)}`;
    const result = { model: model.id, threads, seconds, rows };
    give({ title: 'Pairs that share a run', command, machine, result, text }, flags);
  });

async function workingProviders(model: ModelSpec, threads: number): Promise<readonly Provider[]> {
  const { verdicts } = await new ProviderTrials({ threads }).examine(model);
  for (const { provider, state, detail } of verdicts) if (state !== 'works') progress(`${provider}: ${detail}`);
  return verdicts.filter(({ state }) => state === 'works').map(({ provider }) => provider);
}

interface PeersFlags extends OutputFlags {
  readonly size: Size;
  readonly model: string;
  readonly threads: number;
  readonly runs: number;
  readonly frames: number;
  readonly clip?: string;
}

outputOptions(program.command('peers'))
  .description("framelift's interpolation and ffmpeg's minterpolate on the same frames, in turn: time and quality")
  .addOption(
    new Option('--size <WxH>', 'frames are scaled to this').argParser(evenSize).default([1280, 720], '1280x720'),
  )
  .option('--model <name>', 'model id, path, search or blend', 'flow-s')
  .addOption(new Option('--threads <n>', 'threads of one inference').argParser(whole).default(2))
  .addOption(new Option('--runs <n>', 'turns of each; medians count').argParser(whole).default(3))
  .addOption(new Option('--frames <n>', 'interpolated frames in each turn').argParser(whole).default(12))
  .option('--clip <file>', 'a video with at least 2n+1 frames (default: the one that `live` plays)')
  .addHelpText(
    'after',
    `
Every second frame of the clip is removed; both make them again. Time is without reading the frames and starting the programs.
Quality (PSNR, SSIM of luma) is measured as by \`framelift eval\`.

Examples:
  npm run bench -- peers
  npm run bench -- peers --size 640x360 --runs 5 --json
  npm run bench -- peers --clip walk.mp4 --frames 20 --save peers-walk`,
  )
  .action(async (flags: PeersFlags) => {
    const {
      size: [width, height],
      model,
      threads,
      runs,
      frames,
    } = flags;
    const machine = await thisMachine(true);
    const clip = flags.clip ?? (await liveClip({ width, height, fps: 30 }, 1));
    const options = { model, threads, runs, frames, clip, width, height, onProgress: progress };
    const result = await comparePeers(options);
    const { onProgress: _, clip: __, ...settings } = options;
    const text = peersText(options, result);
    give({ title: 'framelift and its peer', command, machine, result: { settings, ...result }, text }, flags);
  });

outputOptions(program.command('kernel'))
  .description('processor time of each piece of the kernel’s work on a pair, on one thread')
  .addOption(new Option('--size <WxH>').argParser(evenSize).default([1280, 720], '1280x720'))
  .addOption(new Option('--rounds <n>', 'medians over so many').argParser(whole).default(7))
  .action(async (flags: OutputFlags & { readonly size: Size; readonly rounds: number }) => {
    const [width, height] = flags.size;
    const machine = await thisMachine(false);
    const rows = measureKernel({ width, height, rounds: flags.rounds });
    const result = { width, height, rounds: flags.rounds, rows };
    give({ title: 'The kernel, piece by piece', command, machine, result, text: kernelText(rows) }, flags);
  });

outputOptions(program.command('cuts').arguments('<clips> <xray>'))
  .description('precision and recall of the cut detector over cuts, fades, flashes, lights and pans made of clips')
  .addOption(new Option('--seed <n>', 'another draw of events').argParser(whole).default(1))
  .option('--only <kind>', 'kinds of events with this in their name', '')
  .addHelpText(
    'after',
    `
clips: a folder of videos, each a single shot or one whose cuts bench/cuts.ts knows. xray: a folder of pulses, such as
\`python3 -m training.phantom.scene render --seconds 4 --fps 15 --seed 9001 --out xray/9001.mp4\` makes in models/.`,
  )
  .action(
    async (clips: string, xray: string, flags: OutputFlags & { readonly seed: number; readonly only: string }) => {
      const machine = await thisMachine(true);
      const result = await measureCuts({ clips, xray, seed: flags.seed, only: flags.only });
      give({ title: 'Cuts', command, machine, result, text: cutsText(result) }, flags);
    },
  );

interface LinksFlags extends OutputFlags {
  readonly size: Size;
  readonly bitrate: number;
  readonly model: string;
  readonly seconds: number;
  readonly only: string;
  readonly log: string;
}

outputOptions(program.command('links'))
  .description('weak links: a Chromium behind a narrow, late or lossy path, beside one with a good path')
  .addOption(new Option('--size <WxH>', 'size of the source').argParser(evenSize).default([640, 360], '640x360'))
  .addOption(new Option('--bitrate <b/s>', 'of the full rendition').argParser(positive).default(4e6))
  .option('--model <name>', 'model id, path, search, blend or repeat', 'search')
  .addOption(new Option('--seconds <n>', 'length of each measurement').argParser(positive).default(60))
  .option('--only <name>', 'paths with this in their name', '')
  .option('--log <level>', "framelift's log, shown at the end", 'warn')
  .addHelpText(
    'after',
    `
The source has 30 frames a second, the output 60. Three seconds after the first frame the count begins. Queues of the paths hold
half a second.

Examples:
  npm run bench -- links
  npm run bench -- links --only 1.5 --seconds 20`,
  )
  .action(async (flags: LinksFlags) => {
    const [width, height] = flags.size;
    const { bitrate, model, seconds, log } = flags;
    const paths = LINK_PATHS.filter(({ name }) => name.includes(flags.only));
    const machine = await thisMachine(true);
    const rows = await measureLinks({ width, height, bitrate, model, seconds, log, paths, onProgress: progress });
    const result = { width, height, bitrate, model, seconds, rows };
    give({ title: 'Weak links', command, machine, result, text: linksText(rows) }, flags);
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

async function thisMachine(ffmpeg: boolean): Promise<Machine> {
  const machine = describeMachine(ffmpeg ? await ffmpegVersion() : null);
  if (isBusy(machine)) progress('the machine is busy with other work: figures will be worse than they need be');
  return machine;
}

// Leaving by `exit` lets those who have started processes end them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(INTERRUPTED));

program.parseAsync().catch((thrown: unknown) => {
  if (!(thrown instanceof Error)) throw thrown;
  const remedy = thrown instanceof FrameliftError && thrown.remedy ? `\n${thrown.remedy}` : '';
  console.error(`bench: ${thrown.message}${remedy}`);
  process.exitCode = 1;
});

/** framelift's interpolation and ffmpeg's minterpolate on the same frames in the same run: speed and quality. */
import { FrameliftError } from '../src/errors.ts';
import { evaluate } from '../src/eval/evaluate.ts';
import { resolveModel } from '../src/interp/models/manifest.ts';
import { runFfmpeg } from './ffmpeg.ts';
import { InterpolationTimer, medianTimes } from './interpolation.ts';
import { runMinterpolate } from './minterpolate.ts';
import { quantile } from './statistics.ts';

/** What is compared. */
export interface PeersOptions {
  /** Model id, path, search or blend. */
  readonly model: string;
  /** Threads of one inference. */
  readonly threads: number;
  /** A video file. */
  readonly clip: string;
  /** Its frames are scaled to this. */
  readonly width: number;
  readonly height: number;
  /** New frames: of twice as many and one that are read, every second one is removed. */
  readonly frames: number;
  /** Runs of each, in turn. */
  readonly runs: number;
  readonly onProgress: (text: string) => void;
}

/** Time and quality of one contender. */
interface PeerResult {
  readonly name: string;
  /** Milliseconds per interpolated frame: median. */
  readonly ms: number;
  /** Of luma against the removed frames, mean over the new ones, dB. */
  readonly psnr: number;
  readonly ssim: number;
}

/** Both. */
export interface PeersResult {
  readonly framelift: PeerResult;
  readonly minterpolate: PeerResult;
  /** minterpolate's time over framelift's. */
  readonly timesFaster: number;
  /** Milliseconds per interpolated frame in each turn. */
  readonly turns: readonly { readonly framelift: number; readonly minterpolate: number }[];
  /** At which quality was measured: at most the height wanted, both sides multiples of 16. */
  readonly qualitySize: string;
}

/** Compares both. @throws FrameliftError `config.invalid`, `ffmpeg.missing`, `ffmpeg.failed`, `model.*`, `source.*`, `engine.failed`. */
export async function comparePeers(options: PeersOptions): Promise<PeersResult> {
  const { model, threads, clip, height, frames, onProgress } = options;
  const turns = await takeTurns(options);
  onProgress('comparing interpolated frames with the removed ones');
  const reference = typeof (await resolveModel(model)) === 'string';
  const { contenders, items } = await evaluate({
    paths: [clip],
    models: reference ? [] : [model],
    baselines: [...(reference ? [model] : []), 'minterpolate'],
    frames: 2 * frames + 1,
    height,
    threads,
  });
  const [own, other] = contenders;
  const [item] = items;
  if (!own?.mean || !other?.mean || !item) throw new FrameliftError('engine.failed', `${clip} gave no figures`);
  const median = (of: 'framelift' | 'minterpolate'): number =>
    quantile(
      turns.map((turn) => turn[of]),
      0.5,
    );
  const [ms, otherMs] = [median('framelift'), median('minterpolate')];
  return {
    framelift: { name: own.id, ms, psnr: own.mean.psnr, ssim: own.mean.ssim },
    minterpolate: { name: other.id, ms: otherMs, psnr: other.mean.psnr, ssim: other.mean.ssim },
    timesFaster: otherMs / ms,
    turns,
    qualitySize: `${item.width}x${item.height}`,
  };
}

/** Times both in turn, so that a change of the machine's state meets both. */
async function takeTurns(options: PeersOptions): Promise<PeersResult['turns']> {
  const { threads, width, height, runs, onProgress } = options;
  const kept = (await readFrames(options)).filter((_, i) => i % 2 === 0);
  await using timer = await InterpolationTimer.start(await resolveModel(options.model), threads, kept, width, height);
  const turns: PeersResult['turns'][number][] = [];
  for (let i = 0; i < runs; i++) {
    onProgress(`turn ${i + 1} of ${runs}: ${kept.length - 1} interpolated frames each`);
    const framelift = medianTimes(await timer.run()).totalMs;
    turns.push({ framelift, minterpolate: await runMinterpolate(kept, width, height) });
  }
  return turns;
}

/** The first frames of the clip as tight I420. @throws FrameliftError `config.invalid` when it has too few. */
async function readFrames({ clip, width, height, frames }: PeersOptions): Promise<Uint8Array[]> {
  const count = 2 * frames + 1;
  const scaled = ['-vf', `scale=${width}:${height}`, '-pix_fmt', 'yuv420p', '-f', 'rawvideo', 'pipe:1'];
  const quiet = ['-hide_banner', '-loglevel', 'error'];
  const all = await runFfmpeg([...quiet, '-i', clip, '-frames:v', `${count}`, ...scaled]);
  const bytes = width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
  if (all.length === count * bytes)
    return Array.from({ length: count }, (_, i) => all.subarray(i * bytes, (i + 1) * bytes));
  throw new FrameliftError(
    'config.invalid',
    `${clip} has ${Math.floor(all.length / bytes)} frames: ${count} are needed`,
    {
      remedy: 'Give a longer --clip, or fewer --frames.',
    },
  );
}

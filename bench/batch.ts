/** What sharing a run among pairs of several streams does to throughput and latency, for each execution provider. */

import { FrameliftError } from '../src/errors.ts';
import { InterpEngine } from '../src/interp/engine/engine.ts';
import type { ModelSpec } from '../src/interp/models/manifest.ts';
import type { Provider } from '../src/interp/providers/provider.ts';
import { Arena } from '../src/media/arena.ts';
import type { Frame } from '../src/media/frame.ts';
import { systemClock } from '../src/time.ts';
import type { Size } from './arguments.ts';
import { movingClip } from './clip.ts';
import { loadClip } from './interpolation.ts';
import { quantile } from './statistics.ts';

/** What is measured. */
export interface BatchOptions {
  readonly model: ModelSpec;
  /** Threads of one inference. */
  readonly threads: number;
  readonly providers: readonly Provider[];
  readonly sizes: readonly Size[];
  /** Most pairs of a run. */
  readonly batches: readonly number[];
  /** Length of each measurement. */
  readonly seconds: number;
  readonly onProgress: (text: string) => void;
}

/** One provider, size and batch. */
export interface BatchRow {
  readonly provider: Provider;
  readonly width: number;
  readonly height: number;
  readonly batch: number;
  readonly pairsPerSecond: number;
  /** Mean pairs of a run: `batch`, if the engine was kept busy. */
  readonly pairsPerRun: number;
  /** Milliseconds of the network for one pair: its share of a run; the median. */
  readonly networkMs: number;
  /** Milliseconds from the submission of a pair to its frames, the wait for the run before included. */
  readonly latencyP50Ms: number;
  readonly latencyP95Ms: number;
}

/** Frames of a stream's clip, shown again and again. */
const FRAMES = 4;
/** Memory for 32 streams of 1080p, and what the engine needs. */
const ARENA_MB = 2048;

/** Measures every combination, one after the other. @throws FrameliftError `model.*`, `engine.failed`; `config.invalid` when the model cannot share runs. */
export async function measureBatches(options: BatchOptions): Promise<BatchRow[]> {
  const { providers, sizes, batches, onProgress } = options;
  const rows: BatchRow[] = [];
  for (const [width, height] of sizes) {
    onProgress(`${width}x${height}: drawing ${FRAMES} frames`);
    const clip = movingClip(width, height, FRAMES);
    for (const provider of providers) {
      for (const batch of batches) {
        onProgress(`${width}x${height}, ${provider}, batch ${batch}`);
        rows.push(await measureBatch(options, { provider, width, height, batch }, clip));
      }
    }
  }
  return rows;
}

type Case = Pick<BatchRow, 'provider' | 'width' | 'height' | 'batch'>;

/** Pairs that were finished while measured. */
interface Tally {
  readonly latenciesMs: number[];
  readonly networksMs: number[];
}

async function measureBatch(options: BatchOptions, of: Case, clip: readonly Uint8Array[]): Promise<BatchRow> {
  const { model, threads, seconds } = options;
  const { provider, width, height, batch } = of;
  const arena = new Arena(ARENA_MB);
  let runs = 0;
  const events = { emit: ({ type }: { type: string }) => void (type === 'inference' && runs++) };
  await using engine = await InterpEngine.start({ arena, clock: systemClock, events, model, provider, threads, batch });
  if (engine.batch !== batch) {
    throw new FrameliftError('config.invalid', `model ${model.id} cannot run ${batch} pairs at a time`, {
      remedy: 'Its file must leave the first dimension of every input and output free: see docs/architecture.md.',
    });
  }
  await engine.warmUp(width, height);
  // One batch waits while another runs.
  const streams = Array.from({ length: 2 * batch }, () => loadClip(arena, clip, width, height));
  await drive(engine, streams, seconds / 4);
  runs = 0;
  const begin = performance.now();
  const { latenciesMs, networksMs } = await drive(engine, streams, seconds);
  const pairs = latenciesMs.length;
  return {
    ...of,
    pairsPerSecond: (1000 * pairs) / (performance.now() - begin),
    pairsPerRun: pairs / runs,
    networkMs: quantile(networksMs, 0.5),
    latencyP50Ms: quantile(latenciesMs, 0.5),
    latencyP95Ms: quantile(latenciesMs, 0.95),
  };
}

/** Has each stream ask for its next pair as soon as it has the last one, for so many seconds. */
async function drive(engine: InterpEngine, streams: readonly (readonly Frame[])[], seconds: number): Promise<Tally> {
  const tally: Tally = { latenciesMs: [], networksMs: [] };
  const end = performance.now() + 1000 * seconds;
  const play = async (frames: readonly Frame[], stream: string): Promise<void> => {
    for (let n = 0; performance.now() < end; n++) {
      const [a, b] = [frames[n % frames.length], frames[(n + 1) % frames.length]];
      if (!a || !b) throw new FrameliftError('engine.failed', 'a stream without frames');
      const begin = performance.now();
      const result = await engine.interpolate({ stream, a, b, timesteps: [0.5] });
      if (result.status !== 'done') throw new FrameliftError('engine.failed', `a pair was refused: ${result.reason}`);
      tally.latenciesMs.push(performance.now() - begin);
      tally.networksMs.push(result.spanMicros.network / 1000);
      for (const frame of result.frames) frame.release();
    }
  };
  await Promise.all(streams.map((frames, i) => play(frames, `s${i}`)));
  return tally;
}

/** The whole product at work: a file at its real pace, `framelift serve`, WebRTC viewers on loopback. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, type ConfigInput, parseConfig } from '../src/config.ts';
import { FrameliftError } from '../src/errors.ts';
import { rateTarget, Scheduler } from '../src/interp/schedule.ts';
import { toMs } from '../src/time.ts';
import { type App, startApp } from '../test/support/app.ts';
import { type LiveFormat, liveClip } from './live-clip.ts';
import { type Histogram, Scrape } from './metrics-text.ts';
import { countSlots, gridSlots, judgeArrivals, ON_TIME_MS, type SlotCount, type Viewed } from './slots.ts';
import { type Growth, growth, rounded, type Spread, spread } from './statistics.ts';
import { type Cores, coresBetween, processorTime, residentMiB } from './threads.ts';
import { ViewerProcess } from './viewer-process.ts';

/** What is measured. */
export interface LiveOptions extends LiveFormat {
  /** Output frames per second. */
  readonly target: number;
  /** Length of the measurement. */
  readonly seconds: number;
  /** Seconds from the first picture of the last viewer to the start of the measurement. */
  readonly warmUpSeconds: number;
  /** Streams at a time, each with a viewer of its own. */
  readonly streams: number;
  readonly model: string;
  /** Interpolation workers. Default: the product's. */
  readonly workers?: number | undefined;
  /** Threads of one inference. Default: the product's. */
  readonly threads?: number | undefined;
  readonly onProgress: (text: string) => void;
}

/** One stream over the measurement, as the server counted it and as its viewer saw it. */
export interface StreamResult extends SlotCount {
  readonly name: string;
  /** Of the slots between source frames, how many showed an interpolated frame. */
  readonly interpolatedGapPercent: number | null;
  /** Frames that the pacer released, by fate. */
  readonly frames: Readonly<Record<string, number>>;
  /** Repeated frames by reason. */
  readonly repeats: Readonly<Record<string, number>>;
  /** Frames given up, by stage. */
  readonly drops: Readonly<Record<string, number>>;
  readonly deadlineMisses: number;
  /** Release after due time. */
  readonly latenessMs: Spread;
  /** Arrival of a source frame to its own release. */
  readonly addedLatencyMs: Spread;
  /** Arrival of a source frame (of the later parent for made ones) to its first packet sent. */
  readonly sentLatencyMs: Spread;
  readonly stagesMs: Readonly<Record<string, Spread>>;
  readonly viewer: Viewed;
}

/** What was measured, the product's defaults filled in. */
interface LiveSettings extends Omit<LiveOptions, 'onProgress' | 'model' | 'workers' | 'threads'> {
  readonly engine: Config['engine'];
  readonly onTimeWithinMs: number;
}

/** The whole measurement. */
export interface LiveResult {
  readonly settings: LiveSettings;
  /** Least of all streams. */
  readonly onTimePercent: number;
  readonly interpolatedGapPercent: number | null;
  /** Added latency that arithmetic alone demands: (N−1)/N · T at N output frames for each source interval T. */
  readonly floorMs: number;
  /** The same for the output times there really are: up to T where N is no whole number. */
  readonly gridFloorMs: number;
  /** Greatest 95th percentile of added latency, less `floorMs`. */
  readonly overFloorP95Ms: number | null;
  readonly streams: readonly StreamResult[];
  /** Cores that the server used; null where the system does not tell. */
  readonly cores: Cores | null;
  /** Resident memory of the server; null where the system does not tell, or too few samples were taken. */
  readonly memoryMiB: Growth | null;
}

/** Stages whose time is reported. */
const STAGES = ['decode', 'interpolate', 'pace', 'encode', 'packetize', 'peer'];
const SAMPLE_MS = 500;
/** File beyond what is measured: opening, connecting, the last frames. */
const SPARE_SECONDS = 60;

/**
 * Runs `framelift serve` as a child process and measures it.
 * @throws FrameliftError `config.invalid`, `ffmpeg.missing`, `ffmpeg.failed`; `server.failed` when it does not start or a viewer gets nothing.
 */
export async function measureLive(options: LiveOptions): Promise<LiveResult> {
  const { seconds, warmUpSeconds, onProgress } = options;
  onProgress(`preparing the ${options.width}x${options.height} clip`);
  const clip = await liveClip(options, seconds + warmUpSeconds + SPARE_SECONDS);
  const given = configuration(options, clip);
  const { engine } = parseConfig(given, 'live');
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'framelift-live-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'framelift.json');
  await writeFile(config, JSON.stringify(given));
  const app = await start(config);
  stack.defer(async () => void (await app.stop()));
  const names = streamNames(options.streams);
  const viewers: ViewerProcess[] = [];
  for (const name of names) viewers.push(stack.use(await ViewerProcess.start(`${app.url}/whep/${name}`)));
  onProgress(`${names.length} viewed; warming up for ${warmUpSeconds} s`);
  await sleep(1000 * warmUpSeconds);
  onProgress(`measuring for ${seconds} s`);
  return await measure(options, engine, app, viewers);
}

function streamNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `live${i + 1}`);
}

/** The configuration file: JSON is YAML. */
function configuration({ streams, target, model, workers, threads }: LiveOptions, clip: string): ConfigInput {
  return {
    log: 'warn',
    engine: { model, ...(workers && { workers }), ...(threads && { threads }) },
    streams: streamNames(streams).map((name) => ({ name, source: clip, fps: target })),
  };
}

async function start(config: string): Promise<App> {
  try {
    return await startApp(['--config', config]);
  } catch (cause) {
    throw new FrameliftError('server.failed', `framelift did not start: ${String(cause)}`, { cause });
  }
}

async function measure(
  options: LiveOptions,
  engine: Config['engine'],
  app: App,
  viewers: readonly ViewerProcess[],
): Promise<LiveResult> {
  const { seconds } = options;
  for (const viewer of viewers) viewer.begin();
  const processorBefore = processorTime(app.pid);
  const before = await scrape(app);
  const resident: number[] = [];
  for (let left = 1000 * seconds; left > 0; left = before.at + 1000 * seconds - epochMs()) {
    await sleep(Math.min(SAMPLE_MS, left));
    const mib = residentMiB(app.pid);
    if (mib !== null) resident.push(mib);
  }
  const after = await scrape(app);
  const cores = coresBetween(processorBefore, processorTime(app.pid));
  const arrivals = await Promise.all(viewers.map((viewer) => viewer.end()));
  const elapsed = (after.at - before.at) / 1000;
  const counted = after.metrics.since(before.metrics);
  const streams = streamNames(options.streams).map((name, i) => {
    const seen = (arrivals[i] ?? []).filter(({ at }) => at >= before.at && at < after.at);
    return streamResult(name, counted, options.target, elapsed, judgeArrivals(seen, options.target, elapsed));
  });
  return { ...summary(options, engine, streams), cores, memoryMiB: growth(resident) ?? null };
}

/** Now on a steady clock that all processes of the machine share, milliseconds since the Unix epoch. */
function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** The counters now. */
async function scrape(app: App): Promise<{ at: number; metrics: Scrape }> {
  try {
    const answer = await fetch(`${app.url}/metrics`, { headers: { connection: 'close' } });
    return { at: epochMs(), metrics: Scrape.parse(await answer.text()) };
  } catch (cause) {
    const last = app.log().trim().split('\n').slice(-5).join('\n');
    throw new FrameliftError('server.failed', `framelift no longer answers; the last it said:\n${last}`, { cause });
  }
}

/** One stream from what was counted in `seconds`. */
function streamResult(name: string, counted: Scrape, target: number, seconds: number, viewer: Viewed): StreamResult {
  const where = { stream: name };
  const frames = counted.by('framelift_frames_total', 'fate', where);
  const drops = counted.by('framelift_frames_dropped_total', 'stage', where);
  const lateness = counted.histogram('framelift_release_lateness_seconds', where);
  // A frame that was released and then given up was seen by nobody.
  const lost = (drops.encode ?? 0) + (drops.packetize ?? 0) + (drops.peer ?? 0);
  const released = Math.max(0, lateness.count - lost);
  const onTime = Math.min(released, Math.max(0, lateness.upTo(ON_TIME_MS / 1000) - lost));
  const slots = countSlots(gridSlots(target, seconds), released, onTime);
  const { source = 0, interpolated = 0 } = frames;
  const between = slots.slots - source;
  return {
    name,
    ...slots,
    interpolatedGapPercent: between > 0 ? rounded((100 * interpolated) / between, 3) : null,
    frames,
    repeats: counted.by('framelift_frames_repeated_total', 'reason', where),
    drops,
    deadlineMisses: counted.total('framelift_deadline_misses_total', where),
    latenessMs: milliseconds(lateness),
    addedLatencyMs: milliseconds(counted.histogram('framelift_added_latency_seconds', where)),
    sentLatencyMs: milliseconds(counted.histogram('framelift_latency_seconds', { ...where, variant: 'upconverted' })),
    stagesMs: Object.fromEntries(
      STAGES.map(
        (stage) => [stage, counted.histogram('framelift_stage_duration_seconds', { ...where, stage })] as const,
      )
        .filter(([, histogram]) => histogram.count > 0)
        .map(([stage, histogram]) => [stage, milliseconds(histogram)]),
    ),
    viewer,
  };
}

function summary(
  options: LiveOptions,
  engine: Config['engine'],
  streams: readonly StreamResult[],
): Omit<LiveResult, 'cores' | 'memoryMiB'> {
  const { width, height, target, fps, seconds, warmUpSeconds } = options;
  const floorMs = Math.max(0, (1000 * (target - fps)) / (target * fps));
  const scheduler = new Scheduler(rateTarget({ fps: target }), { fps });
  const gaps = streams.map((stream) => stream.interpolatedGapPercent ?? Number.NaN);
  const added = streams.map((stream) => stream.addedLatencyMs.p95 ?? Number.NaN);
  return {
    settings: {
      width,
      height,
      fps,
      target,
      seconds,
      warmUpSeconds,
      streams: streams.length,
      engine,
      onTimeWithinMs: ON_TIME_MS,
    },
    onTimePercent: Math.min(...streams.map((stream) => stream.onTimePercent)),
    interpolatedGapPercent: rounded(Math.min(...gaps), 3),
    floorMs: Number(floorMs.toFixed(2)),
    gridFloorMs: Number(toMs(scheduler.floor).toFixed(2)),
    overFloorP95Ms: rounded(Math.max(...added) - floorMs),
    streams,
  };
}

/** Quantiles of a histogram of seconds, linear within its buckets. */
function milliseconds(histogram: Histogram): Spread {
  return spread((share) => 1000 * histogram.quantile(share));
}

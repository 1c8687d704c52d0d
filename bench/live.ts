/** The whole product at work: a file at its real pace, `framelift serve`, WebRTC viewers on loopback. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../src/config/parse.ts';
import type { ConfigInput } from '../src/config/schema.ts';
import { FrameliftError } from '../src/errors.ts';
import { type App, startApp } from '../test/support/app.ts';
import { type LiveFormat, liveClip } from './live-clip.ts';
import { type LiveResult, type LiveSettings, streamResult, summary } from './live-result.ts';
import { Scrape } from './metrics-text.ts';
import { judgeArrivals } from './slots.ts';
import { growth } from './statistics.ts';
import { coresBetween, processorTime, residentMiB } from './threads.ts';
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

const SAMPLE_MS = 500;
/** File beyond what is measured: opening, connecting, the last frames. */
const SPARE_SECONDS = 60;

/**
 * Runs `framelift serve` as a child process and measures it.
 * @throws FrameliftError `config.invalid`, `ffmpeg.missing`, `ffmpeg.failed`; `server.failed` when it does not start or a viewer gets nothing.
 */
export async function measureLive(options: LiveOptions): Promise<LiveResult> {
  const { width, height, fps, target, seconds, warmUpSeconds, onProgress } = options;
  onProgress(`preparing the ${width}x${height} clip`);
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
  return await measure({ width, height, fps, target, seconds, warmUpSeconds, engine }, app, viewers);
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

async function measure(settings: LiveSettings, app: App, viewers: readonly ViewerProcess[]): Promise<LiveResult> {
  const { target, seconds } = settings;
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
  const streams = streamNames(viewers.length).map((name, i) => {
    const seen = (arrivals[i] ?? []).filter(({ at }) => at >= before.at && at < after.at);
    return streamResult(name, counted, target, elapsed, judgeArrivals(seen, target, elapsed));
  });
  return { ...summary(settings, streams), cores, memoryMiB: growth(resident) ?? null };
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

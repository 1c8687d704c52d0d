import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Scrape } from '../../bench/metrics-text.ts';
import { type App, startApp } from '../support/app.ts';
import { Burner } from '../support/burner.ts';
import { ffmpeg, temporaryFolder, testVideo } from '../support/media.ts';
import { watching } from '../support/watching.ts';

const SAMPLE_MS = 200;
const STREAM = { stream: 'live' };

/** Where the ladder stood at a time. */
interface Sample {
  /** Seconds since the start of the run. */
  readonly at: number;
  readonly depth: number;
  readonly rung: string;
}

/** One run: alone, beside a load, alone again. */
interface Run {
  readonly samples: readonly Sample[];
  /** Seconds at which the load began and ended. */
  readonly load: readonly [from: number, to: number];
  /** What the metrics counted from beginning to end. */
  readonly counted: Scrape;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder?.remove());

/** framelift doubling the rate of a looped clip of 30 fps, once its model is ready. */
async function start(size: string, budget: string): Promise<App> {
  const clip = join(folder.path, `${size}.mp4`);
  await ffmpeg(...testVideo(size, '30', 600, '-g', '60', clip));
  const app = await startApp([
    `live=${clip}`,
    '--loop',
    '--factor',
    '2',
    '--latency-budget',
    budget,
    '--provider',
    'cpu',
  ]);
  onTestFinished(async () => {
    const end = await app.stop();
    expect(end.code, app.log()).toBe(0);
    expect(app.log()).toContain('"liveFrames":0');
  });
  await expect.poll(async () => (await app.stream('live')).ladder?.rung, { timeout: 20_000 }).toBeDefined();
  const viewer = await watching(app, 'live');
  onTestFinished(() => viewer[Symbol.asyncDispose]());
  return app;
}

async function scrape(app: App): Promise<Scrape> {
  return Scrape.parse(await (await fetch(`${app.url}/metrics`)).text());
}

/** Takes so many seconds of each part. The load would like to have every processor `share` times. */
async function underLoad(app: App, parts: readonly [number, number, number], share: number): Promise<Run> {
  const samples: Sample[] = [];
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const watch = async (until: number): Promise<void> => {
    while (elapsed() < until) {
      const { ladder } = await app.stream('live');
      if (ladder) samples.push({ at: elapsed(), depth: ladder.rungs.indexOf(ladder.rung), rung: ladder.rung });
      await sleep(SAMPLE_MS);
    }
  };
  const before = await scrape(app);
  await watch(parts[0]);
  const from = elapsed();
  {
    await using _ = new Burner(Math.ceil(share * availableParallelism()));
    await watch(from + parts[1]);
  }
  const to = elapsed();
  await watch(to + parts[2]);
  const counted = (await scrape(app)).since(before);
  const course = samples.filter(({ depth }, i) => depth !== samples[i - 1]?.depth);
  console.log(
    `load ${from.toFixed(0)} to ${to.toFixed(0)} s: ${course.map(({ at, rung }) => `${at.toFixed(1)} ${rung}`).join(', ')}`,
  );
  return { samples, load: [from, to], counted };
}

/** Samples of a span. */
function between({ samples }: Run, from: number, to: number): readonly Sample[] {
  return samples.filter(({ at }) => at >= from && at < to);
}

/** The depth of most samples. */
function usual(samples: readonly Sample[]): number {
  const depths = samples.map(({ depth }) => depth).toSorted((a, b) => a - b);
  return depths[depths.length >> 1] ?? 0;
}

/** Every source frame was shown, in time, and none was held back beyond the budget, but for what the machine's own scheduling costs. */
function expectContract({ counted }: Run, budgetMs: number): void {
  const shown = counted.total('framelift_frames_total', { ...STREAM, fate: 'source' });
  const arrived = counted.total('framelift_pairs_total', STREAM);
  const late = counted.histogram('framelift_release_lateness_seconds', STREAM);
  const added = counted.histogram('framelift_added_latency_seconds', STREAM);
  const share = (ms: number): string => `${((100 * late.upTo(ms / 1000)) / late.count).toFixed(2)} %`;
  const held = [0.5, 0.95, 0.99].map((quantile) => `${(1000 * added.quantile(quantile)).toFixed(1)} ms`);
  console.log(`source frames shown: ${shown} of ${arrived}; added latency p50, p95, p99: ${held.join(', ')}`);
  console.log(
    `released within 4 ms of their time: ${share(4)}, 8 ms: ${share(8)}, 16.7 ms: ${share(16.7)}, 50 ms: ${share(50)}`,
  );
  // Frames on their way at either end, and those that a process which gets no processor for 50 ms gives up.
  expect(Math.abs(arrived - shown)).toBeLessThanOrEqual(4 + 0.005 * arrived);
  // Timers of a process that shares its processors with the load fire late: a frame is on time when it leaves before the next slot.
  expect(late.upTo(0.0167) / late.count).toBeGreaterThanOrEqual(0.99);
  expect(1000 * added.quantile(0.95)).toBeLessThanOrEqual(budgetMs + 1);
  expect(1000 * added.quantile(0.99)).toBeLessThanOrEqual(budgetMs + 17);
}

it('watched, half of the time beside a load: settles, shows every source frame, keeps its budget, climbs back', async () => {
  const app = await start('640x360', '60ms');
  const run = await underLoad(app, [5, 12, 10], 1);
  const [from, to] = run.load;
  const settled = between(run, from + 3, to);
  const depth = usual(settled);
  // Trials may lift it for a moment.
  expect(settled.filter((sample) => sample.depth >= depth).length / settled.length).toBeGreaterThan(0.8);
  const calm = usual(between(run, 3, from));
  expect(depth).toBeGreaterThanOrEqual(calm);
  expect(between(run, to, to + 10).some((sample) => sample.depth <= calm)).toBe(true);
  expectContract(run, 60);
});

it('is at the top when it has the machine, below it beside a load, and at the top within 10 s of its end', async () => {
  const app = await start('640x360', '60ms');
  const run = await underLoad(app, [8, 12, 15], 4);
  const [from, to] = run.load;
  expect(usual(between(run, 3, from))).toBe(0);
  expect(usual(between(run, from + 3, to))).toBeGreaterThan(0);
  expect(between(run, to, to + 10).some(({ depth }) => depth === 0)).toBe(true);
  expect(usual(between(run, to + 10, to + 15))).toBe(0);
  const { ladder } = await app.stream('live');
  expect(ladder).toMatchObject({ rungs: ['flow-s', 'flow-s@0.5', 'search', 'hold'], reason: 'recovered' });
  expect(
    run.counted.total('framelift_ladder_changes_total', { ...STREAM, rung: 'flow-s', reason: 'recovered' }),
  ).toBeGreaterThan(0);
  const lines = app.log().match(/"msg":"ladder \S+ → \S+"/g) ?? [];
  const changes = (await scrape(app)).total('framelift_ladder_changes_total', STREAM);
  expect(lines).toHaveLength(changes);
});

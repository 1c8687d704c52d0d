/** What a stream costs that nobody watches, and how soon one who comes has a picture. */
import { FrameliftError } from '../src/errors.ts';
import { type App, startApp } from '../test/support/app.ts';
import { startCamera } from '../test/support/camera.ts';
import { WhepClient } from '../test/support/whep-client.ts';
import { Scrape } from './metrics-text.ts';
import { quantile } from './statistics.ts';

/** What is measured: the camera's picture, for how long, and how often somebody joins. */
export interface IdleOptions {
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  readonly joins: number;
}

/** One way to have nobody. */
export interface IdleRow {
  readonly source: 'read' | 'on demand';
  /** Processor time of the whole server, in cores: without viewers, and with one. */
  readonly idleCores: number;
  readonly watchedCores: number;
  /** From the offer to the last packet of the first picture. */
  readonly firstPictureMs: { readonly median: number; readonly worst: number };
}

/** What is made for somebody is made 5 s longer, and a source is read for 5 s at least. */
const SETTLE_MS = 8000;
const WARM_UP_MS = 6000;

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** @throws FrameliftError `server.failed` when a stream does not come to rest. */
export async function measureIdle(options: IdleOptions): Promise<IdleRow[]> {
  await using stack = new AsyncDisposableStack();
  const camera = await startCamera({ size: `${options.width}x${options.height}` });
  stack.defer(() => camera.stop());
  const rows: IdleRow[] = [];
  for (const source of ['read', 'on demand'] as const) {
    const app = await startApp([`cam=${camera.url}`, ...(source === 'read' ? [] : ['--on-demand'])]);
    try {
      rows.push({ source, ...(await measure(app, source, options)) });
    } finally {
      await app.stop();
    }
  }
  return rows;
}

async function measure(app: App, source: IdleRow['source'], options: IdleOptions): Promise<Omit<IdleRow, 'source'>> {
  const { seconds, joins } = options;
  const url = `${app.url}/whep/cam`;
  await sleep(WARM_UP_MS);
  const times: number[] = [];
  for (let join = 0; join < joins; join++) {
    await rest(app, source);
    times.push(await firstPicture(url));
  }
  await rest(app, source);
  const idleCores = await cores(app, seconds);
  const viewer = await WhepClient.play(url, () => {});
  await sleep(WARM_UP_MS);
  const watchedCores = await cores(app, seconds);
  await viewer[Symbol.asyncDispose]();
  return { idleCores, watchedCores, firstPictureMs: { median: quantile(times, 0.5), worst: Math.max(...times) } };
}

async function rest(app: App, source: IdleRow['source']): Promise<void> {
  await sleep(SETTLE_MS);
  const { phase } = await app.stream('cam');
  const expected = source === 'read' ? 'live' : 'asleep';
  if (phase !== expected) throw new FrameliftError('server.failed', `the stream is ${phase}, not ${expected}`);
}

async function firstPicture(url: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const from = performance.now();
  await using viewer = await WhepClient.play(url, ({ header }) => header.marker && resolve(performance.now()));
  const until = await promise;
  await fetch(viewer.resource, { method: 'DELETE' });
  return until - from;
}

async function cores(app: App, seconds: number): Promise<number> {
  const used = async (): Promise<number> =>
    Scrape.parse(await (await fetch(`${app.url}/metrics`)).text()).total('framelift_cpu_seconds_total');
  const [before, began] = [await used(), performance.now()];
  await sleep(1000 * seconds);
  return (1000 * ((await used()) - before)) / (performance.now() - began);
}

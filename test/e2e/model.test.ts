import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Scrape } from '../../bench/metrics-text.ts';
import { type App, startApp } from '../support/app.ts';
import { bearer, TOKENS } from '../support/tokens.ts';
import { watching } from '../support/watching.ts';

const DEMO = { stream: 'demo' };

let app: App;
let viewer: AsyncDisposable;

beforeAll(async () => {
  app = await startApp(['--model', 'auto', '--provider', 'cpu']);
  viewer = await watching(app, 'demo');
});

afterAll(async () => {
  await viewer?.[Symbol.asyncDispose]();
  const end = await app?.stop();
  expect(end?.code, app?.log()).toBe(0);
  expect(app?.log()).toContain('"liveFrames":0');
});

const scrape = async (): Promise<Scrape> => Scrape.parse(await (await fetch(`${app.url}/metrics`)).text());

const change = (model: string): Promise<Response> =>
  fetch(`${app.url}/api/streams/demo`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...bearer(TOKENS.admin) },
    body: JSON.stringify({ model }),
  });

it('chooses a model by measurement, and changes it on request: no frame is missing', async () => {
  await expect.poll(async () => (await app.stream('demo')).ladder?.rung, { timeout: 20_000 }).toBeDefined();
  expect(app.log()).toMatch(
    /"measured":\[\{"model":"flow-s","result":"\d+ ms","fits":(true|false)\}.*"msg":"auto chose /,
  );
  await sleep(1000);
  const before = await scrape();
  const began = performance.now();
  const answers: unknown[] = [];
  for (const model of ['search', 'no-such-model', 'flow-s', 'auto']) {
    const response = await change(model);
    const { model: now, code } = (await response.json()) as { model?: string; code?: string };
    answers.push([response.status, now ?? code]);
    await sleep(1500);
  }
  expect(answers).toEqual([
    [200, 'search'],
    [422, 'model.not-found'],
    [200, 'flow-s'],
    [200, expect.stringMatching(/^(flow-s|flow-s@0\.5|search)$/)],
  ]);
  const seconds = (performance.now() - began) / 1000;
  const counted = (await scrape()).since(before);
  const released = counted.total('framelift_frames_total', DEMO);
  const source = counted.total('framelift_frames_total', { ...DEMO, fate: 'source' });
  console.log(`${released} frames in ${seconds.toFixed(1)} s, ${source} of them the source's`);
  expect(released / seconds).toBeGreaterThan(59);
  expect(Math.abs(source - counted.total('framelift_pairs_total', DEMO))).toBeLessThanOrEqual(3);
  expect(counted.total('framelift_frames_repeated_total', { ...DEMO, reason: 'no-model' })).toBe(0);
});

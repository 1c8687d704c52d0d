/** What nobody watches costs nothing, and is there soon for who comes. */
import { expect, it } from 'vitest';
import { Scrape } from '../../bench/metrics-text.ts';
import { type App, startApp } from '../support/app.ts';
import { startCamera } from '../support/camera.ts';
import { WhepClient } from '../support/whep-client.ts';
import { until } from '../support/whip-rig.ts';

async function count(app: App, name: string, labels: Record<string, string>): Promise<number> {
  return Scrape.parse(await (await fetch(`${app.url}/metrics`)).text()).total(name, labels);
}

it.concurrent('reads a camera and makes frames only while somebody watches', async ({ onTestFinished }) => {
  const camera = await startCamera({ size: '320x180', fps: 30 });
  onTestFinished(() => camera.stop());
  const cam = camera.url;
  const app = await startApp([`drowsy=${cam}`, `wakeful=${cam}`, '--model', 'search', '--on-demand']);
  onTestFinished(async () => {
    expect((await app.stop()).code, app.log()).toBe(0);
    expect(app.log()).toContain('"liveFrames":0');
  });
  const viewer = await WhepClient.play(`${app.url}/whep/wakeful?variant=source`, () => {});
  await expect.poll(async () => (await app.stream('drowsy')).phase, { timeout: 15_000 }).toBe('asleep');
  expect((await app.stream('drowsy')).state).toBe('asleep');
  expect((await app.stream('wakeful')).phase).toBe('live');
  expect((await fetch(`${app.url}/readyz`)).status).toBe(200);

  // Who watches the source has no frames made, and none are missed by the stream's state.
  const made = { stream: 'wakeful', fate: 'interpolated' };
  expect(await count(app, 'framelift_frames_total', made)).toBe(0);
  expect(await count(app, 'framelift_frames_repeated_total', { reason: 'unwatched' })).toBeGreaterThan(30);
  expect((await app.stream('wakeful')).state).toBe('full');
  await viewer[Symbol.asyncDispose]();

  const asked = performance.now();
  await using late = await WhepClient.play(`${app.url}/whep/drowsy`);
  await until('a picture', () => late.packets.some(({ header }) => header.marker));
  console.log(`first picture of a sleeping source after ${(performance.now() - asked).toFixed(0)} ms`);
  expect(performance.now() - asked).toBeLessThan(5000);
  await expect
    .poll(() => count(app, 'framelift_frames_total', { stream: 'drowsy', fate: 'interpolated' }), { timeout: 10_000 })
    .toBeGreaterThan(30);
  await expect.poll(async () => (await app.stream('drowsy')).state, { timeout: 10_000 }).toBe('full');
});

it.concurrent('says so when the camera is gone that somebody wants to see', async ({ onTestFinished }) => {
  const camera = await startCamera({ size: '320x180', fps: 30 });
  const app = await startApp([`cam=${camera.url}`, '--model', 'search', '--on-demand']);
  onTestFinished(async () => void (await app.stop()));
  await expect.poll(async () => (await app.stream('cam')).phase, { timeout: 15_000 }).toBe('asleep');
  await camera.stop();
  // What was on its way when the source was stopped is gone.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await expect(WhepClient.play(`${app.url}/whep/cam`)).rejects.toThrow('no frame yet');
  expect((await app.stream('cam')).error).toMatch(/^nothing listens on/);
});

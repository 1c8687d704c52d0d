import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { type ForeignStack, playFor, startPublisher } from '../support/foreign-peer.ts';
import { TOKENS } from '../support/tokens.ts';

const SIZE = { width: 320, height: 240 };
const SECONDS = 3;
const SETTLE_SECONDS = 2;
const PUBLISHED_FPS = 30;

let app: App;

beforeAll(async () => {
  app = await startApp(['cam=whip', '--factor', '2']);
});

afterAll(async () => {
  const end = await app?.stop();
  expect(end?.code, app?.log()).toBe(0);
  expect(app.log()).toContain('"liveFrames":0');
});

/** The sum of all series of `metric` that have these labels. */
async function total(metric: string, labels: string): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const series = text.split('\n').filter((line) => line.startsWith(`${metric}{`) && line.includes(labels));
  return series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const decoded = (): Promise<number> => total('framelift_stage_duration_seconds_count', 'stage="decode"');
const interpolated = (): Promise<number> => total('framelift_frames_total', 'fate="interpolated"');

const MEETINGS: readonly [publisher: ForeignStack, codec: 'h264' | 'vp8', player: ForeignStack][] = [
  ['gstreamer', 'h264', 'aiortc'],
  ['gstreamer', 'vp8', 'gstreamer'],
  ['aiortc', 'h264', 'gstreamer'],
  ['aiortc', 'vp8', 'aiortc'],
];

it.each(MEETINGS)(
  '%s publishes %s by WHIP, %s plays it by WHEP at twice the rate',
  async (publisher, codec, player) => {
    const before = { decoded: await decoded(), interpolated: await interpolated() };
    const size = `${SIZE.width}x${SIZE.height}`;
    await using peer = startPublisher(publisher, `${app.url}/whip/cam`, { codec, size, token: TOKENS.publish });
    await expect.poll(decoded, { timeout: 10_000 }).toBeGreaterThan(before.decoded + 10);
    const playing = playFor(player, `${app.url}/whep/cam`, SECONDS);
    // A publisher may send at once what it held back while it connected, and what precedes its first keyframe in there is
    // lost by design: counted is what comes once it flows.
    await setTimeout(1000 * SETTLE_SECONDS);
    const start = { decoded: await decoded(), at: performance.now() };
    const played = await playing;
    const taken = (1000 * ((await decoded()) - start.decoded)) / (performance.now() - start.at);
    await peer.stop();
    const fps = played.frames / played.seconds;
    console.log(
      `${publisher} ${codec}: ${taken.toFixed(1)} pictures taken a second; ${player} decoded ${fps.toFixed(1)}`,
    );
    expect(played).toMatchObject(SIZE);
    expect(fps).toBeGreaterThanOrEqual(54);
    expect(fps).toBeLessThanOrEqual(64);
    expect(taken).toBeGreaterThanOrEqual(0.9 * PUBLISHED_FPS);
    expect((await interpolated()) - before.interpolated).toBeGreaterThan(0);
  },
);

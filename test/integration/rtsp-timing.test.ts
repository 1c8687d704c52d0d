import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import type { FakeRtsp } from '../support/fake-rtsp.ts';
import { encodeClip, type Oddity, startOddCamera } from '../support/odd-camera.ts';
import { bearer, TOKENS } from '../support/tokens.ts';
import { watching } from '../support/watching.ts';

/** Each camera, its B-frames, and what is told of it. */
const CAMERAS: Readonly<Record<string, Oddity & { readonly bframes?: number; readonly told?: RegExp }>> = {
  control: {},
  reordering: { bframes: 2, told: /^this camera reorders 2 frames: \+(79|80|81) ms$/ },
  unmarked: { unmarked: true, told: /does not mark where a frame ends, the next one tells: \+(39|40|41) ms$/ },
  slow: { fps: 24, stamp: (n) => n / 25, told: /^this camera's clock runs (3.8|3.9|4.0|4.1|4.2) % too slow/ },
  fast: { stamp: (n) => (n / 25) * 10.5, told: /^this camera's clock runs 10.[4-6] times too fast/ },
  still: { stamp: () => 7, told: /^its frames have no usable timestamps/ },
};
/** What must be filled of the gaps between source frames, measured by what is filled of the control's. */
const SHARE = 0.85;
const SECONDS = 14;

let app: App;
let viewers: AsyncDisposable;
const cameras: FakeRtsp[] = [];

/** A counter of the metrics, by its name and labels. */
async function counters(): Promise<(name: string, stream: string) => number> {
  const text = await (await fetch(`${app.url}/metrics`, { headers: bearer(TOKENS.admin) })).text();
  return (name, stream) => {
    const line = text.split('\n').find((each) => each.startsWith(`${name}{`) && each.includes(`stream="${stream}"`));
    return Number(line?.split(' ').at(-1) ?? Number.NaN);
  };
}

beforeAll(async () => {
  const clips = [encodeClip('256x144', 100, 0), encodeClip('256x144', 100, 2)];
  const sources: string[] = [];
  for (const [name, { bframes, ...oddity }] of Object.entries(CAMERAS)) {
    const clip = clips[bframes === undefined ? 0 : 1];
    if (!clip) throw new Error('no clip');
    const camera = await startOddCamera(clip, oddity);
    cameras.push(camera);
    sources.push(`${name}=${camera.url}`);
  }
  app = await startApp([...sources, '--model', 'blend', '--factor', '2', '--provider', 'cpu']);
  viewers = await watching(app, ...Object.keys(CAMERAS));
  await sleep(SECONDS * 1000);
});

afterAll(async () => {
  await viewers?.[Symbol.asyncDispose]();
  await app?.stop();
  await Promise.all(cameras.map((camera) => camera.close()));
});

describe.each(Object.entries(CAMERAS))('%s', (name, { told, fps = 25 }) => {
  test('is interpolated as a camera without oddities is', async () => {
    const share = async (stream: string): Promise<number> => {
      const { source, interpolated } = (await app.stream(stream)).stats.frames;
      expect(source).toBeGreaterThan(0.9 * fps * 4);
      return interpolated / source;
    };
    const control = await share('control');
    expect(control).toBeGreaterThan(0.5);
    expect(await share(name)).toBeGreaterThan(SHARE * control);
  });

  test('says what is odd, in the API and once in the log', async () => {
    const { timing } = await app.stream(name);
    expect(timing.map(({ text }) => text)).toEqual(told === undefined ? [] : [expect.stringMatching(told)]);
    const lines = app
      .log()
      .split('\n')
      .filter((line) => line.includes(`"stream":"${name}"`) && line.includes('"cause"'));
    expect(lines).toHaveLength(told === undefined ? 0 : 1);
  });
});

test('the same stands in the metrics', async () => {
  const of = await counters();
  expect(of('framelift_source_clock_ratio', 'fast')).toBeCloseTo(10.5, 0);
  expect(of('framelift_source_clock_ratio', 'control')).toBe(1);
  expect(of('framelift_source_wait_seconds', 'reordering')).toBeCloseTo(0.08, 2);
  expect(of('framelift_latency_cuts_total', 'fast')).toBe(0);
});

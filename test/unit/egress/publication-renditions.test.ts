import { afterEach, beforeEach, expect, it } from 'vitest';
import { Publication } from '../../../src/egress/publication.ts';
import { Arena } from '../../../src/media/arena.ts';
import { Frame, type Provenance, SOURCE } from '../../../src/media/frame.ts';
import type { MetricEvent } from '../../../src/metrics/events.ts';
import { fromMs, ManualClock, micros } from '../../../src/time.ts';
import { FakeViewer } from '../../support/fake-viewer.ts';
import { ScriptedEncoder } from '../../support/scripted-encoder.ts';

const MIDDLE: Provenance = { kind: 'synthetic', t: 0.5, model: 'm', confidence: 1 };

let clock: ManualClock;
let arena: Arena;
let encoders: ScriptedEncoder[];
let viewers: FakeViewer[];
let events: MetricEvent[];
let publication: Publication;

beforeEach(() => {
  clock = new ManualClock(fromMs(10_000));
  arena = new Arena(16);
  [encoders, viewers, events] = [[], [], []];
  publication = new Publication({
    ...{ stream: 'cam', variant: 'upconverted', clock, arena, fps: 60, bitrate: 4e6 },
    events: { emit: (event) => events.push(event) },
    connect: (_offer, _settings, _clock, told) => {
      const viewer = new FakeViewer(told);
      viewers.push(viewer);
      return Promise.resolve(viewer);
    },
    createEncoder: (options) => {
      const encoder = new ScriptedEncoder(options);
      encoders.push(encoder);
      return encoder;
    },
  });
});

afterEach(async () => {
  await publication[Symbol.asyncDispose]();
  expect(arena.liveFrames).toBe(0);
});

async function join(): Promise<FakeViewer> {
  if (!publication.live) run(0.1);
  await publication.join('offer');
  const viewer = viewers.at(-1);
  if (!viewer) throw new Error('nobody joined');
  viewer.connect();
  return viewer;
}

/** 60 frames a second, every second one interpolated. */
function run(seconds: number): void {
  for (let i = 0; i < seconds * 60; i += 1) {
    const now = clock.now();
    const provenance = i % 2 === 0 ? SOURCE : MIDDLE;
    const info = { pts: now, arrival: now, capture: clock.wall(), discontinuity: false, provenance };
    publication.push(Frame.allocate(arena, 640, 360, info));
    clock.advance(micros(16_667));
  }
}

const kindsOf = (viewer: FakeViewer): Set<string> => new Set(viewer.units.map(({ unit }) => unit.provenance.kind));

it('a weak viewer loses the interpolated frames and then bits, from a keyframe on; the other notices nothing', async () => {
  const [weak, other] = [await join(), await join()];
  run(2);
  expect(encoders).toHaveLength(1);
  const before = other.units.length;
  weak.path = { available: 1.4e6, congested: true, loss: 0 };
  weak.units.length = 0;
  run(2);
  const [full, reduced] = encoders;
  expect(encoders).toHaveLength(2);
  expect(reduced?.bitrate).toBe(1.4e6);
  expect(reduced?.options.fps).toBeCloseTo(30, 0);
  expect(new Set(reduced?.kinds)).toEqual(new Set(['source']));
  const switched = weak.units.findIndex(({ unit }) => unit.keyframe);
  expect(switched).toBeLessThan(6);
  expect(kindsOf(weak)).toContain('source');
  expect(weak.units.slice(switched).every(({ unit }) => unit.provenance.kind === 'source')).toBe(true);
  expect(weak.restarts).toBe(1);
  const dues = weak.units.map(({ unit }) => unit.due);
  expect(dues.every((due, i) => i === 0 || due > (dues[i - 1] ?? 0))).toBe(true);
  expect(other.units.length - before).toBe(120);
  expect(other.restarts).toBe(0);
  expect(full?.bitrate).toBe(4e6);
});

it('one encoder serves all weak viewers, at what the weakest takes; each is closed when nobody needs it', async () => {
  const [first, second] = [await join(), await join()];
  run(1);
  for (const weak of [first, second]) weak.path = { available: 1.4e6, congested: true, loss: 0 };
  run(1);
  second.path = { available: 0.9e6, congested: false, loss: 0 };
  run(1);
  expect(encoders).toHaveLength(2);
  expect(encoders[1]?.bitrate).toBe(0.9e6);
  second.path = { available: 0.15e6, congested: true, loss: 0 };
  run(2);
  const [, reduced, small] = encoders;
  expect(encoders).toHaveLength(3);
  expect([reduced?.bitrate, small?.bitrate]).toEqual([1.4e6, 0.15e6]);
  expect(new Set(small?.widths)).toEqual(new Set([320]));
  await second.close('gone');
  run(1);
  expect([reduced?.closed, small?.closed]).toEqual([false, true]);
});

it('looks for room while it has less, and climbs back with a keyframe that comes anyway', async () => {
  const weak = await join();
  await join();
  run(1);
  expect(weak.wanted).toBe(0);
  weak.path = { available: 1.4e6, congested: true, loss: 0 };
  run(3);
  expect(weak.wanted).toBeGreaterThan(4e6);
  weak.path = { available: 5e6, congested: false, loss: 0 };
  weak.units.length = 0;
  const [full, reduced] = encoders;
  run(1);
  expect(full?.keyframe).toBe(false);
  expect(kindsOf(weak)).toEqual(new Set(['source']));
  full?.requestKeyframe();
  run(1);
  expect(kindsOf(weak)).toEqual(new Set(['source', 'synthetic']));
  expect(reduced?.closed).toBe(true);
  expect(weak.wanted).toBe(0);
});

it('a weak viewer that asks for a keyframe gets one of its own encoder', async () => {
  const weak = await join();
  run(1);
  weak.path = { available: 1.4e6, congested: true, loss: 0 };
  run(1);
  const [full, reduced] = encoders;
  expect([full?.keyframe, reduced?.keyframe]).toEqual([false, false]);
  weak.units.length = 0;
  weak.events.keyframeNeeded('slow');
  weak.events.keyframeNeeded('slow');
  run(1);
  expect(full?.kinds.length).toBeGreaterThan(0);
  expect(weak.units.filter(({ unit }) => unit.keyframe)).toHaveLength(1);
});

it('a weak viewer is shown the last frame again, too, while the source is silent', async () => {
  const weak = await join();
  run(1);
  weak.path = { available: 1.4e6, congested: true, loss: 0 };
  run(1);
  weak.units.length = 0;
  clock.advance(fromMs(3100));
  expect(weak.units.map(({ unit }) => unit.provenance.kind)).toEqual(['synthetic', 'synthetic', 'synthetic']);
});

it('tells of paths and renditions once a second, never of viewers', async () => {
  const weak = await join();
  run(1);
  weak.path = { available: 1.4e6, congested: true, loss: 0.02 };
  run(3);
  const paths = events.filter(({ type }) => type === 'viewer-path');
  expect(paths.length).toBeGreaterThanOrEqual(2);
  expect(paths.at(-1)).toMatchObject({ stream: 'cam', variant: 'upconverted', bitsPerSecond: 1.4e6, loss: 0.02 });
  const told = { rendition: 'reduced', viewers: 1, bitsPerSecond: 1.4e6 };
  expect(events.findLast(({ type }) => type === 'rendition')).toMatchObject(told);
  expect(events.filter(({ type }) => type === 'rendition-change')).toHaveLength(1);
  await weak.close('gone');
  run(2);
  expect(events.findLast(({ type }) => type === 'rendition')).toMatchObject({ viewers: 0, bitsPerSecond: 0 });
});

it('a full arena costs the frames of half the size, and nothing else', async () => {
  const [weak, other] = [await join(), await join()];
  run(1);
  weak.path = { available: 0.1e6, congested: true, loss: 0 };
  run(2);
  expect(encoders.at(-1)?.widths.at(-1)).toBe(320);
  const [now, capture] = [clock.now(), clock.wall()];
  const info = { pts: now, arrival: now, capture, discontinuity: false, provenance: SOURCE };
  const [held, next] = [Frame.allocate(arena, 640, 360, info), Frame.allocate(arena, 640, 360, info)];
  // What was shown last makes no room: it is held.
  publication.push(held.share());
  const filling: ReturnType<Arena['allocate']>[] = [];
  expect(() => {
    for (;;) filling.push(arena.allocate(64 * 1024));
  }).toThrow('arena');
  const [before, halved] = [other.units.length, weak.units.length];
  publication.push(next);
  expect([other.units.length - before, weak.units.length - halved]).toEqual([1, 0]);
  expect(events.findLast(({ type }) => type === 'drop')).toMatchObject({ stage: 'encode', reason: 'arena-full' });
  for (const block of filling) arena.free(block);
  held.release();
  run(1);
  expect(weak.units.length - halved).toBeGreaterThan(20);
});

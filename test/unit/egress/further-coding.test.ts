import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EncoderName, SentCodec } from '../../../src/egress/codec/encoder-name.ts';
import { Publication } from '../../../src/egress/publication.ts';
import type { EncodedUnit } from '../../../src/egress/viewer.ts';
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
    connect: (offer, _settings, _clock, told) => {
      const viewer = new FakeViewer(told);
      // The test's offers are the codec's name.
      viewer.codec = offer as SentCodec;
      viewers.push(viewer);
      return Promise.resolve(viewer);
    },
    createEncoder: (options) => {
      const encoder = new ScriptedEncoder(options);
      encoders.push(encoder);
      return encoder;
    },
  });
  run(0.1);
});

afterEach(async () => {
  await publication[Symbol.asyncDispose]();
  expect(arena.liveFrames).toBe(0);
  expect(encoders.every(({ closed }) => closed)).toBe(true);
});

async function join(codec: SentCodec): Promise<FakeViewer> {
  await publication.join(codec);
  const viewer = viewers.at(-1)!;
  viewer.connect();
  return viewer;
}

/** 60 frames a second, every second one interpolated. */
function run(seconds: number): void {
  for (let i = 0; i < seconds * 60; i += 1) {
    const now = clock.now();
    const info = { pts: now, arrival: now, capture: clock.wall(), discontinuity: false };
    publication.push(Frame.allocate(arena, 640, 360, { ...info, provenance: i % 2 === 0 ? SOURCE : MIDDLE }));
    clock.advance(micros(16_667));
  }
}

const made = (units: readonly { unit: EncodedUnit }[]): Set<number | undefined> =>
  new Set(units.map(({ unit }) => unit.data.at(-1)));
const namesOf = (): EncoderName[] => encoders.map(({ name }) => name);

it('makes VP8 with one encoder for all who take no H.264, from a keyframe on, and H.264 for the others alone', async () => {
  const [first, other] = [await join('vp8'), await join('h264')];
  run(1);
  const late = await join('vp8');
  run(1);
  expect(namesOf().toSorted()).toEqual(['libvpx', 'x264']);
  expect([made(first.units), made(late.units), made(other.units)]).toEqual([new Set([8]), new Set([8]), new Set([4])]);
  expect([first.units.length, late.units.length, other.units.length]).toEqual([120, 60, 120]);
  expect([first, late].map(({ units }) => units[0]?.unit.keyframe)).toEqual([true, true]);
  // A descriptor of RFC 7741 is before the frame.
  expect(first.units[0]?.payloads[0]?.[0]).toBe(0x90);
  expect(new Set(late.units.map(({ unit }) => unit.provenance.kind))).toEqual(new Set(['source', 'synthetic']));
});

it('makes no H.264 where nobody takes it, and no VP8 before somebody does', async () => {
  await join('vp8');
  run(1);
  expect(namesOf()).toEqual(['libvpx']);
  await viewers[0]?.close('gone');
  await join('h264');
  run(1);
  expect(namesOf()).toEqual(['libvpx', 'x264']);
});

it('closes the encoder five seconds after its last viewer, while others watch on, and opens another for the next', async () => {
  await join('h264');
  const [first, last] = [await join('vp8'), await join('vp8')];
  run(1);
  const vpx = encoders.find(({ name }) => name === 'libvpx');
  await first.close('gone');
  run(6);
  expect(vpx?.closed).toBe(false);
  await last.close('gone');
  run(4);
  const frames = vpx?.kinds.length;
  expect(vpx?.closed).toBe(false);
  run(2);
  expect([vpx?.closed, vpx?.kinds.length]).toEqual([true, frames]);
  const next = await join('vp8');
  run(0.5);
  expect(next.units[0]?.unit.keyframe).toBe(true);
  expect(namesOf().filter((name) => name === 'libvpx')).toHaveLength(2);
});

it('a request for a keyframe is answered by the encoder of who asks, at most one in 300 ms', async () => {
  const [vp8, h264] = [await join('vp8'), await join('h264')];
  run(1);
  const before = encoders.map(({ name, keyframes }) => [name, keyframes]);
  for (let i = 0; i < 5; i += 1) vp8.events.keyframeNeeded('pli');
  run(0.2);
  expect(encoders.map(({ name, keyframes }) => [name, keyframes])).toEqual(
    before.map(([name, count]) => [name, name === 'libvpx' ? Number(count) + 1 : count]),
  );
  h264.events.keyframeNeeded('pli');
  run(0.2);
  expect(encoders.find(({ name }) => name === 'x264')?.keyframes).toBe(2);
});

it('a weak viewer loses interpolated frames and bits, of VP8 as of H.264; the others of VP8 notice nothing', async () => {
  const [weak, other] = [await join('vp8'), await join('vp8')];
  run(2);
  weak.path = { available: 1.4e6, congested: true, loss: 0 };
  run(1);
  weak.units.length = 0;
  const before = other.units.length;
  run(1);
  expect(namesOf()).toEqual(['libvpx', 'libvpx']);
  expect(encoders.map(({ bitrate }) => bitrate)).toEqual([4e6, 1.4e6]);
  expect(new Set(weak.units.map(({ unit }) => unit.provenance.kind))).toEqual(new Set(['source']));
  expect(other.units.length - before).toBe(60);
});

it('shows the last frame again to who joins while the source is silent', async () => {
  run(1);
  clock.advance(fromMs(3000));
  const viewer = await join('vp8');
  clock.advance(fromMs(20));
  expect(viewer.units.length).toBeGreaterThan(0);
  expect(viewer.units[0]?.unit.keyframe).toBe(true);
});

it('tells how many are served, once a second, and 0 when nobody is', async () => {
  const viewer = await join('vp8');
  run(3);
  const told = events.filter((event) => event.type === 'rendition');
  expect(told.at(-1)).toMatchObject({ rendition: 'vp8', viewers: 1, bitsPerSecond: 4e6 });
  expect(told.length).toBeLessThanOrEqual(5);
  await viewer.close('gone');
  run(1);
  expect(events.findLast(({ type }) => type === 'rendition')).toMatchObject({ viewers: 0, bitsPerSecond: 0 });
});

it('a new bitrate and the end reach it', async () => {
  await join('vp8');
  run(0.2);
  publication.setBitrate(1e6);
  run(0.2);
  expect(encoders[0]?.bitrate).toBe(1e6);
});

import { beforeAll, describe, expect, it } from 'vitest';
import { ImpairedPath } from '../support/impair.ts';
import { encodeClip } from '../support/odd-camera.ts';
import { type CodedUnit, h264Units, reorderedUnits, vp8Units, WhipPublisher } from '../support/whip-publisher.ts';
import { pause, until, WhipRig } from '../support/whip-rig.ts';

const SIZE = '640x360';
const units: Record<'H264' | 'VP8', CodedUnit[]> = { H264: [], VP8: [] };

beforeAll(() => {
  units.H264 = h264Units(SIZE, 90);
  units.VP8 = vp8Units(SIZE, 90);
});

/** Packets of the access units that are sent in `seconds`. */
const packetsIn = (codec: 'H264' | 'VP8', seconds: number): number => {
  const all = units[codec].reduce((sum, { payloads }) => sum + payloads.length, 0);
  return Math.round((all / units[codec].length) * 30 * seconds);
};

describe.concurrent.each(['H264', 'VP8'] as const)('%s by WHIP', (codec) => {
  it('over a good network: every frame, in even time, with its reports', async () => {
    await using rig = await WhipRig.start();
    await using publisher = await WhipPublisher.publish(rig.url, { codec, units: units[codec] });
    publisher.start();
    await rig.untilFrames(90);
    publisher.stop();
    await pause(300);
    expect(publisher.units - rig.frames.length).toBeLessThanOrEqual(2);
    expect(rig.lost).toBe(0);
    expect(rig.frames.every(({ size }) => size === SIZE)).toBe(true);
    expect(rig.frames.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    const steps = rig.frames.slice(1).map(({ ptsMs }, i) => ptsMs - (rig.frames[i]?.ptsMs ?? 0));
    expect(steps.reduce((sum, step) => sum + step, 0) / steps.length).toBeCloseTo(1000 / 30, 0);
    expect(rig.supervisor.status.info).toMatchObject({ codec: codec.toLowerCase(), width: 640, transport: 'whip' });
    expect(publisher.asked.packets).toBe(0);
    expect(publisher.asked.reports).toBeGreaterThanOrEqual(2);
    expect(publisher.asked.arrivals).toBeGreaterThan(10);
  });

  it('under 5 % loss, 30 ms jitter and reordering, across the wrap: 95 % of the frames and more', async () => {
    await using rig = await WhipRig.start();
    await using path = await ImpairedPath.open();
    const sequence = 65_536 - packetsIn(codec, 3.5);
    await using publisher = await WhipPublisher.publish(rig.url, { codec, units: units[codec], path, sequence });
    path.impair({ loss: 0.05, delayMs: 10, jitterMs: 30, reorder: 0.02, seed: 7 });
    publisher.start();
    await until('the wrap', () => publisher.sequence < 10_000, 10_000);
    await pause(3500);
    publisher.stop();
    await pause(500);
    const { frames } = rig;
    const share = frames.length / publisher.units;
    console.log(
      `${codec}: ${frames.length} of ${publisher.units} frames decoded, ${path.counts.lost} of ` +
        `${path.counts.passed + path.counts.lost} packets lost on the way, ${publisher.asked.packets} asked for again, ` +
        `${rig.lost} given up, ${publisher.asked.keyframes} keyframes asked for`,
    );
    expect(path.counts.lost).toBeGreaterThan(50);
    expect(share).toBeGreaterThanOrEqual(0.95);
    expect(frames.every(({ ptsMs }, i) => i === 0 || ptsMs > (frames[i - 1]?.ptsMs ?? 0))).toBe(true);
    const last = frames.at(-1)?.atMs ?? 0;
    expect(frames.filter(({ atMs }) => atMs > last - 1000).length).toBeGreaterThan(24);
  });

  it('a burst across the wrap that nothing mends: a keyframe is asked for, the stream goes on', async () => {
    await using rig = await WhipRig.start();
    const sequence = 65_536 - packetsIn(codec, 2);
    await using publisher = await WhipPublisher.publish(rig.url, { codec, units: units[codec], sequence });
    publisher.start();
    await until('the wrap to come near', () => publisher.sequence > 65_536 - 130, 10_000);
    const before = publisher.asked.keyframes;
    publisher.loseForGood(300);
    const at = performance.now();
    await until('the wrap', () => publisher.sequence > 200 && publisher.sequence < 10_000, 10_000);
    const through = performance.now();
    await until('frames to go on', () => rig.frames.some(({ atMs }) => atMs > through + 100), 3000);
    expect(publisher.asked.keyframes).toBeGreaterThan(before);
    expect(rig.lost).toBeGreaterThan(200);
    const resumed = rig.frames.find(({ atMs }) => atMs > through + 100)?.atMs ?? 0;
    console.log(`${codec}: the next frame came ${(resumed - at).toFixed(0)} ms after the burst began`);
    const flowing = performance.now();
    await pause(1000);
    expect(rig.frames.filter(({ atMs }) => atMs > flowing).length).toBeGreaterThan(20);
  });
});

it('B-frames: every frame in the order of showing, arriving when it can be known, which is told', async () => {
  await using rig = await WhipRig.start();
  const clip = reorderedUnits(encodeClip(SIZE, 100, 2));
  await using publisher = await WhipPublisher.publish(rig.url, { codec: 'H264', units: clip });
  publisher.start();
  await rig.untilFrames(90);
  publisher.stop();
  const { frames } = rig;
  const steps = frames.slice(1).map(({ ptsMs }, i) => ptsMs - (frames[i]?.ptsMs ?? 0));
  expect(steps.every((step) => step > 0)).toBe(true);
  expect(steps.reduce((sum, step) => sum + step, 0) / steps.length).toBeCloseTo(1000 / 30, 0);
  // Of the coded unit it would be two frames, 66 ms, before.
  const waits = frames.map(({ atMs, arrivalMs }) => atMs - arrivalMs).toSorted((a, b) => a - b);
  expect(waits[Math.floor(waits.length / 2)]).toBeLessThan(30);
  expect(rig.supervisor.status.info?.waits).toEqual({ reordered: 2, unmarked: 0 });
});

it('where lost packets cannot be asked for, loss costs frames up to the next keyframe, which is asked for', async () => {
  await using rig = await WhipRig.start();
  await using path = await ImpairedPath.open();
  const options = { codec: 'VP8', units: units.VP8, path, nack: false } as const;
  await using publisher = await WhipPublisher.publish(rig.url, options);
  path.impair({ loss: 0.01, seed: 3 });
  publisher.start();
  await until(
    'losses, keyframes for them, and frames',
    () => publisher.asked.keyframes > 2 && rig.frames.length > 50,
    10_000,
  );
  expect(publisher.asked.packets).toBe(0);
  expect(rig.lost).toBeGreaterThan(0);
  expect(rig.frames.length).toBeLessThan(publisher.units);
});

it('a network too narrow for a while: what fits arrives, and when there is room again the stream goes on', async () => {
  await using rig = await WhipRig.start();
  await using path = await ImpairedPath.open();
  await using publisher = await WhipPublisher.publish(rig.url, { codec: 'VP8', units: units.VP8, path });
  path.impair({ rate: 8e6, delayMs: 40, seed: 5 });
  publisher.start();
  await rig.untilFrames(30);
  expect(path.counts.lost).toBe(0);
  path.impair({ rate: 5e5, delayMs: 40, seed: 5 });
  await until('the queue to overflow', () => path.counts.lost > 100);
  path.impair({ rate: 8e6, delayMs: 40, seed: 5 });
  const roomy = performance.now();
  await until('a second of frames', () => rig.frames.filter(({ atMs }) => atMs > roomy).length >= 30, 5000);
  expect(performance.now() - roomy).toBeLessThan(3000);
  expect(rig.supervisor.status.phase).toBe('live');
});

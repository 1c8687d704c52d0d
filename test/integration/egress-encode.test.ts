import { afterEach, describe, expect, it } from 'vitest';
import { type EncodeDrop, VideoEncoder, type VideoEncoderOptions } from '../../src/egress/codec/encoder.ts';
import { readMark } from '../../src/egress/marks/mark.ts';
import { isSei, userDataOf } from '../../src/egress/marks/user-data.ts';
import { splitNalUnits } from '../../src/egress/rtp/packetizer.ts';
import type { EncodedUnit } from '../../src/egress/viewer.ts';
import type { FrameliftError } from '../../src/errors.ts';
import { VideoDecoder } from '../../src/ingest/decode/decoder.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { fromMs, type Micros, micros, systemClock } from '../../src/time.ts';

const arena = new Arena(64);
let seed = 1;

/** A noisy, moving picture: costs bits. */
function picture(width: number, height: number, index: number): Frame {
  const info = { pts: micros(0), arrival: micros(7), capture: micros(9), discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info);
  const { bytes, layout } = frame;
  bytes.fill(128, layout.u);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
      bytes[layout.y + row * layout.strideY + column] = (((column + index * 3) ^ row) & 127) + (seed >>> 26);
    }
  }
  return frame;
}

/** RFC 6184's packetization mode 0: what is sent of a slice that is larger must be cut. */
const LARGEST_SLICE = 1120;

class Rig {
  readonly units: EncodedUnit[] = [];
  readonly errors: FrameliftError[] = [];
  readonly drops: EncodeDrop[] = [];
  readonly encoder: VideoEncoder;
  #count = 0;

  constructor(options: Partial<VideoEncoderOptions> = {}) {
    this.encoder = new VideoEncoder({
      clock: systemClock,
      fps: 60,
      bitrate: 1_000_000,
      onAccessUnit: (unit) => this.units.push(unit),
      onDrop: (reason) => this.drops.push(reason),
      onError: (error) => this.errors.push(error),
      ...options,
    });
  }

  /** Encodes `count` pictures at `fps`, one at a time. */
  async run(count: number, fps = 60, width = 320, height = 180): Promise<EncodedUnit[]> {
    const before = this.units.length;
    for (let i = 0; i < count; i += 1) {
      const due: Micros = micros((this.#count * 1e6) / fps);
      this.encoder.encode(picture(width, height, this.#count), due);
      this.#count += 1;
      const wanted = before + i + 1;
      while (this.units.length < wanted && this.errors.length === 0) await new Promise(setImmediate);
    }
    return this.units.slice(before);
  }
}

const types = (unit: EncodedUnit): number[] => splitNalUnits(unit.data).map((nal) => (nal[0] ?? 0) & 31);

afterEach(() => {
  expect(arena.liveFrames).toBe(0);
});

describe('VideoEncoder', () => {
  it('gives one access unit per frame, in order, the first an IDR with parameter sets, one slice each', async () => {
    const rig = new Rig();
    const units = await rig.run(30);
    expect(units).toHaveLength(30);
    expect(types(units[0]!).filter((type) => type !== 6)).toEqual([7, 8, 5]);
    for (const unit of units.slice(1)) expect(types(unit)).toEqual([6, 1]);
    expect(units.every((unit, i) => i === 0 || unit.due > units[i - 1]!.due)).toBe(true);
    expect(units[3]).toMatchObject({ arrival: 7, capture: 9, keyframe: false });
    await rig.encoder.close();
  });

  it.each([
    [320, 180, 1_000_000],
    [1280, 720, 30_000_000],
  ])(
    'makes slices that fit into packets of %dx%d at %d bits a second, keyframes included',
    async (width, height, bitrate) => {
      const rig = new Rig({ maxSlice: LARGEST_SLICE - 100, bitrate });
      const units = await rig.run(10, 60, width, height);
      rig.encoder.requestKeyframe();
      units.push(...(await rig.run(5, 60, width, height)));
      const sizes = units.flatMap(({ data }) => splitNalUnits(data).map(({ length }) => length));
      expect(units.filter(({ keyframe }) => keyframe)).toHaveLength(2);
      expect(sizes.length).toBeGreaterThan(units.length * 3);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(LARGEST_SLICE);
      await rig.encoder.close();
    },
  );

  it('is constrained baseline', async () => {
    const rig = new Rig();
    const [unit] = await rig.run(1);
    const [sps] = splitNalUnits(unit!.data);
    expect(sps?.[1]).toBe(66);
    expect((sps?.[2] ?? 0) & 0x40).toBe(0x40);
    await rig.encoder.close();
  });

  it('makes an IDR with parameter sets when asked, and one every 2 s unasked', async () => {
    const rig = new Rig();
    await rig.run(10);
    rig.encoder.requestKeyframe();
    const units = await rig.run(200);
    const keyframes = units.map((unit, i) => (unit.keyframe ? i : -1)).filter((i) => i >= 0);
    expect(keyframes).toEqual([0, 120]);
    expect(types(units[0]!)).toEqual(expect.arrayContaining([7, 8, 5]));
    await rig.encoder.close();
  });

  it('follows a bitrate change within a second', async () => {
    const rig = new Rig({ bitrate: 2_000_000 });
    const rate = (units: EncodedUnit[]): number =>
      (units.reduce((bytes, unit) => bytes + unit.data.length, 0) * 8 * 60) / units.length;
    await rig.run(60);
    expect(rate(await rig.run(120))).toBeGreaterThan(1_500_000);
    rig.encoder.setBitrate(500_000);
    await rig.run(60);
    const low = rate(await rig.run(120));
    expect(low).toBeGreaterThan(300_000);
    expect(low).toBeLessThan(700_000);
    await rig.encoder.close();
  });

  it('keeps the bitrate when the real rate is a quarter of the nominal one', async () => {
    const rig = new Rig({ bitrate: 1_000_000 });
    await rig.run(40, 15);
    const units = await rig.run(60, 15);
    const rate = (units.reduce((bytes, unit) => bytes + unit.data.length, 0) * 8) / 4;
    expect(rate).toBeGreaterThan(700_000);
    expect(rate).toBeLessThan(1_400_000);
    await rig.encoder.close();
  });

  it('opens anew with an IDR when the size changes, odd sizes and small strides included', async () => {
    const rig = new Rig();
    await rig.run(3);
    for (const [width, height] of [
      [960, 540],
      [33, 35],
      [320, 180],
    ] as const) {
      const [first, second] = await rig.run(2, 60, width, height);
      expect(first?.keyframe).toBe(true);
      expect(second?.keyframe).toBe(false);
    }
    await rig.encoder.close();
  });

  it('drops the oldest waiting frames when it is behind', async () => {
    const rig = new Rig();
    for (let i = 0; i < 20; i += 1) rig.encoder.encode(picture(320, 180, i), micros(i * 16_667));
    expect(rig.encoder.depth).toBeLessThanOrEqual(rig.encoder.capacity);
    while (rig.units.length + rig.drops.length < 20) await new Promise(setImmediate);
    expect(rig.drops).toEqual(Array.from({ length: 16 }, () => 'queue-full'));
    expect(rig.units.at(-1)?.due).toBe(micros(19 * 16_667));
    await rig.encoder.close();
  });

  it('never goes back in time', async () => {
    const rig = new Rig();
    for (const due of [1000, 500, 400]) {
      rig.encoder.encode(picture(64, 64, due), micros(due));
      while (rig.encoder.depth > 0) await new Promise(setImmediate);
    }
    while (rig.units.length < 3) await new Promise(setImmediate);
    expect(rig.units.map((unit) => unit.due)).toEqual([1000, 2000, 3000]);
    await rig.encoder.close();
  });

  it('reports a picture it cannot encode, pauses, and lets the frames go', async () => {
    const rig = new Rig();
    await rig.run(1, 60, 8, 8);
    expect(rig.errors[0]?.code).toBe('encode.failed');
    rig.encoder.encode(picture(64, 64, 0), micros(0));
    while (rig.encoder.depth > 0) await new Promise(setImmediate);
    expect(rig.units).toEqual([]);
    await rig.encoder.close();
    expect(rig.drops).toEqual(['encode-failed', 'encode-failed']);
  });

  it('releases everything when closed at work, closes twice, takes nothing after', async () => {
    const rig = new Rig();
    for (let i = 0; i < 4; i += 1) rig.encoder.encode(picture(320, 180, i), micros(i));
    await rig.encoder.close();
    await rig.encoder.close();
    rig.encoder.encode(picture(320, 180, 9), micros(9));
    expect(rig.units.length).toBeLessThanOrEqual(1);
    expect(new Set(rig.drops)).toEqual(new Set(['stopped']));
  });

  describe('of VP8', () => {
    /** What a decoder makes of units: one picture each, or what it lacks. */
    async function decoded(units: readonly EncodedUnit[]): Promise<number> {
      const decoder = await VideoDecoder.open({ codec: 'vp8', arena, clock: systemClock, stream: 's' });
      let count = 0;
      for (const { data, keyframe, due } of units) {
        const times = { pts: due, arrival: due, capture: due, discontinuity: false };
        for (const shown of await decoder.decode({ data, keyframe, ...times })) {
          count += 1;
          shown.release();
        }
      }
      await decoder.close();
      return count;
    }

    it('gives one frame of VP8 per frame, in time, which decoders take; keyframes when asked', async () => {
      const rig = new Rig({ encoder: 'libvpx' });
      const units = await rig.run(20);
      rig.encoder.requestKeyframe();
      units.push(...(await rig.run(10)));
      const keyframes = units.flatMap(({ keyframe }, i) => (keyframe ? [i] : []));
      expect(keyframes).toEqual([0, 20]);
      // The lowest bit of a frame says that it needs others (RFC 6386, section 9.1).
      for (const { data, keyframe } of units) expect((data[0] ?? 0) & 1).toBe(keyframe ? 0 : 1);
      expect(await decoded(units)).toBe(30);
      await rig.encoder.close();
    });

    it('keeps the bitrate at another rate than the nominal one, and follows a change, opened anew for it', async () => {
      const rig = new Rig({ encoder: 'libvpx', bitrate: 1_500_000, tuning: { keyframeInterval: fromMs(60_000) } });
      const rate = (units: readonly EncodedUnit[], fps: number): number =>
        (units.reduce((bytes, unit) => bytes + unit.data.length, 0) * 8 * fps) / units.length;
      await rig.run(30, 15);
      const slow = rate(await rig.run(60, 15), 15);
      rig.encoder.setBitrate(1_450_000);
      const same = await rig.run(15, 15);
      rig.encoder.setBitrate(500_000);
      const [first] = await rig.run(30, 15);
      const low = rate(await rig.run(60, 15), 15);
      console.log(`VP8 at 15 fps: ${slow.toFixed(0)} b/s of 1500000, ${low.toFixed(0)} of 500000`);
      expect(Math.abs(slow / 1_500_000 - 1)).toBeLessThan(0.25);
      expect(same.every(({ keyframe }) => !keyframe)).toBe(true);
      expect(first?.keyframe).toBe(true);
      expect(Math.abs(low / 500_000 - 1)).toBeLessThan(0.25);
      await rig.encoder.close();
    });
  });
});

it('marks each access unit with the provenance of its frame, before its slices, whatever came before', async () => {
  const rig = new Rig();
  const units: EncodedUnit[] = [...(await rig.run(2))];
  const info = { pts: micros(2e6), arrival: micros(7), capture: micros(9), discontinuity: false };
  const made = Frame.allocate(arena, 320, 180, {
    ...info,
    provenance: { kind: 'synthetic', t: 0.5, model: 'flow-s', hash: '0123456789abcdef', confidence: 0.75 },
  });
  made.bytes.fill(90);
  rig.encoder.encode(made, micros(1e6));
  await expect.poll(() => rig.units.length).toBe(3);
  units.push(...rig.units.slice(2));
  const marks = units.map(({ data }) => {
    const nals = splitNalUnits(data);
    const slice = nals.findIndex((nal) => [1, 5].includes((nal[0] ?? 0) & 31));
    return nals
      .slice(0, slice)
      .filter((nal) => isSei(nal, 'h264'))
      .flatMap((nal) => userDataOf(nal, 'h264').map(readMark).filter(Boolean));
  });
  expect(marks).toEqual([
    [{ pts: 0, kind: 'source' }],
    [{ pts: 0, kind: 'source' }],
    [{ pts: 2, kind: 'interpolated', t: 0.5, model: 'flow-s', hash: '0123456789abcdef', confidence: 0.75 }],
  ]);
  await rig.encoder.close();
});

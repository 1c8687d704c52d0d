import { expect, test } from 'vitest';
import { VideoDecoder } from '../../src/ingest/decode/decoder.ts';
import { Arena } from '../../src/media/arena.ts';
import type { Frame } from '../../src/media/frame.ts';
import type { EventSink, MetricEvent } from '../../src/metrics/events.ts';
import { micros, systemClock } from '../../src/time.ts';
import { accessUnits, decodeReference, encodeTestPicture } from '../support/coded.ts';

class Recorder implements EventSink {
  readonly drops: Record<string, number> = {};
  emit(event: MetricEvent): void {
    if (event.type === 'drop') this.drops[event.reason] = (this.drops[event.reason] ?? 0) + (event.count ?? 1);
  }
}

/** The frame's planes without padding. */
function packed(frame: Frame): Buffer {
  const { layout, bytes } = frame;
  const rows: Uint8Array[] = [];
  const plane = (at: number, stride: number, width: number, height: number) => {
    for (let row = 0; row < height; row += 1) rows.push(bytes.slice(at + row * stride, at + row * stride + width));
  };
  plane(layout.y, layout.strideY, layout.width, layout.height);
  plane(layout.u, layout.strideC, layout.chromaWidth, layout.chromaHeight);
  plane(layout.v, layout.strideC, layout.chromaWidth, layout.chromaHeight);
  return Buffer.concat(rows);
}

async function open(codec: 'h264' | 'hevc', arenaMb = 64) {
  const arena = new Arena(arenaMb);
  const events = new Recorder();
  const decoder = await VideoDecoder.open({ codec, arena, clock: systemClock, stream: 's', events });
  return { arena, events, decoder };
}

const ZEROLATENCY = ['-tune', 'zerolatency', '-g', '10'];

test.each([
  ['libx264', 'h264', '640x360', 'yuv420p'],
  ['libx264', 'h264', '322x182', 'yuv420p'],
  ['libx265', 'hevc', '640x360', 'yuv420p'],
  ['libx264', 'h264', '320x180', 'yuvj420p'],
] as const)(
  '%s %s %s %s: every access unit gives its frame at once, bit-exact',
  async (encoder, codec, size, format) => {
    const coded = encodeTestPicture(encoder, size, 12, [...ZEROLATENCY, '-pix_fmt', format]);
    const reference = decodeReference(coded, codec, format);
    const { arena, decoder } = await open(codec);
    const units = accessUnits(coded, codec);
    expect(units).toHaveLength(12);
    const frameBytes = reference.length / 12;
    for (const [index, unit] of units.entries()) {
      const frames = await decoder.decode(unit);
      expect(frames).toHaveLength(1);
      for (const frame of frames) {
        expect(frame.pts).toBe(unit.pts);
        expect(frame.discontinuity).toBe(index === 0);
        expect(packed(frame).equals(reference.subarray(index * frameBytes, (index + 1) * frameBytes))).toBe(true);
        frame.release();
      }
    }
    const colour = { matrix: 'bt601', range: format === 'yuvj420p' ? 'full' : 'limited' };
    expect(decoder.traits).toEqual({ colour });
    await decoder.close();
    await decoder.close();
    expect(arena.liveFrames).toBe(0);
  },
);

test.each([
  ['libx264', 'h264', '322x182', 'yuv420p10le'],
  ['libx264', 'h264', '321x181', 'yuv444p'],
  ['libx264', 'h264', '322x181', 'yuv422p'],
  ['libx264', 'h264', '322x182', 'nv12'],
] as const)(
  '%s %s %s %s arrives as 8-bit 4:2:0 close to what ffmpeg makes of it',
  async (encoder, codec, size, format) => {
    const coded = encodeTestPicture(encoder, size, 4, [...ZEROLATENCY, '-pix_fmt', format]);
    const reference = decodeReference(coded, codec);
    const { arena, decoder } = await open(codec);
    for (const [index, unit] of accessUnits(coded, codec).entries()) {
      for (const frame of await decoder.decode(unit)) {
        const bytes = packed(frame);
        const expected = reference.subarray(index * bytes.length, (index + 1) * bytes.length);
        let worst = 0;
        for (let i = 0; i < bytes.length; i += 1)
          worst = Math.max(worst, Math.abs((bytes[i] ?? 0) - (expected[i] ?? 0)));
        expect(worst).toBeLessThanOrEqual(3);
        frame.release();
      }
    }
    expect(decoder.counts.decoded).toBe(4);
    await decoder.close();
    expect(arena.liveFrames).toBe(0);
  },
);

test('B-frames come out in presentation order, the last ones by flush', async () => {
  const coded = encodeTestPicture('libx264', '320x180', 30, ['-bf', '2', '-b_strategy', '0', '-g', '30']);
  const { arena, decoder } = await open('h264');
  // Decode order of a closed GOP with two B-frames: I P B B P B B …; presentation: 0 3 1 2 6 4 5 …
  const shown = [0];
  for (let p = 3; p < 30; p += 3) shown.push(p, p - 2, p - 1);
  const units = accessUnits(coded, 'h264').map((u, i) => ({ ...u, pts: micros((shown[i] ?? 40 + i) * 33_333) }));
  const frames: Frame[] = [];
  for (const unit of units) frames.push(...(await decoder.decode(unit)));
  frames.push(...(await decoder.flush()));
  const pts = frames.map((f) => f.pts);
  expect(pts).toEqual([...pts].sort((a, b) => a - b));
  expect(pts.length).toBeGreaterThanOrEqual(28);
  for (const frame of frames) frame.release();
  await decoder.close();
  expect(arena.liveFrames).toBe(0);
});

test('garbage and damaged units are dropped and counted until the next keyframe, whose frame is a discontinuity', async () => {
  const units = accessUnits(encodeTestPicture('libx264', '320x180', 30, ZEROLATENCY), 'h264');
  const { arena, decoder, events } = await open('h264');
  const seen: { index: number; discontinuity: boolean }[] = [];
  for (const [index, unit] of units.entries()) {
    const bad =
      index === 3 ? { ...unit, data: new Uint8Array(200).fill(255) } : index === 14 ? { ...unit, damaged: true } : unit;
    for (const frame of await decoder.decode(bad)) {
      seen.push({ index, discontinuity: frame.discontinuity });
      frame.release();
    }
  }
  expect(seen.map((s) => s.index)).toEqual([0, 1, 2, 10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
  expect(seen.filter((s) => s.discontinuity).map((s) => s.index)).toEqual([0, 10, 20]);
  expect(events.drops).toEqual({ corrupt: 2, 'awaiting-keyframe': 11 });
  await decoder.close();
  expect(arena.liveFrames).toBe(0);
});

test('afterLoss waits for a keyframe unless the unit is one', async () => {
  const units = accessUnits(encodeTestPicture('libx264', '320x180', 21, ZEROLATENCY), 'h264');
  const { decoder } = await open('h264');
  const seen: number[] = [];
  for (const [index, unit] of units.entries()) {
    const lossy = index === 5 || index === 10 ? { ...unit, afterLoss: true } : unit;
    for (const frame of await decoder.decode(lossy)) {
      if (frame.discontinuity) seen.push(index);
      frame.release();
    }
  }
  expect(seen).toEqual([0, 10]);
  await decoder.close();
});

test('a change of size is a discontinuity, nothing more', async () => {
  const { arena, decoder } = await open('h264');
  const sizes: string[] = [];
  for (const size of ['320x180', '640x360', '176x144']) {
    for (const unit of accessUnits(encodeTestPicture('libx264', size, 3, ZEROLATENCY), 'h264')) {
      const later = { ...unit, pts: micros(unit.pts + sizes.length * 100_000) };
      for (const frame of await decoder.decode(later)) {
        sizes.push(`${frame.width}x${frame.height}${frame.discontinuity ? '!' : ''}`);
        frame.release();
      }
    }
  }
  expect(sizes).toEqual(['320x180', '640x360', '176x144'].flatMap((s) => [`${s}!`, s, s]));
  await decoder.close();
  expect(arena.liveFrames).toBe(0);
});

test('a full arena costs frames, not the stream', async () => {
  const units = accessUnits(encodeTestPicture('libx264', '1920x1080', 10, ZEROLATENCY), 'h264');
  const { arena, decoder, events } = await open('h264', 16);
  const held: Frame[] = [];
  for (const unit of units) held.push(...(await decoder.decode(unit)));
  expect(held).toHaveLength(5);
  expect(events.drops).toEqual({ 'arena-full': 5 });
  for (const frame of held) frame.release();
  await decoder.close();
  expect(arena.liveFrames).toBe(0);
});

test('a decoder closed while at work finishes that work first', async () => {
  const units = accessUnits(encodeTestPicture('libx264', '640x360', 2, ZEROLATENCY), 'h264');
  const { arena, decoder } = await open('h264');
  const working = decoder.decode(units[0]!);
  await expect(decoder.decode(units[1]!)).rejects.toMatchObject({ code: 'frame.misuse' });
  const closing = decoder.close();
  for (const frame of await working) frame.release();
  await closing;
  await expect(decoder.decode(units[1]!)).rejects.toMatchObject({ code: 'frame.misuse' });
  expect(arena.liveFrames).toBe(0);
});

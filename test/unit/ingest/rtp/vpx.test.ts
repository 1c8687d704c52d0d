import { describe, expect, it } from 'vitest';
import { createDepacketizer } from '../../../../src/ingest/rtp/codecs.ts';
import type { RtpAccessUnit } from '../../../../src/ingest/rtp/depacketizer.ts';
import { readVp8, readVp9 } from '../../../../src/ingest/rtp/vpx.ts';
import { seededRandom } from '../../../support/random.ts';
import { rtpPacket } from '../../../support/rtp.ts';
import { assembleUnits, stateOf } from '../../../support/rtp-units.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('the VP8 descriptor', () => {
  it.each([
    ['one byte', bytes(0x10, 0xaa), 1],
    ['a continuation', bytes(0x00, 0xaa), 1],
    ['a picture id of 7 bits', bytes(0x90, 0x80, 0x11, 0xaa), 3],
    ['a picture id of 15 bits', bytes(0x90, 0x80, 0x91, 0x22, 0xaa), 4],
    ['TL0PICIDX and a layer', bytes(0x90, 0xe0, 0x91, 0x22, 1, 2, 0xaa), 6],
    ['a layer without TL0PICIDX', bytes(0x90, 0x20, 0x40, 0xaa), 3],
    ['a key index alone', bytes(0x90, 0x10, 0x01, 0xaa), 3],
  ])('%s', (_, payload, length) => {
    expect(readVp8(payload)?.length).toBe(length);
  });

  it('tells start and keyframe: only the first packet of partition 0 starts a frame', () => {
    expect(readVp8(bytes(0x10, 0x00))).toMatchObject({ start: true, keyframe: true });
    expect(readVp8(bytes(0x10, 0x01))).toMatchObject({ start: true, keyframe: false });
    expect(readVp8(bytes(0x11, 0x00))).toMatchObject({ start: false, keyframe: false });
    expect(readVp8(bytes(0x00, 0x00))).toMatchObject({ start: false, keyframe: false });
  });

  it('is undefined when cut short', () => {
    for (const payload of [bytes(), bytes(0x10), bytes(0x90, 0x80), bytes(0x90, 0xf0, 0x91, 0x22, 1)]) {
      expect(readVp8(payload)).toBeUndefined();
    }
  });
});

describe('the VP9 descriptor', () => {
  it.each([
    ['one byte', bytes(0x08, 0xaa), 1],
    ['a picture id of 15 bits', bytes(0x88, 0x91, 0x22, 0xaa), 3],
    ['layers, not flexible', bytes(0xa8, 0x11, 0x00, 7, 0xaa), 4],
    ['layers, flexible, two references', bytes(0xf8, 0x11, 0x00, 0x03, 0x04, 0xaa), 5],
    ['a scalability structure', bytes(0x0a, 0x18, 2, 128, 1, 104, 1, 0x04, 0x01, 0xaa), 9],
  ])('%s', (_, payload, length) => {
    expect(readVp9(payload)?.length).toBe(length);
  });

  it('a keyframe is not predicted, and its header says so: an intra-only frame is none', () => {
    expect(readVp9(bytes(0x08, 0x82))).toMatchObject({ start: true, keyframe: true });
    expect(readVp9(bytes(0x48, 0x82))).toMatchObject({ start: true, keyframe: false });
    expect(readVp9(bytes(0x08, 0x86))).toMatchObject({ start: true, keyframe: false });
    expect(readVp9(bytes(0x08, 0x8a))).toMatchObject({ start: true, keyframe: false });
    expect(readVp9(bytes(0x08, 0xb0))).toMatchObject({ start: true, keyframe: true });
    expect(readVp9(bytes(0x04, 0x82))).toMatchObject({ start: false, keyframe: false });
    expect(readVp9(bytes(0xa8, 0x11, 0x02, 7, 0x82))).toMatchObject({ start: false });
  });
});

/** Three packets of each frame: start, middle, end with the marker. Bytes: frame number, packet number. */
function frames(count: number) {
  return Array.from({ length: count }, (_, frame) =>
    [0, 1, 2].map((part) =>
      rtpPacket({
        sequence: frame * 3 + part,
        timestamp: frame * 3000,
        marker: part === 2,
        // The first byte of a VP8 frame: a keyframe when it is even.
        payload: bytes(part === 0 ? 0x10 : 0, part === 0 ? Number(frame > 0) : frame, part),
      }),
    ),
  ).flat();
}

const assemble = (lostAt: readonly number[], count = 4): RtpAccessUnit[] => assembleUnits('vp8', frames(count), lostAt);

describe('frames', () => {
  it('are whole, in order, without descriptors', () => {
    const units = assemble([]);
    expect(units.map(stateOf)).toEqual(['key', 'sound', 'sound', 'sound']);
    expect([...(units[2]?.data ?? [])]).toEqual([1, 0, 2, 1, 2, 2]);
    expect(units.map(({ timestamp }) => timestamp)).toEqual([0, 3000, 6000, 9000]);
  });

  it.each([
    ['the start', [3], ['key', 'damaged, after loss', 'sound', 'sound']],
    ['the middle', [4], ['key', 'damaged, after loss', 'sound', 'sound']],
    ['the end', [5], ['key', 'damaged', 'after loss', 'sound']],
    ['all of it', [3, 4, 5], ['key', 'after loss', 'sound']],
    ['an end and the next start', [5, 6], ['key', 'damaged', 'damaged, after loss', 'sound']],
  ])('without %s', (_, lost, expected) => {
    expect(assemble(lost).map(stateOf)).toEqual(expected);
  });

  it('survive padding, and a reset', () => {
    const units: RtpAccessUnit[] = [];
    const depacketizer = createDepacketizer('vp8', (unit) => units.push(unit));
    const [a, b, c, d, e, f] = frames(2);
    depacketizer.push(a!, 0);
    depacketizer.reset();
    for (const packet of [a!, b!, c!]) depacketizer.push(packet, 0);
    depacketizer.push(rtpPacket({ sequence: 9, timestamp: 0, payload: bytes() }), 0);
    for (const packet of [d!, e!, f!]) depacketizer.push(packet, 0);
    expect(units.map(stateOf)).toEqual(['key', 'sound']);
  });

  it('never throw, whatever the payload', () => {
    const random = seededRandom(5);
    let complete = 0;
    for (const codec of ['vp8', 'vp9'] as const) {
      const depacketizer = createDepacketizer(codec, () => (complete += 1));
      for (let sequence = 0; sequence < 20_000; sequence += 1) {
        const payload = Uint8Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * 256));
        const timestamp = Math.floor(sequence / 3);
        depacketizer.push(rtpPacket({ sequence, payload, timestamp, marker: random() < 0.3 }), random() < 0.1 ? 1 : 0);
      }
    }
    expect(complete).toBeGreaterThan(10_000);
  });
});

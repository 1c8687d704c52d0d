import { describe, expect, it } from 'vitest';
import { createDepacketizer } from '../../../../src/ingest/rtp/codecs.ts';
import type { RtpAccessUnit } from '../../../../src/ingest/rtp/depacketizer.ts';
import type { RtpPacket } from '../../../../src/ingest/rtp/packet.ts';
import { seededRandom } from '../../../support/random.ts';
import { rtpPacket } from '../../../support/rtp.ts';
import { assembleUnits, stateOf } from '../../../support/rtp-units.ts';

/** OBUs as they come over RTP, without their size. A frame's first byte: 0x10 = a keyframe that is shown. */
const SEQUENCE = [0x08, 1, 2];
const KEYFRAME = [0x30, 0x10, 3];
const FRAME = [0x30, 0x30, 4];
/** The same as FFmpeg takes them; each temporal unit begins with a delimiter. */
const DELIMITER = [0x12, 0];
const SIZED_SEQUENCE = [0x0a, 2, 1, 2];
const SIZED_KEYFRAME = [0x32, 2, 0x10, 3];

/** Payloads as one temporal unit: consecutive packets, marker on the last. */
function unitOf(payloads: readonly (readonly number[])[], timestamp = 0, sequence = 0): RtpPacket[] {
  return payloads.map((payload, i) =>
    rtpPacket({
      sequence: sequence + i,
      timestamp,
      marker: i === payloads.length - 1,
      payload: Uint8Array.from(payload),
    }),
  );
}

const assemble = (packets: readonly RtpPacket[], lostAt: readonly number[] = []): RtpAccessUnit[] =>
  assembleUnits('av1', packets, lostAt);

describe('OBU elements', () => {
  it.each([
    ['the last one without its length (W = 2)', [[0x28, 3, ...SEQUENCE, ...KEYFRAME]]],
    ['each with its length (W = 0)', [[0x08, 3, ...SEQUENCE, 3, ...KEYFRAME]]],
    ['a length in more bytes than it needs', [[0x08, 0x83, 0x80, 0, ...SEQUENCE, 3, ...KEYFRAME]]],
    [
      'a packet for each (W = 1)',
      [
        [0x18, ...SEQUENCE],
        [0x10, ...KEYFRAME],
      ],
    ],
    ['OBUs that have their sizes', [[0x28, 4, ...SIZED_SEQUENCE, ...SIZED_KEYFRAME]]],
    [
      'a fragment behind an OBU',
      [
        [0x68, 3, ...SEQUENCE, 0x30],
        [0x90, 0x10, 3],
      ],
    ],
    [
      'an OBU of three fragments',
      [
        [0x18, ...SEQUENCE],
        [0x50, 0x30],
        [0xd0, 0x10],
        [0x90, 3],
      ],
    ],
    [
      'fragments with their lengths',
      [
        [0x48, 3, ...SEQUENCE, 1, 0x30],
        [0x80, 2, 0x10, 3],
      ],
    ],
    ['a temporal delimiter', [[0x38, 1, 0x10, 3, ...SEQUENCE, ...KEYFRAME]]],
    ['a tile list', [[0x38, 3, ...SEQUENCE, 2, 0x40, 9, ...KEYFRAME]]],
    ['padding', [[0x38, 3, ...SEQUENCE, 3, ...KEYFRAME, 0x78, 0, 0]]],
  ])('%s', (_, payloads) => {
    const units = assemble(unitOf(payloads));
    expect(units.map(stateOf)).toEqual(['key']);
    expect([...(units[0]?.data ?? [])]).toEqual([...DELIMITER, ...SIZED_SEQUENCE, ...SIZED_KEYFRAME]);
  });

  it('keep their layers, and get sizes of as many bytes as they need', () => {
    const tiles = Array.from({ length: 300 }, (_, i) => i & 0xff);
    const units = assemble(
      unitOf([
        [0x50, 0x34, 0x28, ...tiles.slice(0, 200)],
        [0x90, ...tiles.slice(200)],
      ]),
    );
    expect([...(units[0]?.data ?? [])]).toEqual([...DELIMITER, 0x36, 0x28, 0xac, 0x02, ...tiles]);
  });

  it.each([
    ['a length beyond the packet', [0x00, 9, ...FRAME]],
    ['a length that does not end', [0x00, 0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, ...FRAME]],
    ['fewer elements than announced', [0x20, 3, ...FRAME]],
    ['nothing where one element is announced', [0x10]],
    ['an element of no bytes', [0x20, 0, ...FRAME]],
    ['an OBU longer than its element', [0x10, 0x32, 3, 0x30, 4]],
    ['an OBU shorter than its element', [0x10, 0x32, 1, 0x30, 4]],
    ['a size that is missing', [0x10, 0x32]],
    ['a layer that is missing', [0x10, 0x34]],
    ['the forbidden bit', [0x10, 0xb0, 0x30, 4]],
    ['a fragment without its beginning', [0x90, 4]],
    ['a fragment without its end', [0x50, ...FRAME]],
    ['tiles without their frame header', [0x10, 0x20, 1]],
  ])('%s: damaged', (_, payload) => {
    const units = assemble([...unitOf([payload]), ...unitOf([[0x10, ...FRAME]], 3000)]);
    expect(units.map(stateOf)).toEqual(['damaged', 'sound']);
    expect(units[0]?.data).toHaveLength(0);
  });
});

describe('a keyframe', () => {
  it.each([
    ['is shown, behind a sequence header', [[0x20, 3, ...SEQUENCE, ...KEYFRAME]], 'key'],
    ['may come as header and tiles', [[0x30, 3, ...SEQUENCE, 2, 0x18, 0x10, 0x20, 5]], 'key'],
    ['has a sequence header', [[0x10, ...KEYFRAME]], 'sound'],
    ['is intra: sequence headers may be repeated anywhere', [[0x20, 3, ...SEQUENCE, ...FRAME]], 'sound'],
    ['is not one that is kept for later', [[0x20, 3, ...SEQUENCE, 0x30, 0x00, 3]], 'sound'],
    ['is not one that is shown again', [[0x20, 3, ...SEQUENCE, 0x18, 0x90]], 'sound'],
    ['is the first frame of its unit', [[0x30, 3, ...SEQUENCE, 3, ...FRAME, ...KEYFRAME]], 'sound'],
  ])('%s', (_, payloads, expected) => {
    expect(assemble(unitOf(payloads)).map(stateOf)).toEqual([expected]);
  });
});

/** Three packets of each unit: the frame's start, middle and end. */
function stream(count: number): RtpPacket[] {
  return Array.from({ length: count }, (_, i) => {
    const start = i === 0 ? [0x68, 3, ...SEQUENCE, ...KEYFRAME] : [0x50, ...FRAME];
    return unitOf([start, [0xd0, i, 1], [0x90, i, 2]], i * 3000, i * 3);
  }).flat();
}

describe('temporal units', () => {
  it('are whole and in order', () => {
    const whole = assemble(stream(4));
    expect(whole.map(stateOf)).toEqual(['key', 'sound', 'sound', 'sound']);
    expect([...(whole[2]?.data ?? [])]).toEqual([...DELIMITER, 0x32, 6, 0x30, 4, 2, 1, 2, 2]);
    expect(whole.map(({ timestamp }) => timestamp)).toEqual([0, 3000, 6000, 9000]);
  });

  it.each([
    ['the start', [3], ['key', 'damaged, after loss', 'sound', 'sound']],
    ['the middle', [4], ['key', 'damaged, after loss', 'sound', 'sound']],
    ['the end', [5], ['key', 'damaged', 'after loss', 'sound']],
    ['all of it', [3, 4, 5], ['key', 'after loss', 'sound']],
    ['an end and the next start', [5, 6], ['key', 'damaged', 'damaged, after loss', 'sound']],
  ])('without %s', (_, lost, expected) => {
    expect(assemble(stream(4), lost).map(stateOf)).toEqual(expected);
  });

  it('end with a new timestamp where the marker is missing', () => {
    const packets = stream(3).map((packet) => ({ ...packet, marker: false }));
    expect(assemble(packets).map(stateOf)).toEqual(['key', 'sound']);
  });

  it('without a frame are none: what was lost before them counts for the next one', () => {
    const padding = unitOf([[0x10, 0x78, 0, 0]], 500, 1);
    const next = unitOf([[0x10, ...FRAME]], 3000, 2);
    expect(assemble([...unitOf([[0x10, ...FRAME]]), ...padding, ...next]).map(stateOf)).toEqual(['sound', 'sound']);
    expect(assemble([...unitOf([[0x10, ...FRAME]]), ...padding, ...next], [0]).map(stateOf)).toEqual(['after loss']);
  });

  it('survive padding packets, and a reset', () => {
    const made: RtpAccessUnit[] = [];
    const depacketizer = createDepacketizer('av1', (unit) => made.push(unit));
    const [a, b, c, d, e, f] = stream(2);
    depacketizer.push(a!, 0);
    depacketizer.reset();
    for (const packet of [a!, b!, c!]) depacketizer.push(packet, 0);
    depacketizer.push(rtpPacket({ sequence: 9, timestamp: 0, payload: new Uint8Array(0) }), 0);
    for (const packet of [d!, e!, f!]) depacketizer.push(packet, 0);
    expect(made.map(stateOf)).toEqual(['key', 'sound']);
  });

  it('that grow beyond bounds are damaged', () => {
    const tiles = new Uint8Array(1 << 16).fill(0x55);
    tiles[0] = 0xd0;
    const packets = Array.from({ length: 300 }, (_, sequence) => rtpPacket({ sequence, payload: tiles }));
    const start = rtpPacket({ sequence: 0, payload: Uint8Array.from([0x50, ...FRAME]) });
    const end = rtpPacket({ sequence: 301, marker: true, payload: Uint8Array.of(0x90, 1) });
    expect(assemble([start, ...packets, end]).map(stateOf)).toEqual(['damaged']);
    expect(assemble([start, ...packets.slice(0, 200), end]).map(stateOf)).toEqual(['sound']);
  });

  it('never throw, whatever the payload', () => {
    const random = seededRandom(5);
    const made: RtpAccessUnit[] = [];
    const depacketizer = createDepacketizer('av1', (unit) => made.push(unit));
    for (let sequence = 0; sequence < 40_000; sequence += 1) {
      const payload = Uint8Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * 256));
      const timestamp = Math.floor(sequence / 3);
      depacketizer.push(rtpPacket({ sequence, payload, timestamp, marker: random() < 0.3 }), random() < 0.1 ? 1 : 0);
    }
    expect(made.length).toBeGreaterThan(10_000);
    expect(made.some(({ damaged }) => !damaged)).toBe(true);
    expect(made.every(({ damaged, data }) => damaged === (data.length === 0))).toBe(true);
  });
});

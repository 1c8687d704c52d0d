import { expect, test } from 'vitest';
import { createDepacketizer } from '../../../../src/ingest/rtp/codecs.ts';
import type { RtpAccessUnit } from '../../../../src/ingest/rtp/depacketizer.ts';
import type { RtpPacket } from '../../../../src/ingest/rtp/packet.ts';
import { fromMs } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';
import { packetize, rtpPacket } from '../../../support/rtp.ts';

const SPS = [0x67, 1, 2];
const PPS = [0x68, 3];
/** IDR and ordinary slices; the byte after the header begins with 1: first macroblock of a frame. */
const idr = (...rest: number[]) => [0x65, 0x80, ...rest];
const slice = (...rest: number[]) => [0x41, 0x80, ...rest];
/** A later slice of a frame. */
const nextSlice = (...rest: number[]) => [0x41, 0x40, ...rest];

const annexB = (...nals: number[][]) => Uint8Array.from(nals.flatMap((nal) => [0, 0, 0, 1, ...nal]));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function collect(codec: 'h264' | 'hevc' = 'h264') {
  const units: RtpAccessUnit[] = [];
  const depacketizer = createDepacketizer(codec, (unit) => units.push(unit));
  let sequence = 0;
  const push = (payload: number[], timestamp: number, marker = false, lost = 0) => {
    sequence += 1 + lost;
    const packet = rtpPacket({
      sequence,
      timestamp,
      marker,
      payload: Uint8Array.from(payload),
      arrival: fromMs(sequence),
    });
    depacketizer.push(packet, lost);
  };
  const summary = () =>
    units.map((u) => `${u.timestamp}${u.keyframe ? 'k' : ''}${u.damaged ? '!' : ''}${u.afterLoss ? '<' : ''}`);
  return { units, push, summary, depacketizer };
}

test('single NAL units: the unit is complete with the marker packet', () => {
  const { units, push } = collect();
  push(SPS, 0);
  push(PPS, 0);
  push(idr(9), 0);
  expect(units).toHaveLength(0);
  push(nextSlice(8), 0, true);
  expect(units).toEqual([
    {
      data: annexB(SPS, PPS, idr(9), nextSlice(8)),
      timestamp: 0,
      arrival: fromMs(4),
      keyframe: true,
      damaged: false,
      afterLoss: false,
    },
  ]);
});

test('STAP-A and FU-A', () => {
  const { units, push } = collect();
  push([0x78, 0, 3, ...SPS, 0, 2, ...PPS], 0);
  push([0x7c, 0x85, 0x80, 1, 2], 0);
  push([0x7c, 0x05, 3, 4], 0);
  push([0x7c, 0x45, 5], 0, true);
  expect(units.map((u) => hex(u.data))).toEqual([hex(annexB(SPS, PPS, [0x65, 0x80, 1, 2, 3, 4, 5]))]);
  expect(units[0]?.keyframe).toBe(true);
});

test('H.265: single NAL units, aggregation and fragments, layer and temporal id kept', () => {
  const { units, push } = collect('hevc');
  const vps = [0x40, 1, 7];
  const sps = [0x42, 1, 8];
  push([0x60, 1, 0, 3, ...vps, 0, 3, ...sps], 0);
  push([0x62, 1, 0x93, 0x80, 1], 0);
  push([0x62, 1, 0x13, 2], 0);
  push([0x62, 1, 0x53, 3], 0, true);
  push([0x02, 1, 0x80, 9], 3000, true);
  expect(units.map((u) => hex(u.data))).toEqual([
    hex(annexB(vps, sps, [0x26, 1, 0x80, 1, 2, 3])),
    hex(annexB([0x02, 1, 0x80, 9])),
  ]);
  expect(units.map((u) => u.keyframe)).toEqual([true, false]);
});

test('a recovery point makes a keyframe of an ordinary frame', () => {
  const { summary, push } = collect();
  push([0x06, 6, 1, 0xc4, 0x80], 0);
  push(slice(1), 0, true);
  push([0x06, 5, 1, 0, 0x80], 3000);
  push(slice(1), 3000, true);
  expect(summary()).toEqual(['0k', '3000']);
});

test('without marker bits a new timestamp completes the unit', () => {
  const { units, push, summary } = collect();
  push(idr(1), 0);
  push(slice(2), 3000);
  push(slice(3), 6000);
  expect(summary()).toEqual(['0k', '3000']);
  expect(units[0]?.arrival).toBe(fromMs(1));
});

test('parameter sets with a marker or a timestamp of their own wait for their frame', () => {
  const { units, push, summary } = collect();
  push(SPS, 0, true);
  push(PPS, 1, true);
  push(idr(1), 2, true);
  expect(summary()).toEqual(['2k']);
  expect(hex(units[0]!.data)).toBe(hex(annexB(SPS, PPS, idr(1))));
});

test('a server that sets the marker on every packet is found out, and then read by timestamps', () => {
  const { push, summary } = collect();
  push(idr(1), 0, true);
  push(nextSlice(2), 0, true);
  push(slice(3), 3000, true);
  push(nextSlice(4), 3000, true);
  push(slice(5), 6000, true);
  push(slice(6), 9000, true);
  expect(summary()).toEqual(['0k', '0!', '3000', '6000']);
});

test('loss inside a unit damages it; the next one says that it follows loss', () => {
  const { units, push, summary } = collect();
  push(idr(1), 0, true);
  push(slice(1), 3000);
  push(nextSlice(2), 3000, true, 1);
  push(slice(3), 6000, true);
  expect(summary()).toEqual(['0k', '3000!<', '6000']);
  expect(units[1]?.data).toHaveLength(0);
});

test('a lost marker packet damages its unit, the next is whole', () => {
  const { push, summary } = collect();
  push(idr(1), 0);
  push(slice(2), 3000, true, 1);
  expect(summary()).toEqual(['0k!', '3000<']);
});

test('after whole units are lost, a unit is whole if it begins with the first slice', () => {
  const { push, summary } = collect();
  push(idr(1), 0, true);
  push(slice(2), 9000, true, 5);
  push(nextSlice(3), 12_000, true, 1);
  push(SPS, 15_000, false, 1);
  push(idr(4), 15_000, true);
  expect(summary()).toEqual(['0k', '9000<', '12000!<', '15000k<']);
});

test('joining amid a frame: it is damaged', () => {
  const { push, summary } = collect();
  push(nextSlice(1), 0, true);
  push([0x7c, 0x05, 3, 4], 3000, true);
  push(idr(1), 6000, true);
  expect(summary()).toEqual(['0!', '3000!', '6000k']);
});

test.each([
  ['a fragment without its start', [[0x7c, 0x05, 1, 2]]],
  [
    'a fragment of another type',
    [
      [0x7c, 0x85, 0x80],
      [0x7c, 0x41, 2],
    ],
  ],
  ['a fragment without its end', [[0x7c, 0x85, 0x80]]],
  [
    'a start within fragments',
    [
      [0x7c, 0x85, 0x80],
      [0x7c, 0x85, 0x40],
      [0x7c, 0x45, 1],
    ],
  ],
  ['an empty packet within fragments', [[0x7c, 0x85, 0x80], [0x41], [0x7c, 0x45, 1]]],
  [
    'a NAL unit within fragments',
    [
      [0x7c, 0x85, 0x80],
      [0x41, 0x40, 1],
      [0x7c, 0x45, 1],
    ],
  ],
  ['an aggregate longer than its packet', [slice(1), [0x78, 0, 9, 1]]],
  ['an aggregate of fragments', [slice(1), [0x78, 0, 2, 0x7c, 0x85]]],
  ['an interleaved-mode packet', [slice(1), [0x79, 0, 0, 0, 2, 0x41, 0x80]]],
])('%s damages the unit and only that', (_, payloads) => {
  const { push, summary } = collect();
  push(idr(0), 0, true);
  for (const [index, payload] of payloads.entries()) push(payload, 3000, index === payloads.length - 1);
  push(idr(1), 6000, true);
  expect(summary().map((unit) => unit.replace('k', ''))).toEqual(['0', '3000!', '6000']);
});

test('empty payloads, lone headers and filler are nothing', () => {
  const { units, push } = collect();
  push([], 0);
  push([0x41], 0);
  push([0x0c, 255, 255], 0);
  push(idr(1), 0, true);
  push([], 3000, true);
  expect(units.map((u) => hex(u.data))).toEqual([hex(annexB(idr(1)))]);
});

test('a unit beyond 16 MiB is damaged, and the next one is fine', () => {
  const { push, summary, depacketizer } = collect();
  const large = new Uint8Array(60_000).fill(1);
  large.set([0x65, 0x40]);
  push(idr(1), 0);
  for (let i = 0; i < 300; i += 1)
    depacketizer.push(rtpPacket({ sequence: i, timestamp: 0, payload: large, marker: i === 299 }), 0);
  push(idr(1), 3000, true);
  expect(summary()).toEqual(['0k!', '3000k']);
});

test.each(['h264', 'hevc'] as const)('%s: what was packetized comes back byte for byte at any packet size', (codec) => {
  const random = seededRandom(7);
  const bytes = (length: number) => Uint8Array.from({ length }, () => 1 + Math.floor(random() * 255));
  const sources = Array.from({ length: 40 }, (_, index) => {
    const header = codec === 'h264' ? [index === 0 ? 0x65 : 0x41, 0x80] : [index === 0 ? 0x26 : 0x02, 1, 0x80];
    return Uint8Array.from([0, 0, 0, 1, ...header, ...bytes(Math.floor(random() * 5000))]);
  });
  for (const mtu of [50, 500, 1400]) {
    const { units, depacketizer } = collect(codec);
    for (const packet of packetize(sources, codec, { mtu })) depacketizer.push(packet, 0);
    expect(units.map((u) => hex(u.data))).toEqual(sources.map(hex));
  }
});

test.each([11, 12, 13, 14])(
  'malformed packets never throw, units stay bounded, and a clean keyframe ends it (seed %i)',
  (seed) => {
    const random = seededRandom(seed);
    for (const codec of ['h264', 'hevc'] as const) {
      const { units, depacketizer } = collect(codec);
      let sequence = 0;
      for (let i = 0; i < 20_000; i += 1) {
        const payload = Uint8Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * 256));
        // Fragments more often than chance gives them.
        if (payload.length > 2 && random() < 0.5) payload[0] = codec === 'h264' ? 0x7c : 0x62;
        sequence += 1;
        const packet: RtpPacket = rtpPacket({
          sequence,
          payload,
          timestamp: Math.floor(i / 4),
          marker: random() < 0.25,
        });
        depacketizer.push(packet, random() < 0.05 ? 1 : 0);
      }
      expect(units.length).toBeLessThanOrEqual(20_000);
      expect(units.every((u) => (u.damaged ? u.data.length === 0 : u.data.length < 1 << 20))).toBe(true);
      const before = units.length;
      const key = codec === 'h264' ? idr(1) : [0x26, 1, 0x80, 1];
      for (const timestamp of [90_000, 93_000, 96_000]) {
        depacketizer.push(rtpPacket({ sequence: 0, timestamp, marker: true, payload: Uint8Array.from(key) }), 0);
      }
      depacketizer.push(rtpPacket({ sequence: 0, timestamp: 99_000, payload: Uint8Array.from(key) }), 0);
      expect(units.slice(before).at(-1)).toMatchObject({ keyframe: true, damaged: false });
    }
  },
);

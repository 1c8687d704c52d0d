/** Where access units begin and end, whatever marker bits and timestamps say. */
import { describe, expect, test } from 'vitest';
import { MAX_UNIT_PARTS } from '../../../../src/ingest/peer-limits.ts';
import { createDepacketizer } from '../../../../src/ingest/rtp/codecs.ts';
import type { RtpAccessUnit } from '../../../../src/ingest/rtp/depacketizer.ts';
import { seededRandom } from '../../../support/random.ts';
import { rtpPacket } from '../../../support/rtp.ts';

type Codec = 'h264' | 'hevc';
/** On which packets the sender sets the marker bit. */
const MARKERS = ['normal', 'none', 'every NAL unit', 'every packet'] as const;
/** Parameter sets with the timestamp of the frame before them, as some cameras send them; clocks that stand still. */
const TIMES = ['of the frame', 'parameter sets early', 'never advance'] as const;
const FRAMES = 12;
const KEYFRAME_EVERY = 4;
const MTU = 60;

const random = seededRandom(5);
const fill = (length: number) => Array.from({ length }, () => 1 + Math.floor(random() * 255));

/** The NAL units of one frame: delimiter, sets and SEI at keyframes, slices, an SEI behind them in H.265. */
function frame(codec: Codec, index: number, slices: number): number[][] {
  const key = index % KEYFRAME_EVERY === 0;
  const first = (slice: number) => (slice === 0 ? 0x80 : 0x40);
  if (codec === 'h264') {
    const sets = key
      ? [
          [0x67, ...fill(20)],
          [0x68, 9],
          [0x06, 5, 1, 7, 0x80],
        ]
      : [];
    return [[0x09, 0x10], ...sets, ...slicesOf(slices, (slice) => [key ? 0x65 : 0x41, first(slice)])];
  }
  const sets = key
    ? [
        [0x40, 1, ...fill(9)],
        [0x42, 1, ...fill(9)],
        [0x44, 1, 8],
        [0x4e, 1, 5, 1, 7, 0x80],
      ]
    : [];
  return [[0x46, 1, 0x10], ...sets, ...slicesOf(slices, (slice) => [key ? 0x26 : 0x02, 1, first(slice)])];
}

function slicesOf(count: number, head: (slice: number) => number[]): number[][] {
  return Array.from({ length: count }, (_, slice) => [...head(slice), ...fill(20 + Math.floor(random() * 200))]);
}

function payloadsOf(codec: Codec, nal: number[]): number[][] {
  if (nal.length <= MTU) return [nal];
  const header = codec === 'h264' ? 1 : 2;
  const [first = 0, second = 0] = nal;
  const type = codec === 'h264' ? first & 31 : (first >> 1) & 63;
  const indicator = codec === 'h264' ? [(first & 0xe0) | 28] : [(first & 0x81) | 98, second];
  const pieces: number[][] = [];
  for (let at = header; at < nal.length; at += MTU) {
    const flags = (at === header ? 0x80 : 0) | (at + MTU >= nal.length ? 0x40 : 0);
    pieces.push([...indicator, flags | type, ...nal.slice(at, at + MTU)]);
  }
  return pieces;
}

const annexB = (nals: number[][]) => Buffer.from(nals.flatMap((nal) => [0, 0, 0, 1, ...nal])).toString('hex');

describe.each(['h264', 'hevc'] as const)('%s', (codec) => {
  describe.each(MARKERS)('marker: %s', (marker) => {
    describe.each(TIMES)('timestamps: %s', (times) => {
      test.each([1, 3])('%i slices a frame: each unit is one whole frame', (slices) => {
        const frames = Array.from({ length: FRAMES }, (_, index) => frame(codec, index, slices));
        const units: RtpAccessUnit[] = [];
        const depacketizer = createDepacketizer(codec, (unit) => units.push(unit));
        let sequence = 0;
        for (const [index, nals] of frames.entries()) {
          const slicesFrom = nals.length - slices;
          for (const [at, nal] of nals.entries()) {
            const early = times === 'parameter sets early' && at < slicesFrom;
            const timestamp = times === 'never advance' ? 0 : 3000 * (early ? index : index + 1);
            const payloads = payloadsOf(codec, nal);
            for (const [piece, payload] of payloads.entries()) {
              const endOfNal = piece === payloads.length - 1;
              const mark = { normal: endOfNal && at === nals.length - 1, none: false };
              const set = marker === 'every packet' || (marker === 'every NAL unit' ? endOfNal : mark[marker]);
              const bytes = Uint8Array.from(payload);
              depacketizer.push(rtpPacket({ sequence: sequence++, timestamp, marker: set, payload: bytes }), 0);
            }
          }
        }
        // The first frame that goes on after its marker bit is the price of finding that out.
        const found = slices > 1 && marker.startsWith('every') ? 1 : 0;
        const whole = units.filter(({ damaged }) => !damaged).map(({ data }) => Buffer.from(data).toString('hex'));
        const open = found > 0 || marker === 'none' ? 1 : 0;
        expect(whole.slice(found)).toEqual(frames.slice(found, FRAMES - open).map(annexB));
        expect(units.filter(({ damaged }) => damaged)).toHaveLength(found);
        const keys = units.slice(2 * found).flatMap(({ keyframe }, index) => (keyframe ? [index + found] : []));
        expect(keys).toEqual([0, 4, 8].filter((index) => index >= found && index < FRAMES - open));
      });
    });
  });
});

test('NAL units that stand amid a frame do not cut it', () => {
  const units: RtpAccessUnit[] = [];
  const depacketizer = createDepacketizer('h264', (unit) => units.push(unit));
  const nals = [
    [0x65, 0x80, 1],
    [0x68, 2],
    [0x06, 6, 1, 0x80, 0x80],
    [0x65, 0x40, 3],
    [0x41, 0x80, 4],
  ];
  for (const [sequence, nal] of nals.entries()) {
    depacketizer.push(rtpPacket({ sequence, timestamp: 0, payload: Uint8Array.from(nal) }), 0);
  }
  expect(units.map(({ data }) => Buffer.from(data).toString('hex'))).toEqual([annexB(nals.slice(0, 4))]);
});

test('H.265: a slice of another layer is of the same access unit', () => {
  const units: RtpAccessUnit[] = [];
  const depacketizer = createDepacketizer('hevc', (unit) => units.push(unit));
  const nals = [
    [0x26, 1, 0x80, 1],
    [0x26, 9, 0x80, 2],
    [0x02, 1, 0x80, 3],
  ];
  for (const [sequence, nal] of nals.entries()) {
    depacketizer.push(rtpPacket({ sequence, timestamp: 0, payload: Uint8Array.from(nal) }), 0);
  }
  expect(units.map(({ data }) => Buffer.from(data).toString('hex'))).toEqual([annexB(nals.slice(0, 2))]);
});

describe('an access unit of endless NAL units', () => {
  test.each([
    ['slices', [0x65, 0x40]],
    ['parameter sets', [0x67, 1]],
    ['SEI', [0x06, 5]],
  ])('%s: damaged, and the next keyframe is whole', (_, nal) => {
    const units: RtpAccessUnit[] = [];
    const depacketizer = createDepacketizer('h264', (unit) => units.push(unit));
    let sequence = 0;
    const push = (payload: number[], timestamp: number, marker = false) =>
      depacketizer.push(rtpPacket({ sequence: sequence++, timestamp, marker, payload: Uint8Array.from(payload) }), 0);
    push([0x65, 0x80, 1], 0);
    const aggregate = [0x78, ...Array.from({ length: 100 }, () => [0, 3, ...nal, 1]).flat()];
    for (let i = 0; i < 3000; i += 1) push(aggregate, 0);
    push([0x41, 0x80, 1], 3000, true);
    push([0x65, 0x80, 2], 6000, true);
    const parts = units.map(({ data }) => Buffer.from(data).toString('latin1').split('\0\0\0\x01').length - 1);
    expect(Math.max(...parts)).toBeLessThanOrEqual(MAX_UNIT_PARTS);
    expect(units.some(({ damaged }) => damaged)).toBe(true);
    expect(units.at(-1)).toMatchObject({ damaged: false, keyframe: true, timestamp: 6000 });
  });
});

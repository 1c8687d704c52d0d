import { describe, expect, it } from 'vitest';
import { isSei, isSlice, userDataNal, userDataOf, withNal } from '../../../../src/egress/marks/user-data.ts';
import { splitNalUnits } from '../../../../src/egress/rtp/packetizer.ts';

const UUID = Buffer.from('d2f3a94e6b1c4f7d9e58c41a7be36f92', 'hex');
const END = Buffer.of(0x80);

function message(type: number, payload: Buffer): Buffer {
  const size = [...Array<number>(Math.floor(payload.length / 255)).fill(255), payload.length % 255];
  return Buffer.concat([Buffer.of(type, ...size), payload]);
}

const sei = (...messages: Buffer[]): Buffer => Buffer.concat([Buffer.of(6), ...messages, END]);
const texts = (nal: Buffer, codec: 'h264' | 'h265' = 'h264'): string[] =>
  userDataOf(nal, codec).map((payload) => Buffer.from(payload.subarray(16)).toString());

describe('user data', () => {
  it.each([1, 60, 238, 239, 240, 600])('of %i bytes is read, among messages of other kinds', (length) => {
    const text = 'm'.repeat(length);
    const ours = message(5, Buffer.concat([UUID, Buffer.from(text)]));
    expect(texts(sei(message(1, Buffer.alloc(3, 9)), ours, message(4, Buffer.alloc(300, 9))))).toEqual([text]);
    expect(texts(sei(ours, ours))).toEqual([text, text]);
  });

  it.each(['h264', 'h265'] as const)('is written as %s as it is read, zeros and all', (codec) => {
    for (const length of [0, 1, 238, 239, 240, 600]) {
      const payload = Buffer.concat([UUID, Buffer.alloc(length, Buffer.of(0, 0, 0, 1, 0, 0, 3, 0, 0, 2))]);
      const nal = userDataNal(payload, codec);
      expect(isSei(nal, codec)).toBe(true);
      expect([0, 1, 2].some((last) => nal.includes(Buffer.of(0, 0, last)))).toBe(false);
      expect(userDataOf(nal, codec)).toEqual([new Uint8Array(payload)]);
    }
  });

  it.each<[string, number[], number[]]>([
    ['behind parameter sets', [0, 0, 0, 1, 0x40, 1, 0, 0, 0, 1, 0x26, 1, 9], [0x40, 0x4e, 0x26]],
    ['before all slices', [0, 0, 1, 0x40, 1, 0, 0, 1, 0x26, 1, 0, 0, 1, 0x26, 1], [0x40, 0x4e, 0x26, 0x26]],
    ['first', [0, 0, 0, 1, 2, 1, 7], [0x4e, 2]],
    ['last where there is no slice', [0, 0, 0, 1, 0x40, 1], [0x40, 0x4e]],
  ])('is put %s', (_where, unit, firsts) => {
    const mark = Buffer.of(0x4e, 1, 5);
    const units = splitNalUnits(withNal(Buffer.from(unit), mark, 'h265'));
    expect(units.map(([first]) => first)).toEqual(firsts);
    expect(units.filter(([first]) => first !== 0x4e)).toEqual(splitNalUnits(Buffer.from(unit)));
    expect(units).toContainEqual(mark);
  });

  it('is read where its bytes had to be escaped', () => {
    const payload = Buffer.concat([UUID, Buffer.of(0, 0, 3, 1, 7)]);
    const nal = Buffer.concat([Buffer.of(6, 5, 20), payload, END]);
    expect(userDataOf(nal, 'h264')).toEqual([new Uint8Array(Buffer.concat([UUID, Buffer.of(0, 0, 1, 7)]))]);
  });

  it('breaks off, or says that it is larger than it is: nothing is read, and nothing beyond its end', () => {
    const whole = sei(message(5, Buffer.concat([UUID, Buffer.from('mark')])));
    for (let length = 0; length < whole.length - 1; length += 1) {
      expect(userDataOf(whole.subarray(0, length), 'h264')).toEqual([]);
    }
    expect(userDataOf(Buffer.of(6, 5, 255, 255, 255, 255, 1, 2, 3), 'h264')).toEqual([]);
    expect(userDataOf(sei(message(5, Buffer.alloc(15, 1))), 'h264')).toEqual([]);
  });

  it('is never read out of noise for ever, nor thrown out of it', () => {
    let seed = 7;
    for (let run = 0; run < 3000; run += 1) {
      const noise = Buffer.alloc(run % 64);
      for (let i = 0; i < noise.length; i += 1) {
        seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
        noise[i] = seed >> 16;
      }
      for (const codec of ['h264', 'h265'] as const) expect(userDataOf(noise, codec).length).toBeLessThan(64);
    }
  });
});

it('knows SEI and slices of both codecs', () => {
  expect([0x06, 0x65, 0x41, 0x67, 0x09].map((first) => isSei(Buffer.of(first), 'h264'))).toEqual([
    ...[true, false, false, false, false],
  ]);
  expect([0x06, 0x65, 0x41, 0x67, 0x09].map((first) => isSlice(Buffer.of(first), 'h264'))).toEqual([
    ...[false, true, true, false, false],
  ]);
  expect([0x4e, 0x50, 0x26, 0x40, 0x02].map((first) => isSei(Buffer.of(first, 1), 'h265'))).toEqual([
    ...[true, true, false, false, false],
  ]);
  expect([0x4e, 0x50, 0x26, 0x40, 0x02].map((first) => isSlice(Buffer.of(first, 1), 'h265'))).toEqual([
    ...[false, false, true, false, true],
  ]);
});

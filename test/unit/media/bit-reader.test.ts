import { describe, expect, it } from 'vitest';
import { BitReader, withoutEmulation } from '../../../src/media/bit-reader.ts';

const of = (bits: string): BitReader =>
  new BitReader(Uint8Array.from(bits.match(/.{1,8}/g) ?? [], (byte) => Number.parseInt(byte.padEnd(8, '0'), 2)));

describe('BitReader', () => {
  it.each([
    ['1', 0, 0],
    ['010', 1, 1],
    ['011', 2, -1],
    ['00100', 3, 2],
    ['00101', 4, -2],
    ['0001000', 7, 4],
  ])('reads the code %s as %d, with a sign as %d', (code, unsigned, signed) => {
    expect(of(code).unsigned()).toBe(unsigned);
    expect(of(code).signed() + 0).toBe(signed);
  });

  it('reads 32 bits across bytes, and goes on behind them', () => {
    const bits = of(`101${'1'.repeat(32)}01`);
    expect([bits.bits(3), bits.bits(32), bits.flag(), bits.flag()]).toEqual([5, 0xffffffff, false, true]);
  });

  it('says when more was read than there is, and gives zeros', () => {
    const bits = of('1');
    expect([bits.bits(8), bits.exhausted]).toEqual([128, false]);
    expect([bits.bits(1), bits.exhausted]).toEqual([0, true]);
    expect(of('').unsigned()).toBe(0);
    expect(of('0'.repeat(200)).unsigned()).toBe(0);
  });
});

describe('withoutEmulation', () => {
  it.each([
    [
      [0, 0, 3, 1],
      [0, 0, 1],
    ],
    [
      [0, 0, 3, 0, 0, 3, 3],
      [0, 0, 0, 0, 3],
    ],
    [
      [0, 3, 0, 3],
      [0, 3, 0, 3],
    ],
    [[], []],
  ])('%j is %j', (bytes, expected) => {
    expect([...withoutEmulation(Uint8Array.from(bytes))]).toEqual(expected);
  });
});

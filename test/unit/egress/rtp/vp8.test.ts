import { describe, expect, it } from 'vitest';
import { numberVp8, packetizeVp8 } from '../../../../src/egress/rtp/vp8.ts';

const DESCRIPTOR = 4;
const frameOf = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => i & 0xff));

describe('packetizeVp8', () => {
  it.each([1, 1116, 1117, 5000, 100_000])('cuts a frame of %i bytes into even packets that give it again', (bytes) => {
    const payloads = packetizeVp8(frameOf(bytes));
    expect(Buffer.concat(payloads.map((payload) => payload.subarray(DESCRIPTOR)))).toEqual(frameOf(bytes));
    const sizes = payloads.map(({ length }) => length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1120);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  it('marks the start of the frame alone (RFC 7741, section 4.2)', () => {
    const [first, ...rest] = packetizeVp8(frameOf(3000));
    // X, S, partition 0; I; a picture ID of 15 bits.
    expect(first?.subarray(0, DESCRIPTOR).toString('hex')).toBe('90808000');
    expect(rest.map((payload) => payload.subarray(0, DESCRIPTOR).toString('hex'))).toEqual(['80808000', '80808000']);
  });

  it('refuses payloads that hold hardly more than their descriptor', () => {
    expect(() => packetizeVp8(frameOf(1), 63)).toThrow(RangeError);
  });
});

describe('numberVp8', () => {
  it.each([
    [0, '8000'],
    [0x7fff, 'ffff'],
    [0x8000, '8000'],
    [0x12345, 'a345'],
  ])('writes picture %i in 15 bits, into a copy', (id, written) => {
    const [payload = Buffer.alloc(0)] = packetizeVp8(frameOf(9));
    const before = payload.toString('hex');
    const numbered = numberVp8(payload, id);
    expect(numbered.toString('hex')).toBe(`9080${written}${before.slice(8)}`);
    expect(payload.toString('hex')).toBe(before);
  });
});

import { describe, expect, it } from 'vitest';
import { withStartCodes } from '../../../../src/egress/file/kept-packets.ts';

describe('withStartCodes', () => {
  it('puts a start code where a length was, for every unit', () => {
    const units = [Buffer.of(0x67), Buffer.alloc(300, 7), Buffer.of(0, 0, 1, 9)];
    const lengths = units.flatMap((unit) => [lengthOf(unit), unit]);
    expect(withStartCodes(Buffer.concat(lengths))).toEqual(
      Buffer.concat(units.flatMap((unit) => [Buffer.of(0, 0, 0, 1), unit])),
    );
  });

  it('changes nothing of what it is given', () => {
    const given = Buffer.of(0, 0, 0, 1, 5);
    withStartCodes(given);
    expect(given).toEqual(Buffer.of(0, 0, 0, 1, 5));
  });
});

function lengthOf(unit: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.length);
  return length;
}

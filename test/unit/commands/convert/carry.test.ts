import { describe, expect, it } from 'vitest';
import { rangeOf } from '../../../../src/commands/convert/carry.ts';
import { micros } from '../../../../src/time.ts';

describe('the wanted part of a file', () => {
  const zero = micros(1_400_000);

  it('counts from the beginning of the file, whatever its first timestamp', () => {
    expect(rangeOf({}, zero)).toBeUndefined();
    expect(rangeOf({ start: micros(5) }, zero)).toEqual({ start: 1_400_005 });
    expect(rangeOf({ duration: micros(7) }, zero)).toEqual({ start: 1_400_000, end: 1_400_007 });
    expect(rangeOf({ start: micros(5), duration: micros(7) }, zero)).toEqual({ start: 1_400_005, end: 1_400_012 });
  });

  it('nothing at all is refused', () => {
    expect(() => rangeOf({ duration: micros(0) }, zero)).toThrow('duration is 0');
  });
});

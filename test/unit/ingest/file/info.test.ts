import { expect, test } from 'vitest';
import { rotationOf } from '../../../../src/ingest/file/info.ts';

/** A display matrix as containers store it: 16.16 fixed point, little endian. */
function matrix(cosine: number, sine: number): Buffer {
  const bytes = Buffer.alloc(36);
  bytes.writeInt32LE(Math.round(cosine * 65_536), 0);
  bytes.writeInt32LE(Math.round(sine * 65_536), 4);
  return bytes;
}

test.each([0, 90, 180, 270])('a matrix that turns by %i degrees', (degrees) => {
  const angle = (degrees * Math.PI) / 180;
  expect(rotationOf(matrix(Math.cos(angle), Math.sin(angle)))).toBe(degrees);
});

test('a turn by anything else is the nearest quarter', () => {
  expect(rotationOf(matrix(Math.cos(1.5), Math.sin(1.5)))).toBe(90);
  expect(rotationOf(matrix(Math.cos(-0.3), Math.sin(-0.3)))).toBe(0);
});

test('no matrix, or half of one, is no turn', () => {
  expect(rotationOf(null)).toBe(0);
  expect(rotationOf(matrix(0, 1).subarray(0, 20))).toBe(0);
});

import { expect, test } from 'vitest';
import { NutReader } from '../../../../src/ingest/ffmpeg/nut-reader.ts';

const ID = Buffer.from('nut/multimedia container\0', 'latin1');

function reader(): NutReader {
  return new NutReader({ header: () => {}, frame: () => {} });
}

test('what is not NUT is refused at its first bytes', () => {
  expect(() => reader().push(Buffer.alloc(100, 0x47))).toThrow(expect.objectContaining({ code: 'source.protocol' }));
});

test('a frame before the headers is refused', () => {
  expect(() => reader().push(Buffer.concat([ID, Buffer.from([1, 2, 3])]))).toThrow(
    expect.objectContaining({ code: 'source.protocol' }),
  );
});

test('an endless number and an endless header are refused instead of being buffered', () => {
  const main = Buffer.from('4e4d7a561f5f04ad', 'hex');
  expect(() => reader().push(Buffer.concat([ID, main, Buffer.alloc(30, 0xff)]))).toThrow('too large');
  expect(() => reader().push(Buffer.concat([ID, main, Buffer.from([0xff, 0xff, 0xff, 0x7f])]))).toThrow('too long');
});

test('nothing is said about a stream that has only begun', () => {
  const started = reader();
  for (const byte of ID) started.push(Uint8Array.of(byte));
  expect(() => started.push(Buffer.from('4e4d7a561f5f', 'hex'))).not.toThrow();
});

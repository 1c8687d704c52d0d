import { expect, test } from 'vitest';
import { parseRtp, sequenceDistance } from '../../../../src/ingest/rtp/packet.ts';
import { fromMs, ZERO } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';
import { rtpBytes, rtpPacket } from '../../../support/rtp.ts';

test('a packet survives the round trip', () => {
  const packet = rtpPacket({
    sequence: 65_535,
    timestamp: 2 ** 32 - 1,
    ssrc: 2 ** 31,
    marker: true,
    arrival: fromMs(5),
  });
  expect(parseRtp(rtpBytes(packet), fromMs(5))).toEqual(packet);
});

test('contributing sources, extension and padding are left out of the payload', () => {
  const bytes = Uint8Array.from([
    ...[0xb2, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
    ...[1, 1, 1, 1, 2, 2, 2, 2],
    ...[0xbe, 0xde, 0, 1, 9, 9, 9, 9],
    ...[0x41, 0x42, 0, 0, 3],
  ]);
  expect(parseRtp(bytes, ZERO)?.payload).toEqual(Uint8Array.of(0x41, 0x42));
});

test.each([
  ['too short', [0x80, 96, 0, 1]],
  ['version 1', [0x40, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]],
  ['sources beyond the end', [0x8f, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]],
  ['extension beyond the end', [0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 9]],
  ['more padding than payload', [0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 9]],
  ['padding of nothing', [0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 0]],
])('%s is no RTP packet', (_, bytes) => {
  expect(parseRtp(Uint8Array.from(bytes), ZERO)).toBeUndefined();
});

test('sequence distances wrap', () => {
  expect(sequenceDistance(0, 65_535)).toBe(1);
  expect(sequenceDistance(65_535, 0)).toBe(-1);
  expect(sequenceDistance(10, 10)).toBe(0);
});

test('random bytes are read without a throw', () => {
  const random = seededRandom(3);
  for (let i = 0; i < 20_000; i += 1) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256));
    if (bytes.length > 1 && random() < 0.7) bytes.set([0x80 | (bytes[0]! & 31)]);
    const packet = parseRtp(bytes, ZERO);
    if (packet) expect(packet.payload.length).toBeLessThanOrEqual(bytes.length - 12);
  }
});

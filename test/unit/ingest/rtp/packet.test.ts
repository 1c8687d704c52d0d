import { expect, test } from 'vitest';
import { parseRtp, sequenceDistance } from '../../../../src/ingest/rtp/packet.ts';
import { parseRtcp, writeReceiverReport } from '../../../../src/ingest/rtp/rtcp.ts';
import { fromMs, micros, ZERO } from '../../../../src/time.ts';
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

test('a sender report gives Unix time and its own middle bits; a goodbye its sources', () => {
  const bytes = new Uint8Array(28 + 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x80c80006);
  view.setUint32(4, 77);
  view.setUint32(8, 2_208_988_800 + 1_700_000_000);
  view.setUint32(12, 0x8000_0000);
  view.setUint32(16, 123_456);
  view.setUint32(28, 0x81cb0001);
  view.setUint32(32, 77);
  const low = (2_208_988_800 + 1_700_000_000) & 0xffff;
  expect(parseRtcp(bytes)).toEqual([
    {
      type: 'sender-report',
      ssrc: 77,
      timestamp: 123_456,
      unix: micros(1_700_000_000.5e6),
      ntpMiddle: low * 65_536 + 0x8000,
    },
    { type: 'goodbye', ssrc: 77 },
  ]);
});

test('random bytes are read without a throw', () => {
  const random = seededRandom(3);
  for (let i = 0; i < 20_000; i += 1) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256));
    if (bytes.length > 1 && random() < 0.7) bytes.set([0x80 | (bytes[0]! & 31), 200 + Math.floor(random() * 4)]);
    parseRtcp(bytes);
    const packet = parseRtp(bytes, ZERO);
    if (packet) expect(packet.payload.length).toBeLessThanOrEqual(bytes.length - 12);
  }
});

test('a receiver report is a compound packet of report and description', () => {
  const bytes = writeReceiverReport(5, 'framelift', {
    ssrc: 77,
    fractionLost: 128,
    cumulativeLost: 3,
    highestSequence: 0x0001_0005,
    lastReport: 0x1234_5678,
    sinceLastReport: fromMs(500),
  });
  const view = new DataView(bytes.buffer);
  expect(bytes.length % 4).toBe(0);
  expect([view.getUint8(0), view.getUint8(1), view.getUint16(2)]).toEqual([0x81, 201, 7]);
  expect(view.getUint32(8)).toBe(77);
  expect(view.getUint32(12)).toBe(0x8000_0003);
  expect(view.getUint32(16)).toBe(0x0001_0005);
  expect([view.getUint32(24), view.getUint32(28)]).toEqual([0x1234_5678, 32_768]);
  expect([view.getUint8(32), view.getUint8(33)]).toEqual([0x81, 202]);
  expect(parseRtcp(bytes)).toEqual([]);
  expect(writeReceiverReport(5, 'framelift', undefined).length % 4).toBe(0);
});

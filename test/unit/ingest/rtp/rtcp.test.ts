import { expect, test } from 'vitest';
import { parseRtcp, writeReceiverReport } from '../../../../src/ingest/rtp/rtcp.ts';
import { fromMs, micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';

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
  let events = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256));
    // A version, a type and a length that may be right.
    const length = Math.floor(random() * 9);
    if (bytes.length > 3) bytes.set([0x80 | (bytes[0]! & 31), 200 + Math.floor(random() * 4), 0, length]);
    events += parseRtcp(bytes).length;
  }
  expect(events).toBeGreaterThan(100);
});

test('a receiver report is a compound packet of report and description', () => {
  const bytes = writeReceiverReport(5, 'framelift', {
    ssrc: 77,
    fractionLost: 128,
    cumulativeLost: 3,
    highestSequence: 0x0001_0005,
    jitter: 1234,
    lastReport: 0x1234_5678,
    sinceLastReport: fromMs(500),
  });
  const view = new DataView(bytes.buffer);
  expect(bytes.length % 4).toBe(0);
  expect([view.getUint8(0), view.getUint8(1), view.getUint16(2)]).toEqual([0x81, 201, 7]);
  expect(view.getUint32(8)).toBe(77);
  expect(view.getUint32(12)).toBe(0x8000_0003);
  expect(view.getUint32(16)).toBe(0x0001_0005);
  expect(view.getUint32(20)).toBe(1234);
  expect([view.getUint32(24), view.getUint32(28)]).toEqual([0x1234_5678, 32_768]);
  expect([view.getUint8(32), view.getUint8(33)]).toEqual([0x81, 202]);
  expect(parseRtcp(bytes)).toEqual([]);
  expect(writeReceiverReport(5, 'framelift', undefined).length % 4).toBe(0);
});

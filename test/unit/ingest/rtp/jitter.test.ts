import { expect, test } from 'vitest';
import { InterarrivalJitter } from '../../../../src/ingest/rtp/jitter.ts';
import { fromMs, micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';
import { rtpPacket } from '../../../support/rtp.ts';

const CLOCK = 90_000;

/** RFC 3550 appendix A.8, the version with floating point: times in units of the RTP clock. */
function reference(packets: readonly { readonly timestamp: number; readonly arrival: number }[]): number {
  let transit: number | undefined;
  let jitter = 0;
  for (const { timestamp, arrival } of packets) {
    const now = arrival - timestamp;
    if (transit !== undefined) jitter += (1 / 16) * (Math.abs(now - transit) - jitter);
    transit = now;
  }
  return Math.floor(jitter);
}

function measure(packets: readonly { readonly timestamp: number; readonly arrival: number }[], sequence = 0): number {
  const jitter = new InterarrivalJitter(CLOCK);
  for (const [index, { timestamp, arrival }] of packets.entries()) {
    jitter.push(
      rtpPacket({
        sequence: (sequence + index) & 0xffff,
        timestamp: timestamp >>> 0,
        arrival: micros((arrival * 1e6) / CLOCK),
      }),
    );
  }
  return jitter.value;
}

test('packets that take equally long have none, whatever their clocks say', () => {
  const packets = Array.from({ length: 100 }, (_, i) => ({ timestamp: 7777 + i * 3000, arrival: 45 + i * 3000 }));
  expect(measure(packets)).toBe(0);
});

test.each([1, 2, 3])("the RFC's formula, across the wraps of both numbers (seed %i)", (seed) => {
  const random = seededRandom(seed);
  const start = 2 ** 32 - 150_000;
  const packets = Array.from({ length: 100 }, (_, i) => ({
    timestamp: start + i * 3000,
    arrival: i * 3000 + Math.floor(random() * 20) * 90,
  }));
  const expected = reference(packets);
  expect(expected).toBeGreaterThan(300);
  expect(Math.abs(measure(packets, 65_500) - expected)).toBeLessThanOrEqual(1);
});

test('one late packet of 160 ms counts a sixteenth of it', () => {
  expect(
    measure([
      { timestamp: 0, arrival: 0 },
      { timestamp: 9000, arrival: 9000 + 14_400 },
    ]),
  ).toBe(900);
});

test('a packet that was asked for again does not count', () => {
  const jitter = new InterarrivalJitter(CLOCK);
  for (const sequence of [1, 2, 4]) {
    jitter.push(rtpPacket({ sequence, timestamp: sequence * 90, arrival: fromMs(sequence) }));
  }
  jitter.push(rtpPacket({ sequence: 3, timestamp: 270, arrival: fromMs(90) }));
  jitter.push(rtpPacket({ sequence: 5, timestamp: 450, arrival: fromMs(5) }));
  expect(jitter.value).toBe(0);
});

test('a sender that starts its numbers anew is measured on', () => {
  const jitter = new InterarrivalJitter(CLOCK);
  jitter.push(rtpPacket({ sequence: 40_000, timestamp: 0, arrival: fromMs(0) }));
  jitter.push(rtpPacket({ sequence: 20_000, timestamp: 9_000_000, arrival: fromMs(1) }));
  expect(jitter.value).toBe(0);
  jitter.push(rtpPacket({ sequence: 20_001, timestamp: 9_000_090, arrival: fromMs(162) }));
  expect(jitter.value).toBe(900);
});

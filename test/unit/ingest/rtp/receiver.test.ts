import { expect, test } from 'vitest';
import type { RtpPacket } from '../../../../src/ingest/rtp/packet.ts';
import { RtpReceiver } from '../../../../src/ingest/rtp/receiver.ts';
import type { AccessUnit } from '../../../../src/media/access-unit.ts';
import { fromMs, type Micros, micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';
import { packetize, rtpPacket } from '../../../support/rtp.ts';

function receive(maxWait: Micros = fromMs(0)) {
  const units: AccessUnit[] = [];
  const lost: number[] = [];
  const receiver = new RtpReceiver({
    codec: 'h264',
    clockRate: 90_000,
    payloadType: 96,
    maxWait,
    capacity: 64,
    wallAt: (instant) => micros(instant + 1e15),
    complete: (unit) => units.push(unit),
    lost: (packets) => lost.push(packets),
  });
  return { units, lost, receiver };
}

/** `count` access units; the first of every ten is a keyframe. */
function stream(count: number, bytes: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const unit = new Uint8Array(bytes).fill(1 + (index % 250));
    unit.set([0, 0, 0, 1, index % 10 === 0 ? 0x65 : 0x41, 0x80]);
    return unit;
  });
}

const at30 = (index: number) => fromMs((index * 1000) / 30);

test('units carry the stream time, the arrival of their last packet and a wall time', () => {
  const { units, receiver } = receive();
  for (const packet of packetize(stream(3, 3000), 'h264', { timestamp: 2 ** 32 - 3000, arrival: at30 }))
    receiver.push(packet);
  expect(units.map((u) => u.pts)).toEqual([0, 33_333, 66_667]);
  expect(units.map((u) => u.arrival)).toEqual([at30(0), at30(1), at30(2)]);
  expect(units.map((u) => u.capture - 1e15)).toEqual([at30(0), at30(1), at30(2)]);
  expect(units.map((u) => u.keyframe)).toEqual([true, false, false]);
});

test('packets of another payload type are not of this stream', () => {
  const { units, lost, receiver } = receive();
  receiver.push(rtpPacket({ sequence: 9, payloadType: 97, marker: true }));
  for (const packet of packetize(stream(2, 500), 'h264')) receiver.push(packet);
  expect(units).toHaveLength(2);
  expect(lost).toEqual([]);
});

test('a sender report dates the units', () => {
  const { units, receiver } = receive();
  const packets = packetize(stream(2, 500), 'h264', { arrival: at30 });
  receiver.push(packets[0]!);
  receiver.rtcp({ type: 'sender-report', ssrc: 1, timestamp: 0, unix: micros(1e15 - 20_000), ntpMiddle: 1 }, fromMs(1));
  receiver.rtcp({ type: 'sender-report', ssrc: 999, timestamp: 0, unix: micros(1e15), ntpMiddle: 1 }, fromMs(1));
  receiver.push(packets[1]!);
  expect(units[1]?.capture).toBe(1e15 - 20_000 + 33_333);
});

test('another sender takes over: a discontinuity that waits for a keyframe, times go on', () => {
  const { units, receiver } = receive();
  for (const packet of packetize(stream(3, 3000), 'h264', { arrival: at30 })) receiver.push(packet);
  const second = packetize(stream(2, 3000), 'h264', { timestamp: 77, sequence: 40_000, arrival: (i) => at30(i + 3) });
  for (const packet of second) receiver.push({ ...packet, ssrc: 2 });
  expect(units.slice(3).map((u) => [u.discontinuity, u.afterLoss, u.damaged])).toEqual([
    [true, true, false],
    [false, false, false],
  ]);
  expect(units[3]?.pts).toBe(66_667 + 33_333);
});

test('reception reports count loss per interval and wraps', () => {
  const { receiver } = receive();
  const packets = packetize(stream(20, 500), 'h264', { sequence: 65_530 });
  expect(receiver.reception(fromMs(0))).toBeUndefined();
  for (const [index, packet] of packets.entries()) if (index !== 5 && index !== 6) receiver.push(packet);
  const report = receiver.reception(fromMs(0));
  expect(report).toMatchObject({ ssrc: 1, cumulativeLost: 2, fractionLost: Math.floor((2 * 256) / 20) });
  expect(report?.highestSequence).toBe(0x1_0000 + ((65_530 + 19) & 0xffff));
  expect(receiver.reception(fromMs(0))?.fractionLost).toBe(0);
});

test('a reception report carries the jitter of the sender that is followed', () => {
  const { receiver } = receive();
  const late = (index: number) => fromMs(index * 33 + (index % 2) * 16);
  for (const packet of packetize(stream(30, 500), 'h264', { step: 2970, arrival: late })) receiver.push(packet);
  expect(receiver.reception(fromMs(0))?.jitter).toBeGreaterThan(1000);
  receiver.push(rtpPacket({ sequence: 9, ssrc: 2, arrival: fromMs(2000) }));
  expect(receiver.reception(fromMs(0))).toMatchObject({ ssrc: 2, jitter: 0 });
});

test.each([21, 22, 23])(
  'lossy, shuffled, garbled streams: units are whole or say that they are not (seed %i)',
  (seed) => {
    const random = seededRandom(seed);
    const sources = stream(400, 6000);
    const { units, receiver } = receive(fromMs(200));
    const inFlight: RtpPacket[] = [];
    for (const packet of packetize(sources, 'h264', { arrival: at30 })) {
      const fate = random();
      if (fate > 0.01) inFlight.push(packet);
      if (fate > 0.99) inFlight.push({ ...packet, payload: packet.payload.subarray(0, 1) });
      while (inFlight.length > 4) {
        const [next] = inFlight.splice(Math.floor(random() * inFlight.length), 1);
        if (next) receiver.push(next);
      }
      receiver.expire(packet.arrival);
    }
    const whole = units.filter((u) => !u.damaged);
    const content = new Set(sources.map((s) => Buffer.from(s).toString('latin1')));
    const intact = whole.filter((u) => content.has(Buffer.from(u.data).toString('latin1')));
    expect(intact.length).toBe(whole.length);
    expect(units.length).toBeGreaterThan(350);
    expect(whole.length).toBeGreaterThan(250);
    expect(units.some((u) => u.damaged)).toBe(true);
  },
);

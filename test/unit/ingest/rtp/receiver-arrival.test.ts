import { describe, expect, test } from 'vitest';
import type { RtpPacket } from '../../../../src/ingest/rtp/packet.ts';
import { RtpReceiver } from '../../../../src/ingest/rtp/receiver.ts';
import type { AccessUnit, VideoCodec } from '../../../../src/media/access-unit.ts';
import { fromMs, type Micros, micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';
import { rtpPacket } from '../../../support/rtp.ts';

/** When each unit was handed over, and when it says that it arrived. */
interface Handed {
  readonly unit: AccessUnit;
  readonly at: Micros;
}

/** First bytes of a frame's only slice, in four codecs. */
const PAYLOADS: readonly (readonly [VideoCodec, readonly number[]])[] = [
  ['h264', [0x41, 0x80]],
  ['hevc', [0x02, 0x01, 0x80]],
  ['vp8', [0x10, 0x01, 0x00, 0x00]],
];

/** Plays packets, each at its arrival, and lets deadlines pass. */
function play(codec: VideoCodec, packets: readonly RtpPacket[], maxWait: Micros) {
  const handed: Handed[] = [];
  let now = fromMs(0);
  const receiver = new RtpReceiver({
    ...{ codec, clockRate: 90_000, payloadType: undefined, maxWait, capacity: 64 },
    wallAt: (instant) => micros(instant + 1e15),
    complete: (unit) => handed.push({ unit, at: now }),
    lost: () => {},
  });
  for (const packet of packets) {
    for (let due = receiver.deadline; due !== undefined && due <= packet.arrival; due = receiver.deadline) {
      now = due;
      receiver.expire(now);
    }
    now = packet.arrival;
    receiver.push(packet);
  }
  return { handed, receiver };
}

describe.each(PAYLOADS)('%s: no unit arrives before it could be known', (codec, bytes) => {
  const payload = Uint8Array.from(bytes);

  test('without marker bits a unit arrives with the first packet of the next', () => {
    const packets = Array.from({ length: 30 }, (_, index) =>
      rtpPacket({ sequence: index, timestamp: index * 3600, payload, arrival: fromMs(index * 40) }),
    );
    const { handed, receiver } = play(codec, packets, fromMs(0));
    expect(handed.map(({ unit }) => unit.arrival)).toEqual(handed.map(({ at }) => at));
    expect(handed[5]?.unit).toMatchObject({ arrival: fromMs(240), pts: fromMs(200 + 40) });
    expect(receiver.unmarked).toBe(true);
  });

  test('whatever is lost, late, out of order or unmarked, it says when it was handed over', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = seededRandom(seed);
      const marks = random() < 0.5;
      const packets = Array.from({ length: 200 }, (_, index) => {
        const late = random() < 0.1 ? 90 * random() : 3 * random();
        return rtpPacket({
          ...{ sequence: index, timestamp: Math.floor(index / 2) * 3600, payload },
          marker: marks && index % 2 === 1,
          arrival: fromMs(Math.round(index * 20 + late)),
        });
      })
        .filter(() => random() > 0.05)
        .toSorted((a, b) => a.arrival - b.arrival);
      const { handed } = play(codec, packets, fromMs(60));
      expect(handed.length).toBeGreaterThan(20);
      expect(handed.map(({ unit }) => unit.arrival)).toEqual(handed.map(({ at }) => at));
    }
  });

  test('with marker bits it arrives with its own last packet', () => {
    const packets = Array.from({ length: 30 }, (_, index) =>
      rtpPacket({ sequence: index, timestamp: index * 3600, payload, marker: true, arrival: fromMs(index * 40) }),
    );
    const { handed, receiver } = play(codec, packets, fromMs(0));
    expect(handed.map(({ unit }) => unit.arrival)).toEqual(packets.map(({ arrival }) => arrival));
    expect(receiver.unmarked).toBe(false);
  });
});

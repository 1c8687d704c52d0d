import { describe, expect, it } from 'vitest';
import type { ExtensionName } from '../../../../src/egress/offer.ts';
import { RtpSender } from '../../../../src/egress/rtp/sender.ts';
import { fromMs, ManualClock, type Micros } from '../../../../src/time.ts';
import { encodedUnit } from '../../../support/encoded-unit.ts';

/** What went out: the header as it was at that moment, and the payload. */
interface Packet {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly extensions: ReadonlyMap<number, string>;
  readonly payload: string;
}

const IDS: readonly [ExtensionName, number][] = [
  ['mid', 1],
  ['transportCc', 2],
  ['absSendTime', 3],
  ['absCaptureTime', 4],
  ['playoutDelay', 5],
];

class Rig {
  readonly clock = new ManualClock(fromMs(1000));
  readonly sent: Packet[] = [];
  readonly sender: RtpSender;
  /** RTP numbers of the packets that the connection was told of. */
  readonly told: (number | undefined)[] = [];
  readonly path = {
    next: 1,
    sent: (_payload: number, sequence: number | undefined): void => {
      this.told.push(sequence);
      this.path.next = (this.path.next + 1) & 0xffff;
    },
  };

  /** @param bare the player has no RTX and no header extensions. */
  constructor(bare = false, codec: 'h264' | 'vp8' = 'h264') {
    const rtxPayloadType = bare ? undefined : 97;
    const video = { mid: '0', codec, payloadType: 96, rtxPayloadType, extensions: new Map(bare ? [] : IDS) };
    const options = { video, ssrc: 1111, rtxSsrc: 2222, maxPlayoutDelay: fromMs(0), path: this.path };
    const sendRtp: ConstructorParameters<typeof RtpSender>[1]['sendRtp'] = (payload, header) => {
      const { ssrc, payloadType, sequenceNumber: sequence, timestamp, marker } = header;
      const written = new Map(header.extensions.map(({ id, payload: data }) => [id, data.toString('hex')]));
      this.sent.push({
        ssrc,
        payloadType,
        sequence,
        timestamp,
        marker,
        extensions: written,
        payload: payload.toString('hex'),
      });
      return Promise.resolve(0);
    };
    this.sender = new RtpSender(options, { sendRtp }, this.clock);
  }

  /** Sends a unit of so many packets, due at `due`. */
  unit(due: Micros, packets: number, keyframe = false): void {
    const unit = encodedUnit(due, keyframe);
    for (let i = 0; i < packets; i++) {
      const [first, marker] = [i === 0, i === packets - 1];
      this.sender.send({ kind: 'media', unit, payload: Buffer.from([i]), first, marker, packets, bytes: packets });
    }
  }
}

describe('RtpSender', () => {
  it("numbers a viewer's pictures of VP8 one by one, and leaves what all viewers share alone", () => {
    const rig = new Rig(false, 'vp8');
    const shared = Buffer.from('9080800007', 'hex');
    for (let i = 0; i < 3; i++) {
      const unit = encodedUnit(fromMs(20 * i));
      const packet = { kind: 'media', unit, payload: shared, packets: 2, bytes: 10 } as const;
      rig.sender.send({ ...packet, first: true, marker: false });
      rig.sender.send({ ...packet, first: false, marker: true });
    }
    const ids = rig.sent.map(({ payload }) => Number.parseInt(payload.slice(4, 8), 16) & 0x7fff);
    expect(ids.map((id) => (id - (ids[0] ?? 0)) & 0x7fff)).toEqual([0, 0, 1, 1, 2, 2]);
    expect(shared.toString('hex')).toBe('9080800007');
    const [again] = rig.sent;
    rig.sender.resend(again?.sequence ?? 0, 0);
    expect(rig.sent.at(-1)?.payload.slice(4)).toBe(again?.payload);
  });

  it('numbers packets one by one across the wrap, and stamps the units of a stream at 90 kHz', () => {
    const rig = new Rig();
    for (let i = 0; i < 40_000; i++) rig.unit(fromMs(1000 + 20 * i), 2);
    const [first] = rig.sent;
    rig.sent.forEach(({ sequence, timestamp, marker }, i) => {
      expect(sequence).toBe(((first?.sequence ?? 0) + i) & 0xffff);
      expect((timestamp - (first?.timestamp ?? 0) + 2 ** 32) % 2 ** 32).toBe((Math.floor(i / 2) * 1800) % 2 ** 32);
      expect(marker).toBe(i % 2 === 1);
    });
    expect(rig.sender.timestamp(fromMs(1000))).toBe(first?.timestamp);
  });

  it('writes capture time with the first packet, the mid with keyframes, the send time always', () => {
    const rig = new Rig();
    for (let i = 0; i < 30; i++) rig.unit(fromMs(1000 + 20 * i), 1);
    rig.sent.length = 0;
    rig.unit(fromMs(2000), 2, true);
    rig.unit(fromMs(2020), 2);
    expect(rig.sent.map(({ extensions }) => [...extensions.keys()])).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 3],
      [2, 3, 4],
      [2, 3],
    ]);
  });

  it('counts every packet in the transport-wide number, those that are sent again, too', () => {
    const rig = new Rig();
    rig.unit(fromMs(1000), 2);
    rig.sender.resend(rig.sent[0]?.sequence ?? 0, 0);
    expect(rig.sent.map(({ extensions }) => extensions.get(2))).toEqual(['0001', '0002', '0003']);
  });

  it('sends again as RFC 4588 says: its own SSRC, type and numbers, the old number first', () => {
    const rig = new Rig();
    rig.unit(fromMs(1000), 2);
    const [, lost] = rig.sent;
    expect(rig.sender.resend(lost?.sequence ?? 0, 10_000)).toBe(true);
    const again = rig.sent[2];
    expect(again).toMatchObject({ ssrc: 2222, payloadType: 97, timestamp: lost?.timestamp, marker: true });
    expect(again?.payload).toBe((lost?.sequence ?? 0).toString(16).padStart(4, '0') + lost?.payload);
    rig.clock.advance(fromMs(5));
    expect(rig.sender.resend(lost?.sequence ?? 0, 10_000)).toBe(false);
    rig.clock.advance(fromMs(5));
    expect(rig.sender.resend(lost?.sequence ?? 0, 10_000)).toBe(true);
    expect(rig.sent[3]?.sequence).toBe(((again?.sequence ?? 0) + 1) & 0xffff);
  });

  it('sends the very packet again where the player has no RTX', () => {
    const rig = new Rig(true);
    rig.unit(fromMs(1000), 2);
    rig.sender.resend(rig.sent[0]?.sequence ?? 0, 0);
    expect(rig.sent[2]).toEqual(rig.sent[0]);
    rig.unit(fromMs(1020), 1);
    expect(rig.sent[3]?.sequence).toBe(((rig.sent[0]?.sequence ?? 0) + 2) & 0xffff);
  });

  it('reports what it has sent, once it has, without what was sent again', () => {
    const rig = new Rig();
    expect(rig.sender.report).toBeUndefined();
    rig.unit(fromMs(1000), 3);
    rig.sender.resend(rig.sent[0]?.sequence ?? 0, 0);
    expect(rig.sender.report).toMatchObject({ packetCount: 3, octetCount: 3, rtpTimestamp: rig.sent[0]?.timestamp });
  });
});

import { describe, expect, it } from 'vitest';
import type { RtpPacket } from '../../../../src/ingest/rtp/packet.ts';
import { WhipReceiver } from '../../../../src/ingest/whip/receiver.ts';
import type { AccessUnit } from '../../../../src/media/access-unit.ts';
import { fromMs, type Micros, micros } from '../../../../src/time.ts';
import { rtpPacket } from '../../../support/rtp.ts';

const VIDEO = { codec: 'vp8', payloadType: 96, rtxPayloadType: 97, feedback: ['nack', 'nack pli'] } as const;

class Rig {
  readonly units: AccessUnit[] = [];
  lost = 0;
  readonly receiver: WhipReceiver;

  constructor(video: Partial<typeof VIDEO | { feedback: readonly string[] }> = {}) {
    this.receiver = new WhipReceiver({
      video: { ...VIDEO, ...video },
      wallAt: (instant) => micros(instant + 1e15),
      complete: (unit) => this.units.push(unit),
      lost: (packets) => {
        this.lost += packets;
      },
    });
  }

  /** One packet is one frame of VP8; `sequence` is in its last byte. */
  push(sequence: number, atMs: number, fields: Partial<RtpPacket> = {}): void {
    this.receiver.push(
      rtpPacket({
        sequence: sequence & 0xffff,
        timestamp: (sequence * 3000) >>> 0,
        marker: true,
        payload: Uint8Array.of(0x10, 0x01, sequence & 255),
        arrival: fromMs(atMs),
        ...fields,
      }),
    );
  }

  /** The same packet as a retransmission. */
  resend(sequence: number, atMs: number): void {
    const payload = Uint8Array.of((sequence >> 8) & 255, sequence & 255, 0x10, 0x01, sequence & 255);
    this.push(sequence, atMs, { payloadType: 97, ssrc: 2, sequence: 7, payload });
  }

  get seen(): (number | undefined)[] {
    return this.units.map(({ data }) => data.at(-1));
  }
}

const at = (ms: number): Micros => fromMs(ms);

describe('WhipReceiver', () => {
  it('asks for a missing packet and puts it in its place when it comes by RTX', () => {
    const rig = new Rig();
    rig.push(1, 0);
    rig.push(3, 33);
    expect(rig.receiver.advance(at(43), false)).toEqual({ ssrc: 1, packets: [2], keyframe: false });
    rig.resend(2, 60);
    expect(rig.seen).toEqual([1, 2, 3]);
    expect(rig.units.some(({ afterLoss, damaged }) => afterLoss || damaged)).toBe(false);
    expect(rig.lost).toBe(0);
    expect(rig.receiver.deadline).toBeUndefined();
  });

  it('takes no retransmission of what is not missed: padding, or another layer', () => {
    const rig = new Rig();
    rig.push(1, 0);
    rig.resend(1, 1);
    rig.resend(60_000, 1);
    rig.push(2, 1, { payloadType: 97, ssrc: 2, payload: Uint8Array.of(0, 2) });
    rig.push(2, 33);
    expect(rig.seen).toEqual([1, 2]);
    expect(rig.receiver.counts).toEqual({ packets: 2, lost: 0 });
  });

  it('gives a packet up after 250 ms and says that the next unit comes after loss', () => {
    const rig = new Rig();
    rig.push(1, 0);
    rig.push(3, 33);
    rig.receiver.advance(at(282), false);
    expect(rig.seen).toEqual([1]);
    rig.receiver.advance(at(283), false);
    expect(rig.seen).toEqual([1, 3]);
    expect(rig.units[1]?.afterLoss).toBe(true);
    expect(rig.lost).toBe(1);
  });

  it('waits 60 ms only, and asks for nothing, where nothing can be asked for', () => {
    const rig = new Rig({ feedback: [] });
    rig.push(1, 0);
    rig.push(3, 33);
    expect(rig.receiver.deadline).toBe(at(93));
    expect(rig.receiver.advance(at(93), true)).toBeUndefined();
    expect(rig.seen).toEqual([1, 3]);
  });

  it('asks for a keyframe while one is needed, twice a second at most', () => {
    const rig = new Rig();
    expect(rig.receiver.advance(at(0), true)).toBeUndefined();
    rig.push(1, 0);
    const asked: number[] = [];
    for (let ms = 0; ms <= 1200; ms += 50) if (rig.receiver.advance(at(ms), true)?.keyframe) asked.push(ms);
    expect(asked).toEqual([0, 500, 1000]);
    expect(rig.receiver.advance(at(2000), false)).toBeUndefined();
  });

  it('follows one layer of several, and another one when it falls silent; a keyframe of that one is asked for at once', () => {
    const rig = new Rig();
    for (let i = 0; i < 10; i += 1) {
      rig.push(i, i * 33, { ssrc: 1 });
      rig.push(1000 + i, i * 33 + 1, { ssrc: 5 });
    }
    expect(rig.seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(rig.receiver.advance(at(300), true)).toMatchObject({ ssrc: 1, keyframe: true });
    rig.push(1020, 790, { ssrc: 5 });
    expect(rig.units).toHaveLength(10);
    rig.push(1021, 798, { ssrc: 5 });
    rig.push(1022, 820, { ssrc: 5 });
    expect(rig.seen.slice(10)).toEqual([1021 & 255, 1022 & 255]);
    expect(rig.units[10]).toMatchObject({ afterLoss: true, discontinuity: true });
    expect(rig.receiver.advance(at(830), true)).toEqual({ ssrc: 5, packets: [], keyframe: true });
  });

  it('goes on across the wraps of sequence number and timestamp', () => {
    const rig = new Rig();
    const order = [65_533, 65_534, 65_536, 65_538, 65_537, 65_539];
    for (const [i, sequence] of order.entries())
      rig.push(sequence, i * 33, { timestamp: (2 ** 32 - 9000 + i * 3000) >>> 0 });
    expect(rig.receiver.advance(at(200), false)?.packets).toEqual([65_535]);
    rig.resend(65_535, 210);
    expect(rig.seen).toEqual(
      order
        .slice(0, 2)
        .concat(65_535, 65_536, 65_537, 65_538, 65_539)
        .map((n) => n & 255),
    );
    expect(rig.lost).toBe(0);
  });
});

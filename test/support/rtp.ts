/** RTP packets made by hand. */
import type { RtpPacket } from '../../src/ingest/rtp/packet.ts';
import { type Micros, ZERO } from '../../src/time.ts';

/** A packet with defaults. */
export function rtpPacket(fields: Partial<RtpPacket> & { sequence: number }): RtpPacket {
  return {
    payloadType: 96,
    marker: false,
    timestamp: 0,
    ssrc: 1,
    payload: new Uint8Array([0x41, 0x80, fields.sequence & 255]),
    arrival: ZERO,
    ...fields,
  };
}

/** A packet as bytes, without extensions or padding. */
export function rtpBytes(packet: RtpPacket): Uint8Array {
  const bytes = new Uint8Array(12 + packet.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, packet.payloadType | (packet.marker ? 0x80 : 0));
  view.setUint16(2, packet.sequence & 0xffff);
  view.setUint32(4, packet.timestamp >>> 0);
  view.setUint32(8, packet.ssrc);
  bytes.set(packet.payload, 12);
  return bytes;
}

/** NAL units of an Annex B stream, without start codes. */
function nalUnits(annexB: Uint8Array): Uint8Array[] {
  const starts: { code: number; nal: number }[] = [];
  for (let i = 0; i + 3 < annexB.length; i += 1) {
    if (annexB[i] !== 0 || annexB[i + 1] !== 0 || annexB[i + 2] !== 1) continue;
    starts.push({ code: i > 0 && annexB[i - 1] === 0 ? i - 1 : i, nal: i + 3 });
    i += 2;
  }
  return starts.map(({ nal }, index) => annexB.subarray(nal, starts[index + 1]?.code ?? annexB.length));
}

/** Payloads that carry NAL units: single where they fit `mtu`, fragmented (FU-A, FU) where not. */
function nalPayloads(nals: readonly Uint8Array[], codec: 'h264' | 'hevc', mtu: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const header = codec === 'h264' ? 1 : 2;
  for (const nal of nals) {
    if (nal.length <= mtu) {
      payloads.push(nal);
      continue;
    }
    const first = nal[0] ?? 0;
    const type = codec === 'h264' ? first & 31 : (first >> 1) & 63;
    const indicator = codec === 'h264' ? [(first & 0xe0) | 28] : [(first & 0x81) | (49 << 1), nal[1] ?? 0];
    const size = mtu - header - 1;
    for (let at = header; at < nal.length; at += size) {
      const start = at === header ? 0x80 : 0;
      const end = at + size >= nal.length ? 0x40 : 0;
      payloads.push(Uint8Array.from([...indicator, start | end | type, ...nal.subarray(at, at + size)]));
    }
  }
  return payloads;
}

/** Access units as packets: sequence from `sequence` on, one timestamp step each, marker on each last packet. */
export function packetize(
  units: readonly Uint8Array[],
  codec: 'h264' | 'hevc',
  options: {
    mtu?: number;
    sequence?: number;
    timestamp?: number;
    step?: number;
    arrival?: (index: number) => Micros;
  } = {},
): RtpPacket[] {
  const packets: RtpPacket[] = [];
  let sequence = options.sequence ?? 0;
  for (const [index, unit] of units.entries()) {
    const payloads = nalPayloads(nalUnits(unit), codec, options.mtu ?? 1200);
    for (const [at, payload] of payloads.entries()) {
      packets.push(
        rtpPacket({
          sequence: sequence & 0xffff,
          timestamp: ((options.timestamp ?? 0) + index * (options.step ?? 3000)) >>> 0,
          marker: at === payloads.length - 1,
          payload,
          arrival: options.arrival?.(index) ?? ZERO,
        }),
      );
      sequence += 1;
    }
  }
  return packets;
}

/** The RTP stream of one track to one reader, with its sender reports (RFC 3550). Pure but for its random start. */
import { randomBytes } from 'node:crypto';
import { ntpTimestamp } from '../../egress/rtp/time.ts';
import type { Micros } from '../../time.ts';

const RTP_HEADER = 12;

/** Numbers packets and counts them. */
export class Track {
  readonly ssrc = randomBytes(4).readUInt32BE();
  readonly #base = randomBytes(4).readUInt32BE();
  /** Hz. */
  readonly #clock: number;
  readonly #payloadType: number;
  #sequence = randomBytes(2).readUInt16BE() & 0x7fff;
  #packets = 0;
  #octets = 0;
  /** Ticks that timestamps stand after time. */
  #error = 0;

  constructor(payloadType: number, clock: number) {
    this.#payloadType = payloadType;
    this.#clock = clock;
  }

  /** Number of the packet that comes next. */
  get sequence(): number {
    return this.#sequence;
  }

  get packets(): number {
    return this.#packets;
  }

  /** Ticks of the track's clock at a time. */
  ticks(at: Micros): number {
    return Math.round((at / 1e6) * this.#clock);
  }

  /** A packet. @param error as in {@link SoundUnit}. */
  packet(payload: Uint8Array, ticks: number, marker: boolean, error = 0): Buffer {
    const packet = Buffer.allocUnsafe(RTP_HEADER + payload.length);
    packet[0] = 0x80;
    packet[1] = (marker ? 0x80 : 0) | this.#payloadType;
    packet.writeUInt16BE(this.#sequence, 2);
    packet.writeUInt32BE((this.#base + ticks) % 2 ** 32, 4);
    packet.writeUInt32BE(this.ssrc, 8);
    packet.set(payload, RTP_HEADER);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#packets += 1;
    this.#octets += payload.length;
    this.#error = error;
    return packet;
  }

  /** Sender report and name. @param wall, now: the same moment by both clocks. */
  report(wall: Micros, now: Micros, cname: string): Buffer {
    const name = Buffer.from(cname.slice(0, 255));
    // Chunk: SSRC, type, length, text, and at least one zero up to a multiple of four.
    const chunk = 4 * Math.floor((4 + 2 + name.length + 4) / 4);
    const report = Buffer.alloc(28 + 4 + chunk);
    report.writeUInt32BE(0x80c8_0006, 0);
    report.writeUInt32BE(this.ssrc, 4);
    report.writeBigUInt64BE(ntpTimestamp(wall), 8);
    report.writeUInt32BE((this.#base + this.ticks(now) + this.#error) % 2 ** 32, 16);
    report.writeUInt32BE(this.#packets % 2 ** 32, 20);
    report.writeUInt32BE(this.#octets % 2 ** 32, 24);
    report.writeUInt32BE(0x81ca_0000 + chunk / 4, 28);
    report.writeUInt32BE(this.ssrc, 32);
    report[36] = 1;
    report[37] = name.length;
    name.copy(report, 38);
    return report;
  }
}

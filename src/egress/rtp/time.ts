/** Times as RTP and its extensions write them. Pure. */
import { type Micros, ZERO } from '../../time.ts';

/** Seconds from 1900 (NTP) to 1970 (Unix). */
const NTP_EPOCH = 2_208_988_800;

/** Monotonic microseconds as 90 kHz ticks since `base`, modulo 2^32. */
export function rtpTimestamp(base: number, due: Micros): number {
  return (base + Math.round((due * 9) / 100)) % 2 ** 32;
}

/** Wall-clock time as a 64-bit NTP timestamp (RFC 5905). */
export function ntpTimestamp(wall: Micros): bigint {
  const seconds = Math.floor(wall / 1e6);
  const fraction = Math.floor(((wall - seconds * 1e6) * 2 ** 32) / 1e6);
  return (BigInt(seconds + NTP_EPOCH) << 32n) | BigInt(fraction);
}

/** Middle 32 bits of an NTP timestamp, the form of LSR and DLSR in RTCP reports. */
export function middleNtp(wall: Micros): number {
  return Number((ntpTimestamp(wall) >> 16n) & 0xffff_ffffn);
}

/**
 * Round-trip time in microseconds from a receiver report; undefined when it names no sender report.
 * RFC 3550 §6.4.1.
 */
export function roundTrip(now: Micros, lastReport: number, delaySinceLast: number): number | undefined {
  if (lastReport === 0) return undefined;
  const units = (middleNtp(now) - lastReport - delaySinceLast) >>> 0;
  // More than 32768 s is a clock that runs backwards: no time at all.
  return units > 0x7fff_ffff ? 0 : (units / 65_536) * 1e6;
}

/** abs-send-time: 6.18 fixed-point seconds in 24 bits. */
export function writeAbsSendTime(to: Buffer, wall: Micros): void {
  const seconds = (wall / 1e6) % 64;
  to.writeUIntBE(Math.floor(seconds * 2 ** 18) & 0xff_ffff, 0, 3);
}

/** abs-capture-time: NTP timestamp of the capture, 8 bytes. */
export function writeAbsCaptureTime(to: Buffer, capture: Micros): void {
  to.writeBigUInt64BE(ntpTimestamp(capture), 0);
}

/** playout-delay: 12 bits minimum, 12 bits maximum, in 10 ms. */
export function playoutDelay(max: Micros, min: Micros = ZERO): Buffer {
  const data = Buffer.alloc(3);
  const [least, most] = [min, max].map((value) => Math.min(0xfff, Math.ceil(value / 10_000)));
  data.writeUIntBE(((least ?? 0) << 12) | Math.max(least ?? 0, most ?? 0), 0, 3);
  return data;
}

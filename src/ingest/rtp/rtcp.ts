/** RTCP (RFC 3550 section 6): sender reports and goodbyes read, receiver reports written. Pure. */
import { type Micros, micros } from '../../time.ts';

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const GOODBYE = 203;
const PAYLOAD_FEEDBACK = 206;
const PICTURE_LOSS = 1;
/** Seconds from 1900 (NTP) to 1970 (Unix). */
const NTP_TO_UNIX = 2_208_988_800;

/** A sender report, or a goodbye. */
export type RtcpEvent =
  | {
      readonly type: 'sender-report';
      readonly ssrc: number;
      /** RTP timestamp that belongs to `unix`. */
      readonly timestamp: number;
      readonly unix: Micros;
      /** Middle 32 bits of the NTP time, as receiver reports repeat it. */
      readonly ntpMiddle: number;
    }
  | { readonly type: 'goodbye'; readonly ssrc: number };

/** Reads a compound packet; stops at the first malformed part. */
export function parseRtcp(bytes: Uint8Array): RtcpEvent[] {
  const events: RtcpEvent[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + view.getUint16(at + 2) * 4;
    if (view.getUint8(at) >> 6 !== 2 || end > bytes.length) break;
    const type = view.getUint8(at + 1);
    if (type === SENDER_REPORT && end - at >= 28) events.push(readSenderReport(view, at));
    if (type === GOODBYE) {
      const sources = view.getUint8(at) & 31;
      for (let i = 0; i < sources && at + 8 + i * 4 <= end; i += 1) {
        events.push({ type: 'goodbye', ssrc: view.getUint32(at + 4 + i * 4) });
      }
    }
    at = end;
  }
  return events;
}

function readSenderReport(view: DataView, at: number): RtcpEvent {
  const seconds = view.getUint32(at + 8);
  const fraction = view.getUint32(at + 12);
  return {
    type: 'sender-report',
    ssrc: view.getUint32(at + 4),
    timestamp: view.getUint32(at + 16),
    unix: micros((seconds - NTP_TO_UNIX) * 1e6 + (fraction * 1e6) / 2 ** 32),
    ntpMiddle: ((seconds & 0xffff) * 65_536 + (fraction >>> 16)) >>> 0,
  };
}

/** What a receiver report says of one sender. */
export interface ReceptionReport {
  readonly ssrc: number;
  /** 0…255 of 256 packets since the last report. */
  readonly fractionLost: number;
  readonly cumulativeLost: number;
  /** Wraps counted in the upper 16 bits. */
  readonly highestSequence: number;
  /** Interarrival jitter, in units of the RTP timestamps. */
  readonly jitter: number;
  /** {@link RtcpEvent} `ntpMiddle` of the last sender report, 0 when there was none. */
  readonly lastReport: number;
  /** Time since that report arrived. */
  readonly sinceLastReport: Micros;
}

/** A receiver report with a CNAME, ready to send. Many servers take it as a sign of life. */
export function writeReceiverReport(ownSsrc: number, cname: string, report: ReceptionReport | undefined): Uint8Array {
  const name = new TextEncoder().encode(cname).subarray(0, 255);
  const reportBytes = report ? 32 : 8;
  const descriptionBytes = Math.ceil((8 + 2 + name.length + 1) / 4) * 4;
  const bytes = new Uint8Array(reportBytes + descriptionBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80 | (report ? 1 : 0));
  view.setUint8(1, RECEIVER_REPORT);
  view.setUint16(2, reportBytes / 4 - 1);
  view.setUint32(4, ownSsrc);
  if (report) {
    view.setUint32(8, report.ssrc);
    view.setUint32(12, Math.min(report.cumulativeLost, 0x7fffff) | (report.fractionLost << 24));
    view.setUint32(16, report.highestSequence);
    view.setUint32(20, report.jitter);
    view.setUint32(24, report.lastReport);
    view.setUint32(28, report.lastReport === 0 ? 0 : Math.round((report.sinceLastReport / 1e6) * 65_536));
  }
  view.setUint8(reportBytes, 0x81);
  view.setUint8(reportBytes + 1, SOURCE_DESCRIPTION);
  view.setUint16(reportBytes + 2, descriptionBytes / 4 - 1);
  view.setUint32(reportBytes + 4, ownSsrc);
  view.setUint8(reportBytes + 8, 1);
  view.setUint8(reportBytes + 9, name.length);
  bytes.set(name, reportBytes + 10);
  return bytes;
}

/** A picture loss indication (RFC 4585, section 6.3.1), without the report that goes before it. */
export function writePictureLoss(ownSsrc: number, mediaSsrc: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80 | PICTURE_LOSS);
  view.setUint8(1, PAYLOAD_FEEDBACK);
  view.setUint16(2, 2);
  view.setUint32(4, ownSsrc);
  view.setUint32(8, mediaSsrc);
  return bytes;
}

/** A sample of what arrives, for the log at `trace`. */
import type { AccessUnit } from '../../media/access-unit.ts';
import type { SourceLog } from '../source-log.ts';
import type { RtpPacket } from './packet.ts';

/** Every 500th packet, every 100th access unit. */
const PACKETS = 500;
const UNITS = 100;

/** Counts, and writes samples. Made only where {@link SourceLog.traces}. */
export class ReceptionTrace {
  readonly #log: SourceLog;
  #packets = 0;
  #units = 0;

  constructor(log: SourceLog) {
    this.#log = log;
  }

  /** A packet came; `lost` were missing so far. */
  packet({ sequence, timestamp, marker, payload }: RtpPacket, lost: number): void {
    if (this.#packets % PACKETS === 0) {
      const fields = { seq: sequence, ts: timestamp, marker, bytes: payload.length, packets: this.#packets, lost };
      this.#log.trace(fields, 'RTP packet');
    }
    this.#packets += 1;
  }

  /** An access unit is complete. */
  unit({ data, pts, keyframe, damaged, discontinuity }: AccessUnit): void {
    if (this.#units % UNITS === 0) {
      this.#log.trace({ pts, bytes: data.length, keyframe, damaged, discontinuity, units: this.#units }, 'access unit');
    }
    this.#units += 1;
  }
}

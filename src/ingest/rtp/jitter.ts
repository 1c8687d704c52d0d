/** Interarrival jitter (RFC 3550 section 6.4.1 and appendix A.8). Pure. */
import type { Micros } from '../../time.ts';
import { type RtpPacket, sequenceDistance } from './packet.ts';

/** A packet older than this is a restart of the sender, not reordering (RFC 3550 appendix A.1). */
const MAX_MISORDER = 1000;

/** How unevenly one sender's packets arrive, against how evenly they were stamped. */
export class InterarrivalJitter {
  readonly #clockRate: number;
  #sequence: number | undefined;
  #arrival: Micros | undefined;
  #timestamp = 0;
  #jitter = 0;

  /** @param clockRate of the RTP timestamps, in Hz. */
  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /**
   * J += (|D| − J) / 16, D being how much longer or shorter the way of this packet was than of the
   * one before. Packets older than one that came already are left out: most of them are
   * retransmissions, whose way says nothing about the network's jitter.
   */
  push({ sequence, timestamp, arrival }: RtpPacket): void {
    const ahead = this.#sequence === undefined ? 1 : sequenceDistance(sequence, this.#sequence);
    if (ahead <= 0 && ahead >= -MAX_MISORDER) return;
    if (this.#arrival !== undefined && ahead > 0) {
      const elapsed = ((arrival - this.#arrival) * this.#clockRate) / 1e6;
      const difference = elapsed - ((timestamp - this.#timestamp) | 0);
      this.#jitter += (Math.abs(difference) - this.#jitter) / 16;
    }
    this.#sequence = sequence;
    this.#arrival = arrival;
    this.#timestamp = timestamp;
  }

  /** In units of the timestamps, as receiver reports carry it: 32 bits. */
  get value(): number {
    return Math.min(0xffff_ffff, Math.floor(this.#jitter));
  }
}

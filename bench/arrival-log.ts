/** Puts RTP packets together to access units and notes when each was there. Pure. */
import type { Arrival } from './slots.ts';

/** What a packet tells of its access unit. */
export interface PacketFacts {
  readonly ssrc: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  /** The last packet of its access unit. */
  readonly marker: boolean;
}

/** The access units of one viewer. Packets of other SSRCs than the first one's (retransmissions) do not count: what needs them is not complete in time. */
export class ArrivalLog {
  #ssrc: number | undefined;
  #expected: number | undefined;
  #open: { timestamp: number; at: number; broken: boolean } | undefined;
  #arrivals: Arrival[] = [];
  #units = 0;

  /** Access units that have ended so far, those before {@link begin} included. */
  get units(): number {
    return this.#units;
  }

  /** Takes the next packet, which came at `at` (milliseconds). */
  packet({ ssrc, sequenceNumber, timestamp, marker }: PacketFacts, at: number): void {
    this.#ssrc ??= ssrc;
    if (ssrc !== this.#ssrc) return;
    const lost = this.#expected !== undefined && sequenceNumber !== this.#expected;
    this.#expected = (sequenceNumber + 1) & 0xffff;
    // Its end was lost.
    if (this.#open && this.#open.timestamp !== timestamp) this.#close(false);
    this.#open ??= { timestamp, at, broken: false };
    this.#open.at = at;
    this.#open.broken ||= lost;
    if (marker) this.#close(!this.#open.broken);
  }

  /** Forgets what came so far: the measurement starts now. */
  begin(): void {
    this.#arrivals = [];
  }

  /** What came since {@link begin}. */
  end(): readonly Arrival[] {
    return this.#arrivals;
  }

  #close(complete: boolean): void {
    if (!this.#open) return;
    this.#arrivals.push({ timestamp: this.#open.timestamp, at: this.#open.at, complete });
    this.#open = undefined;
    this.#units += 1;
  }
}

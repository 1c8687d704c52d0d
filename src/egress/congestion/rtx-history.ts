/** Packets sent lately, for retransmission. Pure. */
import type { Micros } from '../../time.ts';

/** A packet as it was sent. */
export interface SentPacket {
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Buffer;
}

/** Ring of the last packets by sequence number. Overwrites the oldest. */
export class RtxHistory {
  readonly capacity: number;
  readonly #packets: (SentPacket | undefined)[];
  readonly #resentAt: Float64Array;

  /** @param capacity a power of two; 1024 packets are 1.8 s at 5 Mb/s. */
  constructor(capacity = 1024) {
    this.capacity = capacity;
    this.#packets = new Array(capacity);
    this.#resentAt = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
  }

  /** The packet that was remembered last. */
  newest: SentPacket | undefined;

  /** Forgets all: nobody needs what came before. */
  clear(): void {
    this.#packets.fill(undefined);
    this.newest = undefined;
  }

  /** Remembers a packet. */
  add(packet: SentPacket): void {
    this.newest = packet;
    const at = packet.sequence % this.capacity;
    this.#packets[at] = packet;
    this.#resentAt[at] = Number.NEGATIVE_INFINITY;
  }

  /**
   * The packet to send again at `now`; undefined when it is forgotten or was sent again less than
   * `pause` ago.
   */
  take(sequence: number, now: Micros, pause: number): SentPacket | undefined {
    const at = sequence % this.capacity;
    const packet = this.#packets[at];
    if (packet?.sequence !== sequence || now - (this.#resentAt[at] ?? 0) < pause) return undefined;
    this.#resentAt[at] = now;
    return packet;
  }
}

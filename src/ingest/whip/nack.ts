/** Which missing packets to ask the sender for again, and when (RFC 4585 section 6.2.1). Pure. */
import { fromMs, type Micros, plus } from '../../time.ts';
import { sequenceDistance } from '../rtp/packet.ts';

/** A packet this late may merely have been overtaken by others: it is not asked for yet. */
const REORDER_GRACE = fromMs(10);
/** Between two requests for the same packet. */
const RETRY_INTERVAL = fromMs(50);
/** Requests for one packet. */
const MAX_TRIES = 5;
/**
 * More missing packets than this are not asked for: sending them again would be worse for the
 * network than a keyframe.
 */
const MAX_MISSING = 256;
/** A packet so much older than the newest comes of a sender that began anew. */
const MAX_MISORDER = 1000;

/**
 * After this a packet that is still missing has been asked for as often as it will be, and the last
 * answer had time to come.
 */
export const NACK_TIMEOUT: Micros = fromMs(250);

/**
 * The missing packets of one SSRC. Capacity: 256; policy: when more are missing, all of them are
 * given up; counters: {@link requested}.
 */
export class NackSchedule {
  readonly #missing = new Map<number, { tries: number; next: Micros }>();
  #newest: number | undefined;
  #requested = 0;

  /** Requests made so far, one for each packet and try. */
  get requested(): number {
    return this.#requested;
  }

  /** When {@link due} has something to say; undefined while nothing is missing. */
  get deadline(): Micros | undefined {
    let first: Micros | undefined;
    for (const { next } of this.#missing.values()) if (first === undefined || next < first) first = next;
    return first;
  }

  /** True while this packet is missed. */
  misses(sequence: number): boolean {
    return this.#missing.has(sequence);
  }

  /** Takes note of a packet, a repeated one included. */
  received(sequence: number, now: Micros): void {
    const ahead = this.#newest === undefined ? 1 : sequenceDistance(sequence, this.#newest);
    if (ahead <= 0 && ahead >= -MAX_MISORDER) {
      this.#missing.delete(sequence);
      return;
    }
    if (ahead < 0 || this.#missing.size + ahead - 1 > MAX_MISSING) {
      this.#missing.clear();
    } else {
      const next = plus(now, REORDER_GRACE);
      for (let back = ahead - 1; back > 0; back -= 1) {
        this.#missing.set((sequence - back) & 0xffff, { tries: 0, next });
      }
    }
    this.#newest = sequence;
  }

  /** The packets to ask for now, oldest first. */
  due(now: Micros): number[] {
    const due: number[] = [];
    for (const [sequence, packet] of this.#missing) {
      if (packet.next > now) continue;
      if (packet.tries === MAX_TRIES) {
        this.#missing.delete(sequence);
        continue;
      }
      packet.tries += 1;
      packet.next = plus(now, RETRY_INTERVAL);
      due.push(sequence);
    }
    this.#requested += due.length;
    return due;
  }

  /** Forgets everything: the sender changed. */
  reset(): void {
    this.#missing.clear();
    this.#newest = undefined;
  }
}

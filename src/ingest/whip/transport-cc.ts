/**
 * When packets arrived, as the sender's congestion control wants to know it
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01). Pure.
 */
import type { Micros } from '../../time.ts';
import { sequenceDistance } from '../rtp/packet.ts';

/** Unit of arrival times. */
const TICK = 250;
/** Unit of the reference time, in ticks: 64 ms. */
const REFERENCE_TICKS = 256;
/** Packets in one report, the missing ones included. */
const MAX_PACKETS = 1024;

/** The arrivals of consecutive packets. */
export interface ArrivalReport {
  /** Transport-wide number of the first packet. */
  readonly base: number;
  /** Reference time, in 64 ms, 24 bits. */
  readonly reference: number;
  /**
   * For each packet the ticks of 250 µs since the one before that arrived (the first: since the
   * reference time); undefined where it is missing.
   */
  readonly deltas: readonly (number | undefined)[];
  /** Number of this report, 8 bits. */
  readonly count: number;
}

/**
 * Collects arrivals. Capacity: 1024 packets between two reports; policy: what comes beyond is left
 * out, and so is what is 1024 numbers old.
 */
export class ArrivalLog {
  /** By number without wraps. */
  readonly #arrivals = new Map<number, Micros>();
  #newest: number | undefined;
  #count = 0;

  /** Takes note of a packet by its transport-wide number (16 bits). */
  received(sequence: number, at: Micros): void {
    if (this.#arrivals.size >= MAX_PACKETS) return;
    const newest = this.#newest;
    const number = newest === undefined ? sequence : newest + sequenceDistance(sequence, newest & 0xffff);
    if (newest === undefined || number > newest) this.#newest = number;
    this.#arrivals.set(number, at);
  }

  /** What arrived since the last report; undefined when nothing did. */
  take(): ArrivalReport | undefined {
    const numbers = [...this.#arrivals.keys()].sort((a, b) => a - b);
    const newest = numbers.at(-1);
    const base = numbers.find((number) => newest !== undefined && newest - number < MAX_PACKETS);
    if (newest === undefined || base === undefined) return undefined;
    const firstTick = Math.round((this.#arrivals.get(base) ?? 0) / TICK);
    const reference = Math.floor(firstTick / REFERENCE_TICKS);
    let before = reference * REFERENCE_TICKS;
    const deltas: (number | undefined)[] = [];
    for (let number = base; number <= newest; number += 1) {
      const at = this.#arrivals.get(number);
      const tick = at === undefined ? undefined : Math.round(at / TICK);
      deltas.push(tick === undefined ? undefined : tick - before);
      before = tick ?? before;
    }
    this.#arrivals.clear();
    const count = this.#count;
    this.#count = (count + 1) & 0xff;
    return { base: base & 0xffff, reference: reference & 0xff_ffff, deltas, count };
  }
}

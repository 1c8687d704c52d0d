/** The packets on their way to one player, by transport-wide number: one numbering for all its media. Pure. */
import type { Micros } from '../../time.ts';
import { ARRIVAL_WRAP, type ArrivalList } from './feedback.ts';

/** Packets that are remembered: 2 s at 20 Mb/s. */
const CAPACITY = 4096;

/** A packet as it left. */
export interface SentRecord {
  readonly at: Micros;
  /** On the wire, IP and UDP included. */
  readonly bytes: number;
  /** The probe that it belongs to; undefined for the others. */
  readonly probe: number | undefined;
  /** Its RTP number, where it may be sent again; undefined for what already was. */
  readonly sequence: number | undefined;
}

/** What became of a packet. */
export interface PacketFate extends SentRecord {
  /**
   * When it arrived, in microseconds since an unknown start, on the player's clock; undefined: lost,
   * or late.
   */
  readonly arrival: number | undefined;
}

interface Slot extends SentRecord {
  readonly number: number;
  arrived: boolean;
}

/**
 * Remembers what was sent until it is reported. Capacity: 4096 packets; policy: overwrite the oldest,
 * of which nothing will be known.
 */
export class SentPackets {
  readonly #slots: (Slot | undefined)[] = new Array(CAPACITY);
  #next = 1;
  #clock: { readonly raw: number; readonly unwrapped: number } | undefined;

  /** The number that {@link add} gives next, 16 bits. */
  get next(): number {
    return this.#next & 0xffff;
  }

  /** A packet leaves with the number {@link next}. */
  add(record: SentRecord): void {
    this.#slots[this.#next % CAPACITY] = { ...record, number: this.#next, arrived: false };
    this.#next += 1;
  }

  /**
   * What a report tells that was not known before, in the order of sending. A packet may be lost
   * first, and have come later. Reports of packets that are not remembered tell nothing.
   */
  fates({ base, arrivals }: ArrivalList): PacketFate[] {
    const newest = this.#next - 1;
    const first = newest - ((newest - base) & 0xffff);
    const fates: PacketFate[] = [];
    arrivals.forEach((raw, i) => {
      const number = first + i;
      const slot = this.#slots[number % CAPACITY];
      if (number <= 0 || slot?.number !== number || slot.arrived) return;
      const arrival = raw === undefined ? undefined : this.#unwrap(raw);
      slot.arrived = arrival !== undefined;
      const { at, bytes, probe, sequence } = slot;
      fates.push({ at, bytes, probe, sequence, arrival });
    });
    return fates;
  }

  /** The player's clock without its wraps. */
  #unwrap(raw: number): number {
    const last = this.#clock;
    let step = last ? raw - last.raw : 0;
    if (step < -ARRIVAL_WRAP / 2) step += ARRIVAL_WRAP;
    if (step > ARRIVAL_WRAP / 2) step -= ARRIVAL_WRAP;
    const unwrapped = last ? last.unwrapped + step : raw;
    this.#clock = { raw, unwrapped };
    return unwrapped;
  }
}

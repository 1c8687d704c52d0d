/** One viewer's send queue: bounded in access units, no bursts on the wire. Pure. */
import { type Micros, micros, plus } from '../../time.ts';
import type { EncodedUnit, PacketizedUnit } from '../viewer.ts';

/**
 * Packets that may leave back to back: bursts of 10 arrive, bursts of 100 do not, loopback
 * included.
 */
const BURST = 8;
/** Least time between bursts; also what timers can keep. */
const MIN_GAP = 1000;
/** Share of a frame interval over which a large access unit is spread. */
const SPREAD = 0.7;
/** Retransmissions that may wait; the newest request is dropped. */
const RETRANSMIT_CAPACITY = 128;

/** A packet to send now. */
export type Outgoing =
  | {
      readonly kind: 'media';
      readonly unit: EncodedUnit;
      readonly payload: Buffer;
      readonly first: boolean;
      readonly marker: boolean;
      /** Packets and payload bytes of the whole unit. */
      readonly packets: number;
      readonly bytes: number;
    }
  | { readonly kind: 'retransmit'; readonly sequence: number };

/** What to do now. */
export interface SendDecision {
  readonly packets: readonly Outgoing[];
  /** Come back then; undefined when nothing waits. */
  readonly wake: Micros | undefined;
}

/** Options of {@link SendQueue}. */
export interface SendQueueOptions {
  /**
   * Access units that may wait, the one being sent included. When it is full everything not begun
   * is dropped up to the next keyframe.
   */
  readonly capacity: number;
  /** Access units given up. */
  readonly onDrop: (units: number) => void;
  /** The viewer cannot go on without a keyframe. */
  readonly onKeyframeNeeded: () => void;
}

/**
 * Orders what goes to one viewer. A viewer starts, and starts again after a drop, with a keyframe.
 */
export class SendQueue {
  readonly #options: SendQueueOptions;
  #units: PacketizedUnit[] = [];
  /** Packets of the head that have left. */
  #sent = 0;
  /** A start counts no drops: nothing was promised yet. */
  #awaitingKeyframe: 'start' | 'after-drop' | undefined = 'start';
  #nextAt = Number.NEGATIVE_INFINITY;
  #gap = MIN_GAP;
  #retransmits: number[] = [];
  #lastDue: Micros | undefined;
  #interval = micros(16_667);

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  /** Queues an access unit. */
  push(item: PacketizedUnit): void {
    const { due, keyframe } = item.unit;
    if (this.#lastDue !== undefined && due > this.#lastDue) {
      this.#interval = micros(Math.min(50_000, due - this.#lastDue));
    }
    this.#lastDue = due;
    if (keyframe) this.#awaitingKeyframe = undefined;
    if (this.#awaitingKeyframe) {
      if (this.#awaitingKeyframe === 'after-drop') this.#options.onDrop(1);
      return;
    }
    if (this.#units.length >= this.#options.capacity) {
      const begun = this.#sent > 0 ? 1 : 0;
      const dropped = this.#units.splice(begun).length;
      if (keyframe) this.#options.onDrop(dropped);
      else {
        this.#options.onDrop(dropped + 1);
        this.#awaitingKeyframe = 'after-drop';
        this.#options.onKeyframeNeeded();
        return;
      }
    }
    this.#units.push(item);
  }

  /** An access unit could not be sent: the viewer goes on with the next keyframe. */
  skip(): void {
    if (this.#awaitingKeyframe === undefined) {
      this.#awaitingKeyframe = 'after-drop';
      this.#options.onKeyframeNeeded();
    }
    if (this.#awaitingKeyframe === 'after-drop') this.#options.onDrop(1);
  }

  /** Queues a packet to be sent again; it goes before new media. */
  retransmit(sequence: number): void {
    if (this.#retransmits.length < RETRANSMIT_CAPACITY) this.#retransmits.push(sequence);
  }

  /** Packets to send at `now`, at most one burst. */
  next(now: Micros): SendDecision {
    if (this.depth === 0 && this.#retransmits.length === 0) return { packets: [], wake: undefined };
    if (now < this.#nextAt) return { packets: [], wake: micros(this.#nextAt) };
    const packets: Outgoing[] = this.#retransmits
      .splice(0, BURST)
      .map((sequence) => ({ kind: 'retransmit', sequence }));
    while (packets.length < BURST) {
      const head = this.#units[0];
      if (!head) break;
      if (this.#sent === 0) this.#begin(head);
      this.#take(head, packets);
    }
    this.#nextAt = plus(now, micros(this.#gap));
    const waits = this.#units.length > 0 || this.#retransmits.length > 0;
    return { packets, wake: waits ? micros(this.#nextAt) : undefined };
  }

  /** Access units waiting. */
  get depth(): number {
    return this.#units.length;
  }

  /** Drops everything that waits. */
  clear(): void {
    this.#units = [];
    this.#retransmits = [];
    this.#sent = 0;
  }

  #begin(head: PacketizedUnit): void {
    const bursts = Math.ceil(head.payloads.length / BURST);
    this.#gap = this.#units.length > 1 ? MIN_GAP : Math.max(MIN_GAP, (this.#interval * SPREAD) / bursts);
    if (bursts <= 1) this.#gap = MIN_GAP;
  }

  #take(head: PacketizedUnit, packets: Outgoing[]): void {
    const { unit, payloads } = head;
    const end = Math.min(payloads.length, this.#sent + BURST - packets.length);
    let bytes = 0;
    if (this.#sent === 0) for (const payload of payloads) bytes += payload.length;
    for (let i = this.#sent; i < end; i += 1) {
      const payload = payloads[i];
      if (!payload) continue;
      packets.push({
        kind: 'media',
        unit,
        payload,
        first: i === 0,
        marker: i === payloads.length - 1,
        packets: payloads.length,
        bytes,
      });
    }
    this.#sent = end;
    if (end >= payloads.length) {
      this.#units.shift();
      this.#sent = 0;
    }
  }
}

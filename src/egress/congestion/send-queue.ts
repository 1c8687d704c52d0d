/** One viewer's send queue: bounded in access units, no bursts on the wire. Pure. */
import { type Micros, micros, plus } from '../../time.ts';
import type { EncodedUnit, PacketizedUnit } from '../viewer.ts';
import type { Probe } from './probes.ts';

/**
 * Packets that may leave back to back: bursts of 10 arrive, bursts of 100 do not, loopback
 * included.
 */
const BURST = 8;
/** Least time between bursts; also what timers can keep. */
const MIN_GAP = 1000;
/** Bytes on the wire beside the payload: RTP with extensions, SRTP, UDP and IP. */
export const PACKET_OVERHEAD = 68;
/** Bytes of a packet on the wire that carries as much as fits. */
const FULL_PACKET = 1200;
/** What is paced leaves in bursts of this length, microseconds. */
const PACED_BURST = 5000;
/** … and catches up with timers that are this late. */
const MAX_CATCH_UP = 20_000;
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
  | { readonly kind: 'retransmit'; readonly sequence: number }
  /** Something of about the size of a packet, to fill a probe. */
  | { readonly kind: 'padding' };

/** What to do now. */
export interface SendDecision {
  readonly packets: readonly Outgoing[];
  /** Come back then; undefined when nothing waits. */
  readonly wake: Micros | undefined;
  /** The probe that the packets belong to. */
  readonly probe: number | undefined;
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
  /** What was sent fills the pace up to this time. */
  #paidUntil = Number.NEGATIVE_INFINITY;
  /** Nothing waited: time that passes now is no late timer's. */
  #idle = true;
  #retransmits: number[] = [];
  /** Bits per second; undefined: as the units come. */
  #pace: number | undefined;
  #probe: { readonly id: number; readonly rate: number; left: number } | undefined;
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

  /** Never sends more than so many bits per second, headers included. */
  pace(bitsPerSecond: number | undefined): void {
    this.#pace = bitsPerSecond;
  }

  /** From now on sends at the rate of a probe, with padding where nothing waits, until it is over. */
  probe({ id, rate, bytes }: Probe): void {
    if (this.#awaitingKeyframe) return;
    this.#probe = { id, rate, left: bytes };
    this.#nextAt = Number.NEGATIVE_INFINITY;
    this.#idle = true;
  }

  /** Forgets what has not begun: what comes next begins with a keyframe, and counts no drops. */
  restart(): void {
    this.#units.length = Math.min(this.#units.length, this.#sent > 0 ? 1 : 0);
    this.#retransmits = [];
    this.#awaitingKeyframe = 'start';
  }

  /** Packets to send at `now`, at most one burst. */
  next(now: Micros): SendDecision {
    const probe = this.#probe;
    if (!probe && this.depth === 0 && this.#retransmits.length === 0) {
      return { packets: [], wake: undefined, probe: undefined };
    }
    if (now < this.#nextAt) return { packets: [], wake: micros(this.#nextAt), probe: undefined };
    const rate = probe?.rate ?? this.#pace ?? Number.POSITIVE_INFINITY;
    // A timer that is late costs nothing: what could have left meanwhile leaves now.
    this.#paidUntil = Math.max(this.#paidUntil, this.#idle ? now : now - MAX_CATCH_UP);
    const afforded = ((now + PACED_BURST - this.#paidUntil) * rate) / 8e6 / FULL_PACKET;
    const most = Math.min(BURST, Math.max(1, Math.floor(afforded)));
    const packets: Outgoing[] = this.#retransmits.splice(0, most).map((sequence) => ({ kind: 'retransmit', sequence }));
    while (packets.length < most) {
      const head = this.#units[0];
      if (!head) break;
      if (this.#sent === 0) this.#begin(head);
      this.#take(head, packets, most);
    }
    if (probe) while (packets.length < most) packets.push({ kind: 'padding' });
    const bytes = packets.reduce((sum, packet) => sum + wireBytes(packet), 0);
    this.#paidUntil += (bytes * 8e6) / rate;
    this.#nextAt = Math.max(this.#paidUntil, probe ? now : plus(now, micros(this.#gap)));
    if (probe) this.#fill(probe, bytes);
    const waits = this.#units.length > 0 || this.#retransmits.length > 0 || this.#probe !== undefined;
    this.#idle = !waits;
    return { packets, wake: waits ? micros(this.#nextAt) : undefined, probe: probe?.id };
  }

  /** Access units waiting. */
  get depth(): number {
    return this.#units.length;
  }

  /** Drops everything that waits. */
  clear(): void {
    this.#units = [];
    this.#retransmits = [];
    this.#probe = undefined;
    this.#sent = 0;
  }

  #fill(probe: { left: number }, bytes: number): void {
    probe.left -= bytes;
    if (probe.left <= 0) this.#probe = undefined;
  }

  #begin(head: PacketizedUnit): void {
    const bursts = Math.ceil(head.payloads.length / BURST);
    this.#gap = this.#units.length > 1 ? MIN_GAP : Math.max(MIN_GAP, (this.#interval * SPREAD) / bursts);
    if (bursts <= 1) this.#gap = MIN_GAP;
  }

  #take(head: PacketizedUnit, packets: Outgoing[], most: number): void {
    const { unit, payloads } = head;
    const end = Math.min(payloads.length, this.#sent + most - packets.length);
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

function wireBytes(packet: Outgoing): number {
  return packet.kind === 'media' ? packet.payload.length + PACKET_OVERHEAD : FULL_PACKET;
}

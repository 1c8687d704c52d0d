/**
 * One incoming RTP video stream: reorder, depacketize, place in time. Pure; RTSP and WHIP drive it.
 */

import type { AccessUnit, VideoCodec } from '../../media/access-unit.ts';
import { type Micros, micros, minus, ZERO } from '../../time.ts';
import { createDepacketizer } from './codecs.ts';
import type { Depacketizer, RtpAccessUnit } from './depacketizer.ts';
import { InterarrivalJitter } from './jitter.ts';
import { Marking } from './marking.ts';
import { type RtpPacket, sequenceDistance } from './packet.ts';
import { ReorderBuffer } from './reorder-buffer.ts';
import type { ReceptionReport, RtcpEvent } from './rtcp.ts';
import type { SenderChoice } from './sender-choice.ts';
import { Timeline } from './timeline.ts';

type SenderReport = Extract<RtcpEvent, { type: 'sender-report' }>;

/** Options of {@link RtpReceiver}. */
export interface RtpReceiverOptions {
  readonly codec: VideoCodec;
  /** Of the RTP timestamps, in Hz. */
  readonly clockRate: number;
  /** Packets of other payload types are ignored; undefined = all are taken. */
  readonly payloadType: number | undefined;
  /** How long a missing packet is waited for; zero on reliable transports. */
  readonly maxWait: Micros;
  /** Packets held at most while one is missing. A power of two. */
  readonly capacity: number;
  /** The wall clock at a monotonic instant. */
  readonly wallAt: (instant: Micros) => Micros;
  /** Takes each access unit, during `push` or `expire`. */
  readonly complete: (unit: AccessUnit) => void;
  /** Told of packets lost. */
  readonly lost: (packets: number) => void;
  /** Whom to follow of several senders. Default: whoever sends, for the caller has chosen. */
  readonly senders?: SenderChoice;
  /** Told of each packet of a sender that is not followed. */
  readonly foreign?: (packet: RtpPacket) => void;
}

/**
 * Packets in, access units out, the moment each is complete. Follows one SSRC at a time.
 */
export class RtpReceiver {
  readonly #options: RtpReceiverOptions;
  readonly #timeline: Timeline;
  readonly #depacketizer: Depacketizer;
  readonly #marking = new Marking();
  #reorder: ReorderBuffer;
  #jitter: InterarrivalJitter;
  #ssrc: number | undefined;
  /** The sender changed: whatever came before the next packet is lost. */
  #switched = 0;
  #packets = 0;
  /** How far time has come: what is known now was not known before. */
  #now: Micros = ZERO;
  /** The timestamp of the packet that is being depacketized. */
  #timestamp = 0;
  #lostBefore = 0;
  #cycles = 0;
  #highest: number | undefined;
  #reported = { packets: 0, lost: 0 };
  /** Of a sender whose first packet has not come yet, maybe of another one. */
  #early: { readonly event: SenderReport; readonly arrival: Micros } | undefined;
  #report: { readonly ntpMiddle: number; readonly arrival: Micros } | undefined;

  constructor(options: RtpReceiverOptions) {
    this.#options = options;
    this.#timeline = new Timeline(options.clockRate);
    this.#depacketizer = createDepacketizer(options.codec, (unit) => this.#complete(unit));
    this.#reorder = this.#newReorder();
    this.#jitter = new InterarrivalJitter(options.clockRate);
  }

  /** Packets taken so far. */
  get packets(): number {
    return this.#packets;
  }

  /** Packets lost so far. */
  get lost(): number {
    return this.#lostBefore + this.#reorder.lost;
  }

  /** SSRC of the sender that is followed; undefined before the first packet. */
  get sender(): number | undefined {
    return this.#ssrc;
  }

  /** {@link Depacketizer} `parts`. */
  get parts(): number {
    return this.#depacketizer.parts;
  }

  /** The end of a frame is only known from the start of the next one: it sets no marker bit. */
  get unmarked(): boolean {
    return this.#marking.absent;
  }

  /** Where its units stand in time: what belongs to them is placed beside them. */
  get times(): Pick<Timeline, 'at' | 'lag'> {
    return this.#timeline;
  }

  /** When {@link expire} has something to do. */
  get deadline(): Micros | undefined {
    return this.#reorder.deadline;
  }

  push(packet: RtpPacket): void {
    if (this.#options.payloadType !== undefined && packet.payloadType !== this.#options.payloadType) return;
    const { senders, foreign } = this.#options;
    const verdict = senders?.judge(packet);
    if (verdict === 'foreign') {
      foreign?.(packet);
      return;
    }
    if (verdict === 'new') for (const held of senders?.take() ?? []) this.#take(held);
    this.#take(packet);
  }

  /** Gives up on packets that were waited for too long. */
  expire(now: Micros): void {
    this.#now = micros(Math.max(this.#now, now));
    this.#reorder.expire(now);
  }

  /** Takes an RTCP event that came at `arrival`. */
  rtcp(event: RtcpEvent, arrival: Micros): void {
    if (event.type !== 'sender-report') return;
    if (this.#ssrc === undefined) this.#early = { event, arrival };
    else if (event.ssrc === this.#ssrc) this.#senderReport(event, arrival);
  }

  #senderReport(event: SenderReport, arrival: Micros): void {
    this.#report = { ntpMiddle: event.ntpMiddle, arrival };
    this.#timeline.senderReport(event.timestamp, event.unix);
  }

  /** What a receiver report sent at `now` says; undefined before the first packet. */
  reception(now: Micros): ReceptionReport | undefined {
    if (this.#ssrc === undefined || this.#highest === undefined) return undefined;
    const packets = this.#packets - this.#reported.packets;
    const lost = this.lost - this.#reported.lost;
    this.#reported = { packets: this.#packets, lost: this.lost };
    return {
      ssrc: this.#ssrc,
      fractionLost: lost > 0 ? Math.min(255, Math.floor((lost * 256) / (packets + lost))) : 0,
      cumulativeLost: this.lost,
      highestSequence: ((this.#cycles & 0xffff) * 65_536 + this.#highest) >>> 0,
      jitter: this.#jitter.value,
      lastReport: this.#report?.ntpMiddle ?? 0,
      sinceLastReport: this.#report ? minus(now, this.#report.arrival) : ZERO,
    };
  }

  #take(packet: RtpPacket): void {
    if (packet.ssrc !== this.#ssrc) this.#follow(packet.ssrc);
    this.#packets += 1;
    this.#now = micros(Math.max(this.#now, packet.arrival));
    this.#jitter.push(packet);
    this.#reorder.push(packet);
  }

  #newReorder(): ReorderBuffer {
    return new ReorderBuffer({
      maxWait: this.#options.maxWait,
      capacity: this.#options.capacity,
      deliver: (packet, lost) => this.#deliver(packet, lost),
    });
  }

  #follow(ssrc: number): void {
    if (this.#ssrc !== undefined) {
      this.#reorder.flush();
      this.#lostBefore += this.#reorder.lost;
      this.#reorder = this.#newReorder();
      this.#jitter = new InterarrivalJitter(this.#options.clockRate);
      this.#depacketizer.reset();
      this.#timeline.newSender();
      this.#switched = 1;
      this.#highest = undefined;
      this.#cycles = 0;
      this.#report = undefined;
    }
    this.#ssrc = ssrc;
    const early = this.#early;
    this.#early = undefined;
    if (early?.event.ssrc === ssrc) this.#senderReport(early.event, early.arrival);
  }

  #deliver(packet: RtpPacket, lost: number): void {
    if (lost > 0) this.#options.lost(lost);
    if (this.#highest !== undefined && packet.sequence < this.#highest) {
      if (sequenceDistance(packet.sequence, this.#highest) > 0) this.#cycles += 1;
    }
    this.#highest = packet.sequence;
    const missing = lost + this.#switched;
    this.#switched = 0;
    this.#timestamp = packet.timestamp;
    this.#depacketizer.push(packet, missing);
  }

  #complete(unit: RtpAccessUnit): void {
    this.#marking.unit(unit.timestamp === this.#timestamp);
    // Its last packet may have waited for one that was missing, or nobody knew that it was the last.
    const arrival = micros(Math.max(unit.arrival, this.#now));
    const placement = this.#timeline.place(unit.timestamp, arrival, this.#options.wallAt(arrival));
    this.#options.complete({
      data: unit.data,
      pts: placement.pts,
      arrival,
      capture: placement.capture,
      keyframe: unit.keyframe,
      discontinuity: placement.discontinuity,
      damaged: unit.damaged,
      afterLoss: unit.afterLoss,
    });
  }
}

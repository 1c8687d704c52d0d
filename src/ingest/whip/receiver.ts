/**
 * The video of one WebRTC publisher: packets in, access units out, and what to ask the sender for.
 * werift's own receiver is not used: read at 0.25.2, it stops asking for lost packets for a whole
 * round of sequence numbers when 65,535 is lost, and never asks for keyframes. Pure.
 */

import type { AccessUnit } from '../../media/access-unit.ts';
import { fromMs, type Micros, micros, minus } from '../../time.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { RtpReceiver } from '../rtp/receiver.ts';
import type { ReceptionReport, RtcpEvent } from '../rtp/rtcp.ts';
import { SenderChoice } from '../rtp/sender-choice.ts';
import { NACK_TIMEOUT, NackSchedule } from './nack.ts';
import type { PublishedVideo } from './offer.ts';

/** Packets held while one is missing: 250 ms of 25 Mb/s. */
const REORDER_CAPACITY = 512;
/** How long a missing packet is waited for where it cannot be asked for. */
const REORDER_TIMEOUT = fromMs(60);
/**
 * Two requests for a keyframe are at least so far apart: one takes that long to be made, sent and
 * decoded.
 */
const KEYFRAME_INTERVAL = fromMs(500);

/** Options of {@link WhipReceiver}. */
export interface WhipReceiverOptions {
  readonly video: Pick<PublishedVideo, 'codec' | 'payloadType' | 'rtxPayloadType' | 'feedback'>;
  /** The wall clock at a monotonic instant. */
  readonly wallAt: (instant: Micros) => Micros;
  /** Takes each access unit, during `push` or `advance`. */
  readonly complete: (unit: AccessUnit) => void;
  /** Told of packets lost. */
  readonly lost: (packets: number) => void;
}

/** What to send to the publisher now. */
export interface Requests {
  /** Of which sender. */
  readonly ssrc: number;
  /** Sequence numbers to be sent again. */
  readonly packets: readonly number[];
  readonly keyframe: boolean;
}

/**
 * Receives one video. Of several layers sent at once it follows the first, and another one when
 * that falls silent.
 */
export class WhipReceiver {
  readonly #video: WhipReceiverOptions['video'];
  readonly #rtp: RtpReceiver;
  readonly #nack = new NackSchedule();
  readonly #nackOffered: boolean;
  readonly #pliOffered: boolean;
  readonly #senders = new SenderChoice();
  #ssrc: number | undefined;
  #asked: Micros | undefined;

  constructor(options: WhipReceiverOptions) {
    const { video, wallAt, complete, lost } = options;
    this.#video = video;
    this.#nackOffered = video.feedback.includes('nack');
    this.#pliOffered = video.feedback.includes('nack pli');
    this.#rtp = new RtpReceiver({
      codec: video.codec,
      clockRate: 90_000,
      payloadType: video.payloadType,
      maxWait: this.#nackOffered ? NACK_TIMEOUT : REORDER_TIMEOUT,
      capacity: REORDER_CAPACITY,
      wallAt,
      complete,
      lost,
    });
  }

  /** Packets taken, and packets lost for good, so far. */
  get counts(): { readonly packets: number; readonly lost: number } {
    return { packets: this.#rtp.packets, lost: this.#rtp.lost };
  }

  /** The publisher makes keyframes when it is asked. */
  get takesPli(): boolean {
    return this.#pliOffered;
  }

  /** {@link RtpReceiver} `parts`. */
  get parts(): number {
    return this.#rtp.parts;
  }

  /** As {@link RtpReceiver.times}. */
  get times(): RtpReceiver['times'] {
    return this.#rtp.times;
  }

  /** As {@link RtpReceiver.unmarked}. */
  get unmarked(): boolean {
    return this.#rtp.unmarked;
  }

  /**
   * When {@link advance} has something to do, keyframes apart; undefined while nothing is missing.
   */
  get deadline(): Micros | undefined {
    const [a, b] = [this.#rtp.deadline, this.#nackOffered ? this.#nack.deadline : undefined];
    if (a === undefined || b === undefined) return a ?? b;
    return micros(Math.min(a, b));
  }

  /** Takes a packet, retransmissions included. */
  push(packet: RtpPacket): void {
    const media = packet.payloadType === this.#video.rtxPayloadType ? this.#unwrap(packet) : packet;
    if (media?.payloadType !== this.#video.payloadType || !this.#follows(media)) return;
    this.#nack.received(media.sequence, media.arrival);
    this.#rtp.push(media);
  }

  /** Takes an RTCP event that came at `arrival`. */
  rtcp(event: RtcpEvent, arrival: Micros): void {
    this.#rtp.rtcp(event, arrival);
  }

  /**
   * Gives up what was waited for too long.
   * @param keyframeNeeded nothing can be decoded without one.
   */
  advance(now: Micros, keyframeNeeded: boolean): Requests | undefined {
    this.#rtp.expire(now);
    const ssrc = this.#ssrc;
    if (ssrc === undefined) return undefined;
    const packets = this.#nackOffered ? this.#nack.due(now) : [];
    const keyframe =
      this.#pliOffered && keyframeNeeded && (this.#asked === undefined || minus(now, this.#asked) >= KEYFRAME_INTERVAL);
    if (keyframe) this.#asked = now;
    return packets.length > 0 || keyframe ? { ssrc, packets, keyframe } : undefined;
  }

  /** What a receiver report sent at `now` says; undefined before the first packet. */
  reception(now: Micros): ReceptionReport | undefined {
    return this.#rtp.reception(now);
  }

  /**
   * RFC 4588: the original number stands before the payload. Only what is missed is taken: the rest
   * is padding, or of another layer.
   */
  #unwrap(packet: RtpPacket): RtpPacket | undefined {
    const { payload } = packet;
    const sequence = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
    if (payload.length <= 2 || this.#ssrc === undefined || !this.#nack.misses(sequence)) return undefined;
    const { payloadType } = this.#video;
    return { ...packet, payloadType, sequence, ssrc: this.#ssrc, payload: payload.subarray(2) };
  }

  /** Of layers it is enough to follow the packets from now on: a keyframe is asked for. */
  #follows(packet: RtpPacket): boolean {
    const verdict = this.#senders.judge(packet);
    if (verdict === 'new') {
      this.#senders.take();
      this.#ssrc = packet.ssrc;
      this.#nack.reset();
      this.#asked = undefined;
    }
    return verdict !== 'foreign';
  }
}

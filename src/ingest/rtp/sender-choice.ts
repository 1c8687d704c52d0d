/** Which of several senders (SSRCs) on one channel is followed. Pure. */
import { fromMs, type Micros, minus } from '../../time.ts';
import type { RtpPacket } from './packet.ts';

/** A sender that is silent for this long is gone, or paused, when another one sends. */
const MIN_SILENCE = fromMs(500);
/** … or for so many of its own longest pauses: there are cameras of one frame in two seconds. */
const SILENCE_GAPS = 2;
const MAX_SILENCE = fromMs(10_000);
/** Packets held of the sender that may take over: 0.5 s of 20 Mbit/s. */
const CAPACITY = 1024;

/** What is to be done with a packet. */
export type SenderVerdict =
  /** It is of the sender that is followed. */
  | 'followed'
  /** Its sender is followed from now on. Packets of it that came before are in `take`. */
  | 'new'
  /** It is of another sender. */
  | 'foreign';

/**
 * Follows the announced sender, or else the first, until it is silent and another one sends.
 * Capacity: 1024 packets of the one that may take over, so that its first keyframe is not lost;
 * policy: what comes beyond is left out.
 */
export class SenderChoice {
  #announced: number | undefined;
  #followed: number | undefined;
  #heard: Micros | undefined;
  #longestGap = 0;
  #left = false;
  /** Of one sender, since the followed one sent last. */
  #held: RtpPacket[] = [];

  /** @param announced by the server: it is followed as soon as it sends. */
  constructor(announced?: number) {
    this.#announced = announced;
  }

  /** Judges a packet of the right payload type. */
  judge(packet: RtpPacket): SenderVerdict {
    const { ssrc, arrival } = packet;
    if (ssrc === this.#followed) {
      if (this.#heard !== undefined) this.#longestGap = Math.max(this.#longestGap, minus(arrival, this.#heard));
      this.#heard = arrival;
      this.#left = false;
      this.#held.length = 0;
      return 'followed';
    }
    if (this.#followed !== undefined && ssrc !== this.#announced && !this.#isGone(arrival)) {
      this.#hold(packet);
      return 'foreign';
    }
    if (ssrc === this.#announced) this.#announced = undefined;
    if (this.#held[0]?.ssrc !== ssrc) this.#held.length = 0;
    this.#followed = ssrc;
    this.#heard = arrival;
    this.#longestGap = 0;
    this.#left = false;
    return 'new';
  }

  /** After `new`: the packets of that sender that were held, in the order they came. */
  take(): RtpPacket[] {
    return this.#held.splice(0);
  }

  /**
   * A sender said goodbye. True when nothing is left to follow; a sender that is not followed may
   * go as it likes.
   */
  goodbye(ssrc: number): boolean {
    if (ssrc !== this.#followed) return false;
    this.#left = true;
    return this.#held.length === 0;
  }

  #isGone(now: Micros): boolean {
    if (this.#left || this.#heard === undefined) return true;
    const silence = Math.min(MAX_SILENCE, Math.max(MIN_SILENCE, SILENCE_GAPS * this.#longestGap));
    return minus(now, this.#heard) >= silence;
  }

  #hold(packet: RtpPacket): void {
    if (this.#held[0]?.ssrc !== packet.ssrc) this.#held.length = 0;
    if (this.#held.length < CAPACITY) this.#held.push(packet);
  }
}

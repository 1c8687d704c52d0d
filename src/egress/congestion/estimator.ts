/**
 * What one player's path carries, by what the player reports of packets: Google congestion control
 * (draft-ietf-rmcat-gcc-02) at the sender. Pure.
 */
import { fromMs, type Micros, minus, ZERO } from '../../time.ts';
import { DelayGradient } from './delay-gradient.ts';
import { DeliveredRate } from './delivered-rate.ts';
import { LossControl } from './loss-control.ts';
import { type Probe, Probes } from './probes.ts';
import { RateControl } from './rate-control.ts';
import type { PacketFate } from './sent-packets.ts';

/** Bits per second that are always tried: less is no video. */
export const MIN_RATE = 100e3;
/** Reports have to come: without any for this long the path is taken to be worse. */
const SILENCE = fromMs(1000);
/** What is left of the estimate after each such silence. */
const AFTER_SILENCE = 0.8;
/** Taken while none is known. */
const FIRST_RTT = fromMs(100);

/** The estimate of one path. */
export class BandwidthEstimator {
  readonly #gradient = new DelayGradient();
  readonly #delivered = new DeliveredRate();
  readonly #losses = new LossControl();
  readonly #probes = new Probes();
  readonly #control: RateControl;
  #remb = Number.POSITIVE_INFINITY;
  #rtt = FIRST_RTT;
  #heardAt: Micros | undefined;
  #sentAt: Micros = ZERO;
  #silence = 1;

  /** @param initial bits per second that are taken to fit until the path says otherwise. */
  constructor(initial: number) {
    this.#control = new RateControl(initial);
  }

  /** Bits per second that the path carries, headers included. */
  get target(): number {
    const rate = Math.min(this.#control.rate, this.#losses.bound, this.#remb);
    return Math.max(MIN_RATE, rate * this.#silence);
  }

  /** Share of packets lost of late, 0…1. */
  get loss(): number {
    return this.#losses.share;
  }

  /** Bits per second that arrive; undefined while unknown. */
  get delivered(): number | undefined {
    return this.#delivered.value;
  }

  /** How long the last packet was queued, microseconds. */
  get queued(): number {
    return this.#gradient.queued;
  }

  /** A packet was sent: a report of it is due. */
  sent(now: Micros): void {
    this.#sentAt = now;
  }

  /** Learns of the round trip. */
  setRoundTrip(rtt: Micros): void {
    this.#rtt = rtt;
  }

  /** Learns what became of packets, in the order in which they were sent. */
  observe(fates: readonly PacketFate[], now: Micros): void {
    if (fates.length === 0) return;
    this.#heardAt = now;
    this.#silence = 1;
    const rtt = this.#rtt;
    // What was sent before the last step down tells of what is over.
    const since = Math.max(this.#control.decreasedAt ?? -1, this.#losses.decreasedAt ?? -1);
    let [packets, lost, overused] = [0, 0, false];
    for (const { at, arrival, bytes } of fates) {
      if (at > since) {
        packets += 1;
        if (arrival === undefined) lost += 1;
      }
      if (arrival === undefined) continue;
      this.#gradient.observe(at, arrival);
      this.#delivered.observe(arrival, bytes);
      overused ||= this.#gradient.use === 'overuse';
    }
    const { queued } = this.#gradient;
    const use = overused ? 'overuse' : this.#gradient.use;
    const delivered = this.#delivered.value;
    if (this.#control.update({ use, delivered, rtt, queued }, now)) this.#gradient.rebase();
    const { target } = this;
    this.#losses.update(packets, lost, { target, delivered, rtt }, now);
    const shown = this.#probes.observe(fates, now);
    if (shown === undefined) return;
    this.#control.raise(shown);
    this.#losses.raise(shown);
  }

  /** The player has told its own estimate (REMB), bits per second. */
  bound(rate: number, now: Micros): void {
    this.#heardAt = now;
    this.#silence = 1;
    this.#remb = rate;
    this.#control.raise(rate);
  }

  /**
   * Time passes; a probe to be sent now, if one is due.
   * @param wanted bits per second that would be of use.
   */
  tick(wanted: number, now: Micros): Probe | undefined {
    if (this.#heardAt === undefined) return undefined;
    if (minus(now, this.#heardAt) > SILENCE && this.#sentAt > this.#heardAt) {
      this.#heardAt = now;
      this.#silence *= AFTER_SILENCE;
      return undefined;
    }
    if (this.#gradient.use !== 'normal' || this.#losses.share > 0.1) return undefined;
    return this.#probes.plan(this.target, wanted, this.#control.decreasedAt, now);
  }
}

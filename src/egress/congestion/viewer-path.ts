/** The path to one viewer: what is sent on it, what the player says of it, and what it carries. Pure. */
import { fromMs, type Micros, minus, plus } from '../../time.ts';
import type { PathEstimate } from '../viewer.ts';
import { BandwidthEstimator } from './estimator.ts';
import type { ArrivalList } from './feedback.ts';
import { LossCover } from './loss-cover.ts';
import type { Probe } from './probes.ts';
import { PACKET_OVERHEAD } from './send-queue.ts';
import { type PacketFate, SentPackets } from './sent-packets.ts';

/** A path carries everything until it says otherwise. Bits per second. */
const UNLIMITED = 50e6;
/** Frames leave at this multiple of the estimate: one that is larger does not delay the next for long. */
const PACE = 1.5;
/** Share of a new packet in the mean payload. */
const LEARN = 0.02;
/** The share of losses is that of about so many packets, and of so many at least. */
const [LOSS_PACKETS, LEAST_PACKETS] = [600, 100];
/** The shortest round trip is forgotten by so much with each report. */
const REPORT_DRIFT = fromMs(0.5);
/** While the path is too full, or was until a moment ago, losses are its queue's. */
const CALM = fromMs(2000);
/** A longer queue than this is no frame that has just been sent, microseconds. */
const QUEUED = 60_000;
/** What the player is asked for at once when a report tells of losses: the rest it asks for itself. */
const MAX_RESENT = 32;

/** One viewer's path. */
export class ViewerPath {
  /** Bits per second that would be of use; probes look for them. */
  wanted = 0;
  readonly #packets = new SentPackets();
  readonly #estimator = new BandwidthEstimator(UNLIMITED);
  readonly #cover = new LossCover();
  readonly #now: () => Micros;
  #probe: number | undefined;
  #payload = 1000;
  /** Share of packets lost of late, while there was room. */
  #loss = 0;
  /** Packets behind that, at most as many as it is of. */
  #judged = 0;
  /** The round trip by the reports themselves; undefined while none has come. */
  #reported: Micros | undefined;
  #told: 'nothing' | 'bitrate' | 'arrivals' = 'nothing';
  #fullAt: Micros | undefined;

  constructor(now: () => Micros) {
    this.#now = now;
  }

  /** Transport-wide number of the packet that is sent next. */
  get next(): number {
    return this.#packets.next;
  }

  /** A packet is sent; see `PacketLog`. */
  sent(payload: number, sequence: number | undefined): void {
    this.#estimator.sent(this.#now());
    this.#payload += LEARN * (payload - this.#payload);
    this.#packets.add({ at: this.#now(), bytes: payload + PACKET_OVERHEAD, probe: this.#probe, sequence });
  }

  /** What is sent from now on belongs to this probe, or to none. */
  probing(id: number | undefined): void {
    this.#probe = id;
  }

  /** What the path carries; undefined while the player has told nothing. */
  get estimate(): PathEstimate | undefined {
    if (this.#told === 'nothing') return undefined;
    const { target } = this.#estimator;
    const loss = this.#loss;
    const media = this.#payload / (this.#payload + PACKET_OVERHEAD);
    const available = target * media * Math.max(0.5, 1 - loss * this.#cover.copies);
    return { available, congested: this.#told === 'arrivals' ? this.#full : undefined, loss };
  }

  /** Bits per second at most, headers included; undefined: no limit. */
  get pace(): number | undefined {
    if (this.#told === 'nothing') return undefined;
    const { target, delivered = 0 } = this.#estimator;
    // What arrives, the path carries: of no use is less, unless a queue has to drain.
    return PACE * (this.#full ? target : Math.max(target, delivered));
  }

  /** How long the player is to hold frames back, so that lost packets come in time. */
  get playoutDelay(): Micros {
    return this.#cover.delay;
  }

  /** How often a lost packet is sent. */
  get copies(): number {
    return this.#cover.copies;
  }

  /** The player reports arrivals; RTP numbers of what was lost. */
  report(list: ArrivalList): number[] {
    const now = this.#now();
    const fates = this.#packets.fates(list);
    this.#told = 'arrivals';
    this.#estimator.observe(fates, now);
    if (this.#full) this.#fullAt = now;
    this.#timeReport(fates, now);
    const lost: number[] = [];
    if (!this.#calm(now)) return [];
    let missing = 0;
    for (const { sequence, arrival } of fates) {
      if (arrival !== undefined) continue;
      missing += 1;
      if (sequence !== undefined && lost.length < MAX_RESENT) lost.push(sequence);
    }
    this.#judged = Math.min(LOSS_PACKETS, this.#judged + fates.length);
    const weight = fates.length / this.#judged;
    if (fates.length > 0) this.#loss += weight * (missing / fates.length - this.#loss);
    return lost;
  }

  /** The player tells what it takes to fit, bits per second. Where it reports arrivals, too, those count. */
  bound(bitsPerSecond: number): void {
    if (this.#told === 'arrivals') return;
    this.#told = 'bitrate';
    this.#estimator.bound(bitsPerSecond, this.#now());
  }

  /**
   * Time passes. A probe to be sent, if one is due, and whether {@link playoutDelay} has changed.
   * @param rtt the round trip; undefined while unknown.
   */
  tick(rtt: Micros | undefined): { readonly probe: Probe | undefined; readonly delayChanged: boolean } {
    const now = this.#now();
    const known = rtt ?? this.#reported;
    if (known !== undefined) this.#estimator.setRoundTrip(known);
    const loss = this.#judged < LEAST_PACKETS ? 0 : this.#loss;
    const delayChanged = this.#cover.update(loss, rtt ?? this.#reported, now);
    const probe = this.#told === 'arrivals' ? this.#estimator.tick(this.wanted, now) : undefined;
    return { probe, delayChanged };
  }

  /** A report tells of its packets a moment late: the shortest time is the best. */
  #timeReport(fates: readonly PacketFate[], now: Micros): void {
    const newest = fates.findLast(({ arrival }) => arrival !== undefined);
    if (!newest) return;
    const taken = minus(now, newest.at);
    this.#reported =
      this.#reported === undefined || taken < this.#reported ? taken : plus(this.#reported, REPORT_DRIFT);
  }

  get #full(): boolean {
    return this.#estimator.queued > QUEUED || this.#estimator.loss > 0.1;
  }

  #calm(now: Micros): boolean {
    return this.#fullAt === undefined || minus(now, this.#fullAt) > CALM;
  }
}

/**
 * Probes: for a moment more is sent than the estimate allows, to learn whether the path carries it.
 * Where less is sent than the path would carry, nothing else can tell. Pure.
 */
import { fromMs, type Micros, minus, plus } from '../../time.ts';
import type { PacketFate } from './sent-packets.ts';

/** How much more than the estimate is tried. */
const STEP = 2;
/** How long a probe lasts, seconds. */
const SECONDS = 0.025;
/** Bytes of the smallest probe: six packets. */
const MIN_BYTES = 7200;
/** Between two probes, and after one that found room. */
const INTERVAL = fromMs(3000);
const NEXT_STEP = fromMs(400);
/** A path that was found full a moment ago is not tried. */
const CALM = fromMs(1500);
/** A probe of which nothing was heard is over. */
const TIMEOUT = fromMs(1000);
/** Share of a probe's bytes that has to arrive, and packets. */
const [MIN_SHARE, MIN_PACKETS] = [0.8, 5];
/** Where less of the probe's rate arrives, the path was full, and this much of it is safe. */
const [UNSATURATED, SAFE] = [0.9, 0.95];

/** A probe to be sent. */
export interface Probe {
  readonly id: number;
  /** Bits per second. */
  readonly rate: number;
  readonly bytes: number;
}

interface Arrived {
  bytes: number;
  packets: number;
  firstSent: number;
  lastSent: number;
  firstArrival: number;
  lastArrival: number;
  firstBytes: number;
  lastBytes: number;
}

/** Decides when to probe, and what a probe has shown. One at a time. */
export class Probes {
  #current: (Probe & { readonly at: Micros; readonly arrived: Arrived }) | undefined;
  #count = 0;
  #next: Micros | undefined;

  /**
   * A probe to be sent now; undefined when none is.
   * @param target the estimate, bits per second. @param wanted what would be of use.
   * @param decreasedAt when the estimate last went down.
   */
  plan(target: number, wanted: number, decreasedAt: Micros | undefined, now: Micros): Probe | undefined {
    if (this.#current && minus(now, this.#current.at) > TIMEOUT) this.#current = undefined;
    if (this.#current || wanted <= target) return undefined;
    if (decreasedAt !== undefined && minus(now, decreasedAt) < CALM) return undefined;
    this.#next ??= plus(now, CALM);
    if (now < this.#next) return undefined;
    const rate = Math.min(STEP * target, wanted * 1.1);
    const bytes = Math.max(MIN_BYTES, Math.ceil((rate * SECONDS) / 8));
    this.#count += 1;
    this.#next = plus(now, INTERVAL);
    this.#current = { ...{ id: this.#count, rate, bytes, at: now }, arrived: nothing() };
    return this.#current;
  }

  /** Learns what became of packets; what the path was shown to carry, bits per second. */
  observe(fates: readonly PacketFate[], now: Micros): number | undefined {
    const current = this.#current;
    if (!current) return undefined;
    for (const fate of fates) if (fate.probe === current.id) note(current.arrived, fate);
    const { arrived, bytes, rate } = current;
    if (arrived.bytes < MIN_SHARE * bytes || arrived.packets < MIN_PACKETS) return undefined;
    const found = rateOf(arrived);
    // Bursts of late timers prove nothing.
    const shown = found === undefined ? undefined : Math.min(found, rate);
    this.#current = undefined;
    if (shown !== undefined && shown >= UNSATURATED * rate) this.#next = plus(now, NEXT_STEP);
    return shown;
  }
}

function nothing(): Arrived {
  return {
    ...{ bytes: 0, packets: 0, firstBytes: 0, lastBytes: 0 },
    ...{ firstSent: Number.POSITIVE_INFINITY, lastSent: Number.NEGATIVE_INFINITY },
    ...{ firstArrival: Number.POSITIVE_INFINITY, lastArrival: Number.NEGATIVE_INFINITY },
  };
}

function note(arrived: Arrived, { at, bytes, arrival }: PacketFate): void {
  if (arrival === undefined) return;
  arrived.bytes += bytes;
  arrived.packets += 1;
  if (at < arrived.firstSent) arrived.firstSent = at;
  if (at >= arrived.lastSent) {
    arrived.lastSent = at;
    arrived.lastBytes = bytes;
  }
  if (arrival < arrived.firstArrival) {
    arrived.firstArrival = arrival;
    arrived.firstBytes = bytes;
  }
  arrived.lastArrival = Math.max(arrived.lastArrival, arrival);
}

/** Bits per second; undefined where times make no sense. */
function rateOf(arrived: Arrived): number | undefined {
  const sendSpan = arrived.lastSent - arrived.firstSent;
  const arrivalSpan = arrived.lastArrival - arrived.firstArrival;
  if (sendSpan <= 0 || arrivalSpan <= 0 || sendSpan > 1e6 || arrivalSpan > 1e6) return undefined;
  const sent = ((arrived.bytes - arrived.lastBytes) * 8e6) / sendSpan;
  const came = ((arrived.bytes - arrived.firstBytes) * 8e6) / arrivalSpan;
  if (came > 2 * sent) return undefined;
  return came < UNSATURATED * sent ? SAFE * came : Math.min(sent, came);
}

/**
 * Whether packets queue on the path, by how the time between them grows on the way: the
 * delay-based part of Google congestion control (draft-ietf-rmcat-gcc-02, sections 5.1 to 5.4, with
 * the trendline of libwebrtc in place of the Kalman filter). Pure.
 */

/** What the path does with what is sent. */
export type PathUse = 'normal' | 'overuse' | 'underuse';

/** Packets sent within this of the first one are one group, microseconds. */
const BURST = 5000;
/** Groups that the line is laid through. */
const WINDOW = 20;
/** Share of the old value in the smoothed delay. */
const SMOOTHING = 0.9;
/** From the slope of the line to what is held against the threshold. */
const GAIN = 4;
/** The line's weight grows up to this number of groups. */
const MAX_GROUPS = 60;
/** An overuse has to last, milliseconds. */
const LASTING_MS = 10;
/** How the threshold follows what is seen (γ of the draft, section 5.4). */
const FOLLOW_UP = 0.0087;
const FOLLOW_DOWN = 0.039;
/** A peak this much above the threshold is a jump of the path, no trend. */
const MAX_STRAY = 15;
/** Milliseconds, between which the threshold stays. */
const [MIN_THRESHOLD, FIRST_THRESHOLD, MAX_THRESHOLD] = [6, 12.5, 600];
/** Players whose clock jumps, and paths that change, begin anew. Microseconds. */
const MAX_STEP = 3e6;
/** The shortest delay of the last one or two of these is that of the empty path, microseconds. */
const BASE_SPAN = 15e6;

interface Group {
  readonly firstSent: number;
  lastSent: number;
  lastArrival: number;
}

/** Follows the delay of one path by its packets, in the order in which they were sent. */
export class DelayGradient {
  #current: Group | undefined;
  #previous: Group | undefined;
  #accumulated = 0;
  #smoothed = 0;
  #groups = 0;
  #firstArrival = 0;
  /** Arrival and smoothed delay of the last groups, milliseconds. */
  readonly #line: { readonly at: number; readonly delay: number }[] = [];
  #threshold = FIRST_THRESHOLD;
  #thresholdAt: number | undefined;
  #overSince: number | undefined;
  #overCount = 0;
  #lastTrend = 0;
  #use: PathUse = 'normal';
  /** Shortest time on the way, up to a constant, in this span and the one before. */
  #base = Number.POSITIVE_INFINITY;
  #formerBase = Number.POSITIVE_INFINITY;
  #baseSince = Number.NEGATIVE_INFINITY;
  #lastDelay = 0;
  #queued = 0;

  /** How long the last packet was queued, microseconds: its delay beyond the shortest of late. */
  get queued(): number {
    return this.#queued;
  }

  /** What the path does now. */
  get use(): PathUse {
    return this.#use;
  }

  /** Takes a packet that arrived; both times in microseconds, each of its own clock. */
  observe(sent: number, arrival: number): void {
    this.#measure(arrival - sent, arrival);
    const group = this.#current;
    if (!group || Math.abs(arrival - group.lastArrival) > MAX_STEP) {
      this.#restart({ firstSent: sent, lastSent: sent, lastArrival: arrival });
      return;
    }
    if (sent < group.firstSent) return;
    // What queued together comes together, however it was sent.
    const bunched = arrival - group.lastArrival < BURST && arrival - group.lastArrival < sent - group.lastSent;
    if (sent - group.firstSent <= BURST || (bunched && sent - group.firstSent < 20 * BURST)) {
      group.lastSent = Math.max(group.lastSent, sent);
      group.lastArrival = Math.max(group.lastArrival, arrival);
      return;
    }
    if (this.#previous) this.#take(this.#previous, group);
    this.#previous = group;
    this.#current = { firstSent: sent, lastSent: sent, lastArrival: arrival };
  }

  /** The path has become longer: what the last packet took is the shortest from now on. */
  rebase(): void {
    this.#base = this.#lastDelay;
    this.#formerBase = Number.POSITIVE_INFINITY;
    this.#queued = 0;
  }

  #measure(delay: number, at: number): void {
    if (at - this.#baseSince > BASE_SPAN || at < this.#baseSince) {
      this.#formerBase = at - this.#baseSince > 2 * BASE_SPAN ? delay : this.#base;
      this.#base = delay;
      this.#baseSince = at;
    }
    this.#lastDelay = delay;
    this.#base = Math.min(this.#base, delay);
    this.#queued = delay - Math.min(this.#base, this.#formerBase);
  }

  #restart(group: Group): void {
    this.#formerBase = Number.POSITIVE_INFINITY;
    this.#base = group.lastArrival - group.lastSent;
    this.#queued = 0;
    this.#current = group;
    this.#previous = undefined;
    this.#line.length = 0;
    this.#groups = 0;
    this.#accumulated = 0;
    this.#smoothed = 0;
    this.#use = 'normal';
    this.#overSince = undefined;
  }

  #take(before: Group, group: Group): void {
    const sentMs = (group.lastSent - before.lastSent) / 1000;
    const arrivedMs = (group.lastArrival - before.lastArrival) / 1000;
    const at = group.lastArrival / 1000;
    if (this.#groups === 0) this.#firstArrival = at;
    this.#groups = Math.min(this.#groups + 1, MAX_GROUPS);
    this.#accumulated += arrivedMs - sentMs;
    this.#smoothed = SMOOTHING * this.#smoothed + (1 - SMOOTHING) * this.#accumulated;
    this.#line.push({ at: at - this.#firstArrival, delay: this.#smoothed });
    if (this.#line.length > WINDOW) this.#line.shift();
    const slope = this.#line.length === WINDOW ? slopeOf(this.#line) : undefined;
    this.#judge(this.#groups * GAIN * (slope ?? 0), sentMs, at);
  }

  #judge(trend: number, sentMs: number, at: number): void {
    if (trend > this.#threshold) {
      // What is half over when it is first seen began in the middle of the group.
      this.#overSince = this.#overSince === undefined ? sentMs / 2 : this.#overSince + sentMs;
      this.#overCount += 1;
      if (this.#overSince > LASTING_MS && this.#overCount > 1 && trend >= this.#lastTrend) {
        this.#overSince = 0;
        this.#overCount = 0;
        this.#use = 'overuse';
      }
    } else {
      this.#overSince = undefined;
      this.#overCount = 0;
      this.#use = trend < -this.#threshold ? 'underuse' : 'normal';
    }
    this.#lastTrend = trend;
    this.#adapt(Math.abs(trend), at);
  }

  #adapt(trend: number, at: number): void {
    const elapsed = Math.min(at - (this.#thresholdAt ?? at), 100);
    this.#thresholdAt = at;
    if (trend > this.#threshold + MAX_STRAY) return;
    const gain = trend < this.#threshold ? FOLLOW_DOWN : FOLLOW_UP;
    const threshold = this.#threshold + gain * (trend - this.#threshold) * elapsed;
    this.#threshold = Math.min(MAX_THRESHOLD, Math.max(MIN_THRESHOLD, threshold));
  }
}

/** Slope of the line of least squares. */
function slopeOf(points: readonly { readonly at: number; readonly delay: number }[]): number {
  let [sumAt, sumDelay] = [0, 0];
  for (const { at, delay } of points) {
    sumAt += at;
    sumDelay += delay;
  }
  const [meanAt, meanDelay] = [sumAt / points.length, sumDelay / points.length];
  let [covariance, variance] = [0, 0];
  for (const { at, delay } of points) {
    covariance += (at - meanAt) * (delay - meanDelay);
    variance += (at - meanAt) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
}

/**
 * What covers losses on a path that loses packets at random: the player holds frames back long enough
 * for what is sent again to come in time, and that is sent twice. Pure.
 */
import { fromMs, type Micros, micros, minus, ZERO } from '../../time.ts';

/** Share of packets lost, from which losses are covered, and below which they no longer are. */
const [BEGIN, END] = [0.01, 0.005];
/** … for so long. */
const CALM = fromMs(10_000);
/** From a loss until what was sent again has come, beyond the round trip: to notice it, and to ask. */
const NOTICE = fromMs(60);
/** Round trips that vary. */
const MARGIN = 1.5;
/** More delay than this is no live picture. */
const MAX_DELAY = fromMs(600);
/** A change smaller than this share moves nothing. */
const STEP = 0.25;
/** From this share on what is sent again is sent twice: it may be lost, too. */
const TWICE = 0.02;

/** Follows the losses of one path. */
export class LossCover {
  #delay = ZERO;
  #copies = 1;
  #lossyAt: Micros | undefined;

  /** How long the player is to hold frames back at least. */
  get delay(): Micros {
    return this.#delay;
  }

  /** How often a lost packet is sent. */
  get copies(): number {
    return this.#copies;
  }

  /**
   * Learns of the path.
   * @param loss share of packets that are lost of late, while it is not too full.
   * @returns true when the delay has changed.
   */
  update(loss: number, rtt: Micros | undefined, now: Micros): boolean {
    if (loss >= (this.#delay > 0 ? END : BEGIN)) this.#lossyAt = now;
    this.#copies = loss >= TWICE ? 2 : 1;
    const lossy = this.#lossyAt !== undefined && minus(now, this.#lossyAt) < CALM;
    if (!lossy || rtt === undefined) return !lossy && this.#set(ZERO);
    const wanted = micros(Math.min(MAX_DELAY, rtt * MARGIN + NOTICE));
    return Math.abs(wanted - this.#delay) > STEP * this.#delay && this.#set(wanted);
  }

  #set(delay: Micros): boolean {
    if (delay === this.#delay) return false;
    this.#delay = delay;
    return true;
  }
}

/**
 * When sound is to leave, so that it stays with its picture. The picture's added delay moves by up to 5 % of
 * time, which ears would notice; sound follows it by 0.5 % at most, and at once where there is nothing to follow. Pure.
 */
import { SlidingQuantile } from '../../sliding-quantile.ts';
import { fromMs, type Micros, micros } from '../../time.ts';

/** Pictures that are looked back on, and for how long: those that leave unpaced leave unevenly. */
const WINDOW = 32;
const WINDOW_SPAN = 1_000_000;
/** Fastest slew of sound: a third of what musicians hear as another pitch. */
const MAX_SLEW = 0.005;
/** Sound that is further off than this is no more in sync, however long it is waited for: it jumps. */
const MAX_SKEW = fromMs(150);
/** A picture further off than this belongs to another timeline; when so many agree, it is the new one. */
const OTHER = 150_000;
const OTHER_COUNT = 3;
/** Sound this far from the last picture, in its own time, does not belong to it. */
const MAX_APART = 1_500_000;
/** Sound that follows on this closely goes on even when no picture comes any more. */
const MAX_PAUSE = 1_000_000;

/** When a piece of sound is to leave. */
export interface SoundTime {
  readonly due: Micros;
  /** It does not follow on what was sent before: time has jumped. */
  readonly jump: boolean;
  /** How much later than its picture it leaves. */
  readonly skew: Micros;
}

/** Maps the source's timeline to release times, for sound. */
export class SoundClock {
  readonly #offsets = new SlidingQuantile({ capacity: WINDOW, span: WINDOW_SPAN });
  #picturePts: number | undefined;
  #others = 0;
  #offset: number | undefined;
  #soundPts = 0;

  /** A picture at `pts` of the source's timeline is released at `due`. */
  picture(pts: Micros, due: Micros): void {
    const offset = due - pts;
    const usual = this.#target;
    this.#others = usual !== undefined && Math.abs(offset - usual) > OTHER ? this.#others + 1 : 0;
    if (this.#others > 0 && this.#others < OTHER_COUNT) return;
    if (this.#others > 0) this.#offsets.clear();
    this.#others = 0;
    this.#offsets.observe(offset, due);
    this.#picturePts = pts;
  }

  /**
   * When the sound at `pts` is to leave; undefined while no picture is known that it belongs to.
   * @param snap nothing needs to be slewed: nobody listens, or it begins anew.
   */
  time(pts: Micros, snap: boolean): SoundTime | undefined {
    const target = this.#target;
    if (target === undefined || !this.#belongs(pts)) return undefined;
    const before = this.#offset;
    const off = before === undefined ? 0 : target - before;
    const jump = snap || before === undefined || Math.abs(off) > MAX_SKEW;
    if (jump) this.#offset = target;
    else {
      const step = MAX_SLEW * Math.max(0, pts - this.#soundPts);
      this.#offset = before + Math.max(-step, Math.min(step, off));
    }
    this.#soundPts = pts;
    const offset = this.#offset ?? target;
    return { due: micros(pts + offset), jump, skew: micros(offset - target) };
  }

  get #target(): number | undefined {
    return this.#offsets.quantile(0.5);
  }

  #belongs(pts: Micros): boolean {
    if (this.#offset !== undefined && pts >= this.#soundPts && pts - this.#soundPts < MAX_PAUSE) return true;
    return this.#picturePts !== undefined && Math.abs(pts - this.#picturePts) < MAX_APART;
  }
}

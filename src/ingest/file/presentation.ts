/** Times of frames in the order in which they are shown, where stamps repeat, go back or round. Pure. */
import { fromMs, type Micros, micros, minus, plus } from '../../time.ts';

/** Frames with unusable stamps that wait for the next usable one, at most: then they follow at the usual interval. */
const MAX_WAITING = 8;

/** A step that is a smaller share of the usual interval, and shorter than so long, is a muxer's way out of equal stamps. */
const MIN_SHARE = 1 / 16;
const MIN_STEP = fromMs(2);

/** A frame and its time. */
export interface Timed<T> {
  readonly item: T;
  readonly pts: Micros;
}

/**
 * Gives frames times that only increase. A stamp that is later than the one before is kept; frames whose stamp is not are
 * spread evenly up to the next one that is. Capacity: {@link MAX_WAITING} frames; policy: past it they go on at the usual
 * interval; counted as `mended`.
 */
export class PresentationTimes<T> {
  #last: Micros | undefined;
  #waiting: T[] = [];
  #mended = 0;

  /** Frames whose stamp could not be kept. */
  get mended(): number {
    return this.#mended;
  }

  /** Takes the next frame; returns those whose times are sure now, in order. @param interval the usual one. */
  push(item: T, stamp: Micros, interval: Micros): Timed<T>[] {
    const last = this.#last;
    const least = Math.max(Math.min(interval * MIN_SHARE, MIN_STEP), this.#waiting.length);
    if (last === undefined || stamp > last + least) {
      const before = last === undefined ? [] : this.#spread(last, stamp);
      this.#last = stamp;
      return [...before, { item, pts: stamp }];
    }
    this.#waiting.push(item);
    this.#mended += 1;
    return this.#waiting.length < MAX_WAITING ? [] : this.end(interval);
  }

  /** Nothing comes after what waits. */
  end(interval: Micros): Timed<T>[] {
    const last = this.#last;
    if (last === undefined) return [];
    const count = this.#waiting.length;
    const placed = this.#spread(last, plus(last, micros(interval * (count + 1))));
    this.#last = placed.at(-1)?.pts ?? last;
    return placed;
  }

  /** Forgets everything; returns the frames that waited. */
  clear(): T[] {
    this.#last = undefined;
    return this.#waiting.splice(0);
  }

  #spread(from: Micros, to: Micros): Timed<T>[] {
    const waiting = this.#waiting.splice(0);
    const step = minus(to, from) / (waiting.length + 1);
    return waiting.map((item, i) => ({ item, pts: micros(from + step * (i + 1)) }));
  }
}

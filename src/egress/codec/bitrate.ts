/** The bitrate that suits a frame size and the frame rate as measured. Pure. */
import type { Micros } from '../../time.ts';

/** A measurement lasts this long at least. */
const SPAN = 1_000_000;
/** A gap longer than this is a pause, not a rate. */
const PAUSE = 500_000;
/** Changes smaller than this share are noise. */
const STEP = 0.1;
/** Bits per second of the smallest frames. */
const MIN_BITRATE = 300e3;

/** Frames per second from the times they are shown. */
export class RateMeter {
  #fps: number;
  #first: Micros | undefined;
  #last: Micros | undefined;
  #frames = 0;

  /** @param fps what to assume until measured. */
  constructor(fps: number) {
    this.#fps = fps;
  }

  /**
   * Takes the next frame's time; gives the rate in frames per second, which changes only by steps
   * of a tenth and more.
   */
  observe(due: Micros): number {
    const gap = this.#last === undefined ? 0 : due - this.#last;
    this.#last = due;
    if (this.#first === undefined || gap > PAUSE || gap < 0) {
      this.#first = due;
      this.#frames = 0;
      return this.#fps;
    }
    this.#frames += 1;
    const span = due - this.#first;
    if (span >= SPAN) {
      const measured = (this.#frames * 1e6) / span;
      if (Math.abs(measured / this.#fps - 1) > STEP) this.#fps = measured;
      this.#first = due;
      this.#frames = 0;
    }
    return this.#fps;
  }

  get fps(): number {
    return this.#fps;
  }
}

/**
 * The bitrate that suits what is pushed, as it is measured: {@link defaultBitrate} of the newest
 * frame at the real rate.
 */
export class SuitableBitrate {
  readonly #meter: RateMeter;
  #bitrate = MIN_BITRATE;

  /** @param fps what to assume until about a second of frames has been seen. */
  constructor(fps: number) {
    this.#meter = new RateMeter(fps);
  }

  /** Takes the next frame. */
  observe(width: number, height: number, due: Micros): void {
    this.#bitrate = defaultBitrate(width, height, this.#meter.observe(due));
  }

  /** Bits per second. */
  get bitrate(): number {
    return this.#bitrate;
  }

  /** Frames per second. */
  get fps(): number {
    return this.#meter.fps;
  }
}

/**
 * Bits per second for a frame size and rate when none is configured: 5 bits per pixel and second at
 * 30 fps (4.6 Mb/s for 1280×720), growing with the 0.6th power of the rate, since frames that
 * follow each other closely differ less.
 */
export function defaultBitrate(width: number, height: number, fps: number): number {
  const bits = width * height * 5 * (Math.max(fps, 5) / 30) ** 0.6;
  return Math.round(Math.min(20e6, Math.max(MIN_BITRATE, bits)));
}

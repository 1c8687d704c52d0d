/** ffmpeg's stderr in the log: every line, but never a flood of them. */
import { type Clock, type Micros, minus, toSeconds } from '../../time.ts';
import { TokenBucket } from '../../token-bucket.ts';
import type { SourceLog } from '../source-log.ts';
import { shownText } from './url.ts';

/** ffmpeg begins with some hundred lines; broken input makes one a packet. */
const RATE = { perSecond: 20, capacity: 200 };

const MAX_LINE = 1000;

/** Writes the lines of one run. */
export class LineLog {
  readonly #log: SourceLog;
  readonly #clock: Clock;
  readonly #bucket = new TokenBucket(RATE);
  readonly #started: Micros;
  #skipped = 0;

  constructor(log: SourceLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#started = clock.now();
  }

  /**
   * Takes a line. Beyond 20 a second (200 at once) they are counted, and the count told with the
   * next one.
   */
  line(line: string): void {
    if (!this.#log.debugs) return;
    if (!this.#bucket.take(1, this.#clock.now())) {
      this.#skipped += 1;
      return;
    }
    const skipped = this.#skipped > 0 ? { skipped: this.#skipped } : {};
    this.#skipped = 0;
    this.#log.debug({ line: shownText(line.slice(0, MAX_LINE)), ...skipped }, 'ffmpeg says');
  }

  /** The process is gone. */
  exited(code: number | null, frames: number): void {
    const seconds = toSeconds(minus(this.#clock.now(), this.#started));
    this.#log.debug({ code, frames, seconds, skipped: this.#skipped }, 'ffmpeg exited');
  }
}

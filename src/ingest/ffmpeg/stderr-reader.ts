/**
 * What ffmpeg says on stderr: what the video is, what is wrong with it, its last warnings. Pure.
 */
import { fromMs } from '../../time.ts';

/**
 * A clock that goes back by more has restarted: waiting until it catches up would freeze the
 * stream.
 */
const MAX_BACK = fromMs(200);
const MAX_LINES = 30;
const MAX_LINE_LENGTH = 400;

/** Luma samples. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What ends a run, before ffmpeg itself would end. */
export type StderrFinding =
  /** The decoder will not even begin: no frame would ever come. */
  | { readonly type: 'too-large'; readonly size: Size }
  /** A timestamp is earlier than the one before by more than a jitter. */
  | { readonly type: 'clock-went-back' };

/** Reads one run's stderr, at `-loglevel level+verbose`. */
export class StderrReader {
  #codec = 'unknown';
  #fps: number | undefined;
  #announced: Size = { width: 0, height: 0 };
  readonly #lines: string[] = [];

  /** FFmpeg's name of the input's codec, `unknown` until it is told. */
  get codec(): string {
    return this.#codec;
  }

  /** The rate that the input declares, if any. */
  get fps(): number | undefined {
    return this.#fps;
  }

  /**
   * The size that the frames were last said to have; 0 × 0 before. The pipe does not tell a change.
   */
  get announced(): Size {
    return this.#announced;
  }

  /** The last warnings and errors, at most 30, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Takes a line. */
  line(line: string): StderrFinding | undefined {
    this.#readStream(line);
    // ffmpeg up to 6, and from 7 on.
    const size = /\bw:(\d+) h:(\d+) pixfmt/.exec(line) ?? /parameters changed to .*?\b(\d+)x(\d+)/.exec(line);
    if (size) this.#announced = { width: Number(size[1]), height: Number(size[2]) };
    this.#keep(line);
    const refused = /Picture size (\d+)x(\d+) exceeds/.exec(line);
    if (refused) return { type: 'too-large', size: { width: Number(refused[1]), height: Number(refused[2]) } };
    return wentBack(line) ? { type: 'clock-went-back' } : undefined;
  }

  #readStream(line: string): void {
    const video = /Stream #0:\d+.*?: Video: (\w+)/.exec(line);
    if (!video?.[1] || this.#codec !== 'unknown') return;
    this.#codec = video[1];
    const fps = Number(/ ([\d.]+) fps\b/.exec(line)?.[1]);
    if (fps > 0) this.#fps = fps;
  }

  #keep(line: string): void {
    if (!/\[(warning|error|fatal|panic)\]/.test(line)) return;
    this.#lines.push(line.replace(/\[(warning|error|fatal|panic)\] /, '').slice(0, MAX_LINE_LENGTH));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }
}

/**
 * ffmpeg's muxer says that a time is not later than the one before, both in the microseconds of our
 * output.
 */
function wentBack(line: string): boolean {
  if (!/non-monoton\w+ dts/i.test(line)) return false;
  const [, previous, current] = /previous: (-?\d+), current: (-?\d+)/.exec(line) ?? [];
  return previous === undefined || Number(previous) - Number(current) > MAX_BACK;
}

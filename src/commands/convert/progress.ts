/** How far a conversion is, for people and for programs. Decides nothing about the conversion. */
import { SingleBar } from 'cli-progress';
import type { VideoFile } from '../../ingest/file/video-file.ts';
import { perSecond } from '../../media/rate.ts';
import { fromMs, type Micros, minus, toSeconds } from '../../time.ts';

/** How far a conversion is. */
export interface ConvertProgress {
  /** Source frames done. */
  readonly done: number;
  /** Source frames in all: as the container tells, else as its length and rate do, else by the share of the file that was read. */
  readonly total: number | undefined;
  /** Output frames per second so far. */
  readonly fps: number;
  /** Seconds until it is done, if it goes on like this. */
  readonly etaSeconds: number | undefined;
}

/** How often programs are told. */
const TELL_INTERVAL = fromMs(1000);
/** A file must have been read so far for its frames to be foretold. */
const MIN_SHARE = 0.02;

/** @param elapsed seconds since the start. @param output output frames done. */
export function progressOf(
  { info, share }: Pick<VideoFile, 'info' | 'share'>,
  done: number,
  output: number,
  elapsed: number,
): ConvertProgress {
  const { frames, duration, fps } = info;
  const told = frames ?? (duration && fps ? Math.round(toSeconds(duration) * perSecond(fps)) : undefined);
  const read = share >= MIN_SHARE ? Math.round(done / share) : undefined;
  const total = told !== undefined && told >= done ? told : read;
  return {
    done,
    total: total === undefined ? undefined : Math.max(total, done),
    fps: output / Math.max(elapsed, 1e-3),
    etaSeconds: total === undefined || done === 0 ? undefined : (elapsed * Math.max(0, total - done)) / done,
  };
}

/** What {@link ProgressReport} writes to. */
export interface ProgressReportOptions {
  /** `lines`: JSON, a line each; `bar`: on a terminal. */
  readonly form: 'lines' | 'bar' | 'none';
  /** Where lines go. */
  readonly line: (text: string) => void;
  /** Where the bar is drawn. */
  readonly stream: NodeJS.WriteStream;
  readonly now: () => Micros;
}

/**
 * Shows progress. Lines are `{"type":"progress","done","total","fps","etaSeconds"}`, one a second at most, and at the end
 * one `{"type":"result",…}` with all of the result. What is not known is null.
 */
export class ProgressReport {
  readonly #options: ProgressReportOptions;
  #bar: SingleBar | undefined;
  #told: Micros;

  constructor(options: ProgressReportOptions) {
    this.#options = options;
    this.#told = options.now();
  }

  /** Takes how far it is. */
  update(progress: ConvertProgress): void {
    if (this.#options.form === 'bar') this.#draw(progress);
    const now = this.#options.now();
    if (this.#options.form !== 'lines' || minus(now, this.#told) < TELL_INTERVAL) return;
    this.#told = now;
    const { done, total = null, fps, etaSeconds = null } = progress;
    const eta = etaSeconds === null ? null : Math.round(etaSeconds);
    this.#options.line(
      JSON.stringify({ type: 'progress', done, total, fps: Math.round(fps * 10) / 10, etaSeconds: eta }),
    );
  }

  /** Tells what was done: the result of `convert`. */
  result(result: object): void {
    this.stop();
    if (this.#options.form === 'lines') this.#options.line(JSON.stringify({ type: 'result', ...result }));
  }

  /** Leaves the terminal as it was. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #draw({ done, total, fps, etaSeconds }: ConvertProgress): void {
    const eta = etaSeconds === undefined ? 'unknown' : clockTime(etaSeconds);
    const payload = { rate: fps.toFixed(1), of: total ?? '?', eta };
    if (!this.#bar) {
      this.#bar = new SingleBar({
        format: ' {bar} {percentage}% | {value}/{of} frames | {rate} fps | ETA {eta}',
        stream: this.#options.stream,
      });
      this.#bar.start(total ?? Number.MAX_SAFE_INTEGER, done, payload);
      return;
    }
    this.#bar.setTotal(total ?? Number.MAX_SAFE_INTEGER);
    this.#bar.update(done, payload);
  }
}

/** 75 → `1:15`; with hours from one on. */
function clockTime(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

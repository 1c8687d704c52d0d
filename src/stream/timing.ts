/** What a source's timing costs, in words for the page, the API and the log. Pure. */
import type { SourceInfo } from '../ingest/source.ts';
import { type Micros, micros, toMs, ZERO } from '../time.ts';

/** Why frames are shown later than they could be, or otherwise than they are stamped. */
export type TimingCause = 'reordered' | 'unmarked' | 'clock' | 'unstamped' | 'latency-cut';

/** One of the reasons. */
export interface TimingNote {
  readonly cause: TimingCause;
  /** Delay that it adds; 0 where it adds none. */
  readonly delay: Micros;
  readonly text: string;
}

/** Clocks that are wrong by less than this share are nobody's trouble. */
const TOLD_SPEED = 0.003;
/** Sources that come so much slower than they are stamped may be too much for this machine … */
const SLOW = 0.9;
/** … where decoding them holds them up, by transport: RTSP and WHIP drop what is not decoded in time. */
const WHY_SLOW: Readonly<Record<string, string>> = {
  file: 'this machine cannot decode them in time',
  ffmpeg:
    'ffmpeg cannot decode them in time on this machine, the network is too slow, or the clock of the source runs fast',
};

/**
 * What is to be told of a source.
 * @param interval between its frames.
 */
export function describeTiming(info: SourceInfo | undefined, interval: Micros): readonly TimingNote[] {
  if (!info) return [];
  const { reordered = 0, unmarked = 0 } = info.waits ?? {};
  const notes: TimingNote[] = [];
  const add = (cause: TimingCause, delay: Micros, text: string): void => {
    notes.push({ cause, delay, text: delay > 0 ? `${text}: +${toMs(delay).toFixed(0)} ms` : text });
  };
  const frames = `${reordered} frame${reordered === 1 ? '' : 's'}`;
  if (reordered > 0) add('reordered', micros(reordered * interval), `this camera reorders ${frames}`);
  if (unmarked > 0) add('unmarked', interval, 'this camera does not mark where a frame ends, the next one tells');
  const { clock } = info;
  if (clock?.kind === 'none')
    add('unstamped', ZERO, 'its frames have no usable timestamps and are placed by their arrival');
  // A file is shown by our own clock: describeLag tells of it.
  if (clock?.kind === 'speed' && info.transport !== 'file' && Math.abs(clock.speed - 1) >= TOLD_SPEED)
    add('clock', ZERO, describeSpeed(clock.speed));
  return notes;
}

function describeSpeed(speed: number): string {
  const follows = 'its frames are placed by their arrival';
  if (speed >= 2) return `this camera's clock runs ${speed.toFixed(1)} times too fast: ${follows}`;
  const off = Math.abs(speed - 1) * 100;
  return `this camera's clock runs ${off.toFixed(off < 10 ? 1 : 0)} % too ${speed > 1 ? 'fast' : 'slow'}: ${follows}`;
}

/** Says so where frames come so slowly for their stamps that it may not be the clock. Undefined: they do not. */
export function describeLag(info: SourceInfo | undefined): string | undefined {
  if (info?.clock?.kind !== 'speed' || info.clock.speed > SLOW) return undefined;
  const why = WHY_SLOW[info.transport];
  const share = Math.round(100 * info.clock.speed);
  return why && `frames come at ${share} % of the rate they are stamped with: ${why}`;
}

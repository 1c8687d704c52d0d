/**
 * Output times after the newest source frame: frames that are carried on beyond it, and so hold
 * nothing back. Pure.
 */
import { type Micros, micros, minus, plus, ZERO } from '../time.ts';
import { type Plan, Scheduler, type Timestep } from './scheduler.ts';
import { FURTHEST } from './timesteps.ts';

/**
 * `auto`: source frames wait for what is interpolated before them. `none`: they wait for nothing, and
 * what is shown after each is carried on from it.
 */
export const DELAY_CHOICES = ['auto', 'none'] as const;

/** One of {@link DELAY_CHOICES}. */
export type DelayChoice = (typeof DELAY_CHOICES)[number];

/** A time this little beyond the furthest one is jitter: the frame stands for the furthest. */
const SLACK = 0.15;

/** What is known of a pair when times after it are chosen. */
export interface Ahead {
  /** Of the frame before. */
  readonly before: Micros;
  /** Of the newest frame. */
  readonly pts: Micros;
  /** Between source frames, as seen so far. */
  readonly sourceInterval: Micros;
  readonly outputInterval: Micros;
}

/**
 * Output times after the newest frame, up to half of a source interval, each with its place in terms
 * of the pair: 1 < t ≤ 1.5. None where output frames are as far apart as source frames.
 */
export function timesAhead({ before, pts, sourceInterval, outputInterval }: Ahead): Timestep[] {
  const times: Timestep[] = [];
  const gap = minus(pts, before);
  const reach = (FURTHEST - 1) * sourceInterval + 1;
  for (let k = 1; gap > 0 && k * outputInterval <= reach; k++) {
    const t = 1 + (k * outputInterval) / gap;
    if (t > FURTHEST + SLACK) break;
    times.push({ pts: plus(pts, micros(k * outputInterval)), t: Math.min(t, FURTHEST) });
  }
  return times;
}

/**
 * Plans the times after each source frame instead of those between two. Source frames are shown at
 * their own times, all of them: an even grid would have to hold some back.
 */
export class AheadScheduler extends Scheduler {
  #newest: Micros | undefined;

  override get ahead(): boolean {
    return true;
  }

  /** Negative: so long before its time a frame that is carried on can be begun. */
  override get floor(): Micros {
    const { sourceInterval, outputInterval } = this;
    return 2 * outputInterval <= sourceInterval + 2 ? minus(ZERO, outputInterval) : ZERO;
  }

  override next(pts: Micros, continuous: boolean): Plan {
    const before = continuous ? this.#newest : undefined;
    this.#newest = pts;
    const { interval } = super.next(pts, continuous);
    const { sourceInterval, outputInterval } = this;
    const between = before === undefined ? [] : timesAhead({ before, pts, sourceInterval, outputInterval });
    return { between, show: pts, interval };
  }
}

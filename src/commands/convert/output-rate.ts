/** The rate of a file's output, exact from end to end. Pure. */
import { exactRate, perSecond, type Rational, rateFrom, times } from '../../media/rate.ts';
import { type RateTarget, Scheduler } from '../../pairing/scheduler.ts';

/** Taken where a container declares no rate. */
const DEFAULT_FPS: Rational = { num: 30, den: 1 };

/** When output frames are shown, and what the output's header says. */
export interface OutputRate {
  readonly scheduler: Scheduler;
  /** Nominal rate of the output. */
  readonly rate: Rational;
}

/**
 * @param declared the rate that the input's container declares, if any.
 * @param even the output holds one rate only: its frames stand on an even grid.
 */
export function outputRate(target: RateTarget, declared: Rational | undefined, even = false): OutputRate {
  const source = declared && exactRate(declared);
  const nominal = source && perSecond(source);
  const asked = target.kind === 'fps' ? rateFrom(target.fps, source) : undefined;
  const scheduler = new Scheduler(asked ? { kind: 'fps', fps: perSecond(asked) } : target, { fps: nominal, even });
  scheduler.assume(nominal);
  const factor = target.kind === 'factor' ? (scheduler.multiple ?? target.factor) : (scheduler.multiple ?? 0);
  // On a multiple of the source's rate the output follows the source's clock, not the number that was asked for.
  const rate = source && factor > 0 ? times(source, factor) : (asked ?? times(DEFAULT_FPS, Math.max(1, factor)));
  return { scheduler, rate };
}

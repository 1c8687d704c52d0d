/** When a better rung of a ladder is worth a trial. Pure. */
import { fromMs, type Micros, micros, minus, plus } from '../time.ts';

/**
 * From a fall to the first trial of the better rung; doubled by each trial that fails, up to the
 * longest.
 */
const FIRST_DELAY = fromMs(2000);
/** With trials of a few rungs it keeps a recovery within ten seconds. */
const MAX_DELAY = fromMs(5000);
/** From a climb to the trial of the next rung. */
const NEXT_DELAY = fromMs(500);
/** A fall this soon after a climb counts as a failed trial. */
const RELAPSE = fromMs(10_000);
/**
 * A better rung whose foreseen work is too much is not tried but for once in this time: the
 * foresight may be wrong.
 */
const PATIENCE = fromMs(60_000);
/** Failed trials that foresight needs: a single one may have met a stall. */
const MIN_VERDICTS = 3;

/**
 * Failed trials of a rung: when the last one was, and the work of the last ones as multiples of that
 * of the rung in force.
 */
interface Verdict {
  readonly at: Micros;
  readonly ratios: readonly number[];
}

/** The trials of one ladder: rarer with each that fails, and not where the outcome is foreseen. */
export class TrialSchedule {
  /** By rung. */
  readonly #verdicts = new Map<number, Verdict>();
  #delay: Micros = FIRST_DELAY;
  #nextAt: Micros;
  #climbedAt: Micros | undefined;

  constructor(now: Micros) {
    this.#nextAt = now;
  }

  /**
   * Whether to try a rung now.
   * @param current what a pair costs on the rung in force, if that is known.
   * @param maxWork what a pair may cost on a rung that is climbed to.
   */
  isDue(rung: number, now: Micros, current: number | undefined, maxWork: number): boolean {
    return now >= this.#nextAt && !this.#isHopeless(rung, now, current, maxWork);
  }

  /**
   * A trial failed.
   * @param ratio its work as a multiple of that of the rung in force, if both are known.
   */
  failed(rung: number, ratio: number | undefined, now: Micros): void {
    if (ratio !== undefined) {
      const before = this.#verdicts.get(rung)?.ratios ?? [];
      this.#verdicts.set(rung, { at: now, ratios: [...before, ratio].slice(-MIN_VERDICTS) });
    }
    this.#delay = longer(this.#delay);
    this.#nextAt = plus(now, this.#delay);
  }

  /** A trial passed: the ladder climbs to the rung. */
  passed(rung: number, now: Micros): void {
    this.#verdicts.delete(rung);
    this.#climbedAt = now;
    this.#nextAt = plus(now, NEXT_DELAY);
  }

  /** The ladder fell. */
  fell(now: Micros): void {
    const relapse = this.#climbedAt !== undefined && minus(now, this.#climbedAt) < RELAPSE;
    this.#delay = relapse ? longer(this.#delay) : FIRST_DELAY;
    this.#climbedAt = undefined;
    this.#nextAt = plus(now, this.#delay);
  }

  /**
   * Whether the rung would be far too much work, judging by the best of its last trials and by what
   * the rung in force costs now.
   */
  #isHopeless(rung: number, now: Micros, current: number | undefined, maxWork: number): boolean {
    const verdict = this.#verdicts.get(rung);
    if (!verdict || current === undefined) return false;
    if (verdict.ratios.length < MIN_VERDICTS || minus(now, verdict.at) >= PATIENCE) return false;
    return current * Math.min(...verdict.ratios) > maxWork;
  }
}

function longer(delay: Micros): Micros {
  return micros(Math.min(2 * delay, MAX_DELAY));
}

/**
 * A ladder over a simulated engine: one worker, a queue that refuses what cannot be ready in time,
 * a load that changes.
 */
import { Ladder, type LadderChange, type LadderDecision, rungsOf } from '../../src/interp/ladder.ts';
import { fromMs, type Micros, micros, minus, plus, ZERO } from '../../src/time.ts';

/** What is simulated. */
export interface Load {
  /** Source frames per second. */
  readonly fps: number;
  readonly seconds: number;
  /** Work of one pair on each rung but hold, in ms, on an idle machine. */
  readonly work: readonly number[];
  /** How many times longer work takes at this time. */
  readonly slowdown: (seconds: number) => number;
  /** Latency budget less the floor. Default 40. */
  readonly headroomMs?: number;
  /** Pairs that fail. */
  readonly fails?: (seconds: number) => boolean;
  readonly several?: boolean;
}

/** What came of one pair. */
interface SimulatedPair {
  readonly at: number;
  /** Rung that it was made on; its frames were not shown if `late`. */
  readonly rung: string;
  readonly late: boolean;
  /** From submission to frames; undefined when it was refused or failed. */
  readonly elapsedMs: number | undefined;
}

/** A change of rung with its time in seconds. */
interface TimedChange extends LadderChange {
  readonly at: number;
}

/** The course of a simulation. */
export interface Course {
  readonly pairs: readonly SimulatedPair[];
  readonly changes: readonly TimedChange[];
  /** What a debug log is told. */
  readonly decisions: readonly LadderDecision[];
  /** Rung in force at a time, seconds. */
  at(seconds: number): string;
}

/** Models of the simulated stream. */
const MODELS = ['large', 'search'] as const;

/**
 * Runs a stream through a {@link Ladder}. Exact: settles come in order of time, before the pairs of
 * the same time.
 */
export function simulate(load: Load): Course {
  const { fps, seconds, work, slowdown, headroomMs = 40, fails = () => false, several = false } = load;
  const limits = { headroom: fromMs(headroomMs), period: fromMs(1000 / fps) };
  const ladder = new Ladder(rungsOf(MODELS, several), ZERO);
  const pairs: SimulatedPair[] = [];
  const changes: TimedChange[] = [];
  const decisions: LadderDecision[] = [];
  const report = (decision: LadderDecision): void => void decisions.push(decision);
  const course: [number, string][] = [[0, ladder.rung.name]];
  let waiting: { at: Micros; settle: () => void }[] = [];
  let free: Micros = ZERO;

  const settleUntil = (now: Micros): void => {
    const due = waiting.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    waiting = waiting.filter(({ at }) => at > now);
    for (const { settle } of due) settle();
  };

  for (let i = 0; i < fps * seconds; i++) {
    const now = fromMs((i * 1000) / fps);
    settleUntil(now);
    const at = now / 1e6;
    const attempt = ladder.choose(now, limits, report);
    const { rung, quickest } = attempt;
    if (rung.tier === undefined) {
      pairs.push({ at, rung: rung.name, late: false, elapsedMs: undefined });
      continue;
    }
    const start = free > now ? free : now;
    const refused = start > plus(now, minus(limits.headroom, quickest));
    const index = ladder.rungs.indexOf(rung);
    const cost = fromMs((work[index] ?? 0) * slowdown(at));
    const end = refused ? start : plus(start, cost);
    const elapsed = minus(end, now);
    const failed = fails(at);
    const late = refused || failed || elapsed > limits.headroom;
    if (!refused) free = end;
    pairs.push({ at, rung: rung.name, late, elapsedMs: refused || failed ? undefined : elapsed / 1000 });
    const outcome = failed ? { kind: 'failed' } : refused ? { kind: 'refused' } : { kind: 'done', elapsed, cost };
    waiting.push({
      at: end,
      settle: () => {
        // The three forms of a PairOutcome, which the conditional above widens.
        const change = ladder.settle(attempt, outcome as Parameters<Ladder['settle']>[1], end, limits, report);
        if (!change) return;
        changes.push({ ...change, at: end / 1e6 });
        course.push([end / 1e6, change.to]);
      },
    });
  }
  settleUntil(micros(Number.MAX_SAFE_INTEGER));
  return { pairs, changes, decisions, at: (time) => course.findLast(([since]) => since <= time)?.[1] ?? '' };
}

/** Share of the pairs from `from` on that were late, of those that were made. */
export function lateShare(course: Course, from: number, to = Number.POSITIVE_INFINITY): number {
  const window = course.pairs.filter(({ at, rung }) => at >= from && at < to && rung !== 'hold');
  return window.filter(({ late }) => late).length / Math.max(1, window.length);
}

/**
 * Batching across streams: which waiting jobs share the next run of a network, and how long that
 * run waits for more of them. Pure.
 */
import { type Micros, micros, minus, plus } from '../../time.ts';

/** What batching needs to know of a waiting job. */
export interface BatchJob {
  readonly stream: string;
  /**
   * Jobs of one group can share a run: same model, same size, same runs of the network. Undefined:
   * it always runs alone.
   */
  readonly group: string | undefined;
  /** Monotonic time after which the job is not worth starting. Undefined: it can always wait. */
  readonly deadline: Micros | undefined;
}

/** The jobs of the next run. */
export interface Batch<T extends BatchJob> {
  /** At least one, oldest first. */
  readonly jobs: readonly T[];
  /** When to start it; `now` or earlier: at once. What arrives before that may join: ask again. */
  readonly closes: Micros;
}

/** When the next job of a stream is expected, from the times of its last ones. */
interface Arrivals {
  group: string;
  last: Micros;
  /** Smoothed distance of two jobs, and its smoothed deviation; undefined before the second job. */
  interval: number | undefined;
  deviation: number;
}

/** Streams and groups that are remembered; the one that was not heard of for longest goes first. */
const MAX_STREAMS = 64;
const MAX_GROUPS = 64;
/** Weights of a new value in the smoothed ones, as in RFC 6298. */
const MEAN_WEIGHT = 1 / 8;
const DEVIATION_WEIGHT = 1 / 4;
/** A job that is so many deviations over time is not waited for any more. */
const TOLERANCE = 2;

/**
 * Forms batches. The oldest waiting job goes with those of its group, at most `size`, and never
 * before an older job of its own stream.
 *
 * A batch closes at once when it is full, or when something waits that cannot join it: a worker
 * that has other work is kept busy, and what comes meanwhile makes the next batch. Else it waits
 * for the next job that is expected of another stream, if that lowers the mean latency of all of
 * them. With runs of c(n) for n jobs, waiting for w delays n jobs by w + c(n + 1) − c(n), and ends
 * the coming one at w + c(n + 1) instead of c(n) + c(1), after two runs: the sum falls if (n + 1) ·
 * (w + c(n + 1) − c(n)) < c(1). It never waits beyond the earliest deadline less c(n + 1).
 */
export class Batcher {
  /** Most jobs of a run. */
  readonly size: number;
  /** By group, least recently used first: smoothed time of a run of n jobs, at n. */
  readonly #costs = new Map<string, (number | undefined)[]>();
  /** By stream, least recently heard first. */
  readonly #arrivals = new Map<string, Arrivals>();

  constructor(size: number) {
    this.size = size;
  }

  /** A job has arrived. Call it before {@link Batcher.next} is asked about it. */
  arrived({ stream, group }: Pick<BatchJob, 'stream' | 'group'>, now: Micros): void {
    if (this.size === 1 || group === undefined) return;
    const known = this.#arrivals.get(stream);
    touch(this.#arrivals, stream, MAX_STREAMS, { group, ...expectation(known, now) });
  }

  /** A run of `jobs` jobs has taken `span`, from its start to its result. */
  ran(group: string | undefined, jobs: number, span: Micros): void {
    if (this.size === 1 || group === undefined) return;
    const costs = this.#costs.get(group) ?? [];
    costs[jobs] = smoothed(costs[jobs], span, MEAN_WEIGHT);
    touch(this.#costs, group, MAX_GROUPS, costs);
  }

  /**
   * The next batch of what waits, oldest first; undefined when nothing does.
   * @param helped whether another worker is idle, too: what comes next needs not wait for this one.
   */
  next<T extends BatchJob>(waiting: readonly T[], now: Micros, helped: boolean): Batch<T> | undefined {
    const [oldest] = waiting;
    if (!oldest) return undefined;
    const jobs = oldest.group === undefined || this.size === 1 ? [oldest] : this.#together(waiting, oldest.group);
    const closed = helped || oldest.group === undefined || jobs.length === this.size || jobs.length < waiting.length;
    return { jobs, closes: closed ? now : this.#closing(jobs, oldest.group, now) };
  }

  #together<T extends BatchJob>(waiting: readonly T[], group: string): T[] {
    const jobs: T[] = [];
    const passedOver = new Set<string>();
    for (const job of waiting) {
      if (job.group !== group || passedOver.has(job.stream)) passedOver.add(job.stream);
      else if (jobs.push(job) === this.size) break;
    }
    return jobs;
  }

  #closing(jobs: readonly BatchJob[], group: string, now: Micros): Micros {
    const [alone, present, joined] = [1, jobs.length, jobs.length + 1].map((n) => this.#cost(group, n));
    if (alone === undefined || present === undefined || joined === undefined) return now;
    const arrival = this.#nextArrival(jobs, group, now);
    if (arrival === undefined || (jobs.length + 1) * (arrival - now + joined - present) >= alone) return now;
    const deadlines = jobs.flatMap(({ deadline }) => (deadline === undefined ? [] : minus(deadline, micros(joined))));
    return micros(Math.min(arrival, ...deadlines));
  }

  /**
   * Expected time of a run of `jobs`. A number that was not tried yet is taken to cost as much as
   * the next smaller one: else it never would be.
   */
  #cost(group: string, jobs: number): number | undefined {
    return this.#costs.get(group)?.findLast((span, n) => n <= jobs && span !== undefined);
  }

  /** By when the next job is expected of a stream that is not in the batch. */
  #nextArrival(jobs: readonly BatchJob[], group: string, now: Micros): Micros | undefined {
    const inside = new Set(jobs.map(({ stream }) => stream));
    const expected = [...this.#arrivals]
      .filter(([stream, arrivals]) => arrivals.group === group && !inside.has(stream))
      .flatMap(([, { last, interval, deviation }]) =>
        interval === undefined ? [] : plus(last, micros(interval + TOLERANCE * deviation)),
      )
      .filter((time) => time > now);
    return expected.length === 0 ? undefined : micros(Math.min(...expected));
  }
}

function expectation(known: Arrivals | undefined, now: Micros): Omit<Arrivals, 'group'> {
  if (!known) return { last: now, interval: undefined, deviation: 0 };
  const distance = minus(now, known.last);
  const off = known.interval === undefined ? distance / 2 : Math.abs(distance - known.interval);
  return {
    last: now,
    interval: smoothed(known.interval, distance, MEAN_WEIGHT),
    deviation: known.interval === undefined ? off : smoothed(known.deviation, off, DEVIATION_WEIGHT),
  };
}

function smoothed(before: number | undefined, value: number, weight: number): number {
  return before === undefined ? value : before + weight * (value - before);
}

/** Sets an entry as the latest, and forgets the oldest beyond `most`. */
function touch<V>(map: Map<string, V>, key: string, most: number, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}

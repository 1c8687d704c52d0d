/** Judges a stream's state from its events and its ladder: full, degraded, pass-through or waiting for its source. Pure. */
import type { StreamState } from '../media/stream-state.ts';
import type { MetricEvent } from '../metrics/events.ts';
import { fromMs, type Micros, minus, plus, toSeconds } from '../time.ts';

/** Without a released frame for this long, the stream is waiting. */
const SILENCE = fromMs(1000);
/** Share of a window's gaps that must be interpolated to count as full. */
const FULL_SHARE = 0.95;
/** Windows in a row that must be better before the state climbs. */
const CLIMB_WINDOWS = 2;
const RANK: Readonly<Record<StreamState, number>> = {
  asleep: 0,
  waiting: 0,
  'pass-through': 1,
  degraded: 2,
  full: 3,
};

/** Counts gaps and decides once for each window. */
export class StreamHealth {
  #state: StreamState = 'waiting';
  #reason: string | undefined = 'no frame yet';
  /** Frames made, between source frames or beyond them. */
  #interpolated = 0;
  #failed = 0;
  #released = 0;
  /** Pairs, and those across which nothing can be interpolated. */
  #pairs = 0;
  #apart = 0;
  #failures = new Map<string, number>();
  #lastRelease: Micros | undefined;
  #better = 0;
  #start: Micros;
  #engineError: string | undefined;
  #held: string | undefined;
  #best: StreamState = 'full';
  /** What is released now waited when the source was stopped. */
  #resting = false;

  constructor(now: Micros) {
    this.#start = now;
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Why it is not `full`; undefined when it is. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Counts `frame` and `pair` events; ignores the others. Frames repeated by intent (a cut, a duplicate) count neither way. */
  observe(event: MetricEvent): void {
    if (this.#resting) return;
    if (event.type === 'pair') {
      this.#pairs += 1;
      if (event.decision === 'discontinuity') this.#apart += 1;
    }
    if (event.type !== 'frame') return;
    this.#released += 1;
    if (event.fate === 'interpolated' || event.fate === 'extrapolated') this.#interpolated += 1;
    if (event.fate !== 'repeated') return;
    const reason = event.reason ?? 'unknown';
    if (
      reason === 'cut' ||
      reason === 'flash' ||
      reason === 'duplicate' ||
      reason === 'discontinuity' ||
      reason === 'size-change' ||
      reason === 'unwatched'
    )
      return;
    this.#failed += 1;
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }

  /** The process stood still for so long: nobody released anything meanwhile. */
  stoodStill(span: Micros): void {
    this.#start = plus(this.#start, span);
    if (this.#lastRelease !== undefined) this.#lastRelease = plus(this.#lastRelease, span);
  }

  /** Nobody watches, and the source is not read until somebody does. */
  sleep(): void {
    this.#resting = true;
    this.#state = 'asleep';
    this.#reason = 'nobody watches: the source is read when somebody does';
    this.#released = 0;
    this.#lastRelease = undefined;
  }

  /** The source is started: with its first frame, or its first failure, it counts as any other. */
  wake(now: Micros): void {
    this.#resting = false;
    this.#reason = 'the source is being started';
    this.#start = now;
  }

  /** Remembers the engine's last fault for {@link reason}. */
  engineFailed(message: string): void {
    this.#engineError = message;
  }

  /** Fewer frames are interpolated than was asked for, for this reason: the state is `best` at most. Undefined: everything is. */
  held(reason: string | undefined, best: 'degraded' | 'pass-through' = 'degraded'): void {
    this.#held = reason;
    this.#best = reason === undefined ? 'full' : best;
  }

  /** Closes the window that ends at `now` and returns the state. `failing`: the source cannot be read. Falls at once, climbs after {@link CLIMB_WINDOWS} better windows. */
  judge(now: Micros, failing = false): StreamState {
    if (this.#state === 'asleep') {
      if (this.#resting || (this.#released === 0 && !failing)) return this.#state;
      this.#state = 'waiting';
    }
    if (this.#released > 0) this.#lastRelease = now;
    const since = this.#lastRelease ?? this.#start;
    const silent = this.#lastRelease === undefined || minus(now, since) >= SILENCE;
    const verdict = silent ? ('waiting' as const) : this.#verdict();
    this.#better = RANK[verdict] > RANK[this.#state] ? this.#better + 1 : 0;
    const wake = this.#state === 'waiting' && verdict !== 'waiting';
    if (RANK[verdict] < RANK[this.#state] || wake || this.#better >= CLIMB_WINDOWS) {
      this.#state = verdict;
      this.#better = 0;
    }
    this.#reason = this.#state === 'full' ? undefined : this.#why(now, since);
    this.#interpolated = 0;
    this.#failed = 0;
    this.#released = 0;
    this.#pairs = 0;
    this.#apart = 0;
    this.#failures.clear();
    return this.#state;
  }

  #verdict(): StreamState {
    const seen = this.#seen();
    return RANK[seen] < RANK[this.#best] ? seen : this.#best;
  }

  /** A window without gaps (still scene, cuts only) changes nothing. */
  #seen(): StreamState {
    const gaps = this.#interpolated + this.#failed;
    if (gaps === 0 && this.#allApart) return 'pass-through';
    if (gaps === 0) return this.#state === 'waiting' ? 'full' : this.#state;
    if (this.#interpolated === 0) return 'pass-through';
    return this.#interpolated / gaps >= FULL_SHARE ? 'full' : 'degraded';
  }

  /** Frames come, and none belongs to the one before. */
  get #allApart(): boolean {
    return this.#pairs > 0 && this.#apart === this.#pairs;
  }

  #why(now: Micros, since: Micros): string {
    if (this.#state === 'waiting') return `no frame for ${toSeconds(minus(now, since)).toFixed(0)} s`;
    if (this.#held !== undefined) return this.#held;
    if (this.#allApart) return 'frames are too far apart, or jump in time: nothing can be interpolated between them';
    const worst = [...this.#failures].toSorted((a, b) => b[1] - a[1])[0];
    if (worst?.[0] === 'engine-error' && this.#engineError) return `engine-error: ${this.#engineError}`;
    const gaps = this.#interpolated + this.#failed;
    return worst ? `${this.#failed} of ${gaps} gaps repeated (${worst[0]})` : (this.#reason ?? 'recovering');
  }
}

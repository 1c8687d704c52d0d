/** A network or a reference model at work on one item: the gaps become pairs, with those beside them. */
import { FrameliftError } from '../errors.ts';
import type { Tier } from '../interp/engine/job.ts';
import { Neighbours } from '../pairing/neighbours.ts';
import { releaseStep, type Scheduled } from '../pairing/operators.ts';
import { Pairing } from '../pairing/pairing.ts';
import { type Clock, minus, toMs, ZERO } from '../time.ts';
import type { ContenderRun, Filled } from './contender-run.ts';
import type { Gap } from './gaps.ts';

/** What an {@link EngineRun} works with. */
export interface EngineRunDeps {
  readonly tier: Pick<Tier, 'interpolate'>;
  readonly clock: Clock;
  /** Whether a gap waits for the next one. */
  readonly lookAhead: boolean;
}

/**
 * Fills every gap, also across cuts and between repetitions; the gaps beside tell of its motion only where a stream would let
 * them.
 */
export class EngineRun implements ContenderRun {
  readonly #deps: EngineRunDeps;
  readonly #pairing = new Pairing({ anyGap: true });
  readonly #neighbours: Neighbours;
  /** Numbers of the gaps that were asked for and are not filled. */
  readonly #open: number[] = [];
  /** Pixels of the last frame. */
  #last: number | undefined;

  constructor(deps: EngineRunDeps) {
    this.#deps = deps;
    this.#neighbours = new Neighbours({ lookAhead: deps.lookAhead });
  }

  async push(gap: Gap): Promise<Filled[]> {
    const { index, a, b, timesteps } = gap;
    if (a.pixels !== this.#last) this.#pairing.next(a);
    this.#last = b.pixels;
    const decision = this.#pairing.next(b);
    const times = { from: a.pts, to: b.pts, timesteps: timesteps.map((t) => ({ pts: a.pts, t })) };
    const { area } = this.#pairing;
    const step = { before: a.share(), frame: b.share(), decision, area, ...times, show: undefined, interval: ZERO };
    this.#open.push(index);
    return this.#fillAll(this.#neighbours.push([step]));
  }

  finish(): Promise<Filled[]> {
    return this.#fillAll(this.#neighbours.end());
  }

  [Symbol.dispose](): void {
    this.#neighbours.close();
  }

  /** Owns the frames of the steps: one at most, as there is one step for each gap. */
  async #fillAll(steps: readonly Scheduled[]): Promise<Filled[]> {
    const filled: Filled[] = [];
    for (const step of steps) {
      try {
        filled.push(await this.#fill(step));
      } finally {
        releaseStep(step);
      }
    }
    return filled;
  }

  async #fill({ before: a, frame: b, area, timesteps, pairBefore, pairAfter }: Scheduled): Promise<Filled> {
    const gap = this.#open.shift();
    if (!a || gap === undefined) throw new TypeError('every step is of a gap');
    const { tier, clock } = this.#deps;
    const begin = clock.now();
    const result = await tier.interpolate({
      ...{ stream: 'eval', a, b, timesteps: timesteps.map(({ t }) => t) },
      ...(area ? { area } : {}),
      ...(pairBefore ? { before: pairBefore } : {}),
      ...(pairAfter ? { after: pairAfter } : {}),
    });
    if (result.status !== 'done') {
      throw new FrameliftError('engine.failed', `interpolation was refused (${result.reason})`);
    }
    return { gap, frames: result.frames, ms: toMs(minus(clock.now(), begin)) / timesteps.length };
  }
}

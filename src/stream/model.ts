/** Which model a stream runs, and the ladder below it: prepared beside the chain, exchanged between two pairs. */

import { asFrameliftError, FrameliftError } from '../errors.ts';
import { AUTO, type Choice, chooseModel, type ModelSource } from '../interp/engine/auto-select.ts';
import type { Tier } from '../interp/engine/job.ts';
import type { ModelLease } from '../interp/engine/pool.ts';
import { Ladder, type LadderChange, type LadderLimits, rungsOf } from '../interp/ladder.ts';
import { requireTimes } from '../interp/models/manifest.ts';
import type { Arena } from '../media/arena.ts';
import type { FrameSize } from '../media/size.ts';
import { Mutex } from '../mutex.ts';
import type { Lineup } from '../pacing/submission.ts';
import type { RateTarget } from '../pairing/scheduler.ts';
import type { Clock, Micros } from '../time.ts';

/** What {@link StreamModel} works with. */
export interface StreamModelOptions {
  readonly pool: ModelSource;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly stream: string;
  readonly target: RateTarget;
  /** Whether frames are made beyond the newest one. */
  readonly ahead: boolean;
  /** Timesteps of a pair, as far as is known. */
  readonly timesteps: () => number;
  /** What bounds the work on one pair, as far as is known. */
  readonly limits: () => LadderLimits;
  /** Why less than everything is made; undefined: nothing holds it back. */
  readonly onHeld: (reason: string | undefined) => void;
  /** A model was chosen by measurement. */
  readonly onChoice: (choice: Choice, size: FrameSize) => void;
  /** Frames are made again, at the top of a new ladder. */
  readonly onReady: (model: string, rungs: readonly string[]) => void;
  /** A model cannot be run at the stream's size: source frames are repeated. */
  readonly onError: (error: FrameliftError) => void;
}

/** Where a stream stands on its ladder. */
export interface LadderStatus {
  readonly rung: string;
  /** All rungs, best first. */
  readonly rungs: readonly string[];
  /** What led to it; undefined at the start. */
  readonly reason: string | undefined;
  /** The measured numbers behind the reason, for people. */
  readonly detail: string | undefined;
  /** Monotonic. */
  readonly since: Micros;
}

/** The model of one stream. Changes are made one after the other; the newest one counts. */
export class StreamModel implements AsyncDisposable {
  readonly #options: StreamModelOptions;
  #lease: ModelLease | undefined;
  #size: FrameSize | undefined;
  #lineup: Lineup | undefined;
  readonly #changes = new Mutex();
  #wanted = '';
  #warm = false;
  #closed = false;

  constructor(options: StreamModelOptions) {
    this.#options = options;
  }

  /** What makes frames now. */
  get lineup(): Lineup | undefined {
    return this.#lineup;
  }

  /** Id of the model that was asked for or chosen; `auto` while there is none, empty before {@link use}. */
  get model(): string {
    return this.#lease?.model ?? this.#wanted;
  }

  /** That model, once there is one. */
  get top(): Tier | undefined {
    return this.#lease?.tiers[0];
  }

  /** True once a model has run at the stream's size. */
  get warm(): boolean {
    return this.#warm;
  }

  /** Undefined while the model is being prepared. */
  get ladder(): LadderStatus | undefined {
    const ladder = this.#lineup?.ladder;
    if (!ladder) return undefined;
    const { rung, rungs, last, since } = ladder;
    const names = rungs.map(({ name }) => name);
    return { rung: rung.name, rungs: names, reason: last?.reason, detail: last?.detail, since };
  }

  /**
   * Changes to another model. The present one goes on until the new one has run at the stream's size. `auto` measures the candidates,
   * now and at each new size, and takes the best that is in time.
   * @throws FrameliftError as {@link EnginePool.acquire}, `config.invalid` for times that it cannot make; then nothing has changed.
   */
  use(name: string): Promise<void> {
    return this.#changes.run(async () => {
      const size = this.#size;
      const lease = name === AUTO && !size ? undefined : await this.#prepare(name, size);
      if (this.#closed) {
        lease?.release();
        throw new FrameliftError('engine.failed', 'the stream is closed');
      }
      this.#wanted = name;
      this.#exchange(lease);
      // A size that came meanwhile has its turn next.
      if (size && lease && this.#size === size) this.#begin(lease);
    });
  }

  /** Takes the size of the source's frames. Until the model has run at a new one, source frames are repeated. */
  resize(size: FrameSize): void {
    this.#size = size;
    this.#lineup = undefined;
    this.#options.onHeld(`${this.model} is being prepared for ${size.width}x${size.height}`);
    void this.#changes.run(async () => {
      if (this.#wanted === '' || this.#size !== size || this.#closed) return;
      try {
        if (this.#wanted === AUTO) this.#exchange(await this.#prepare(AUTO, size));
        else if (this.#lease) await warmUp(this.#lease.tiers, size);
        if (this.#size === size && this.#lease) this.#begin(this.#lease);
      } catch (thrown) {
        const error = asFrameliftError(thrown, 'engine.failed');
        this.#options.onHeld(`${this.model} cannot be run at ${size.width}x${size.height}: ${error.message}`);
        this.#options.onError(error);
      }
    });
  }

  /** Notes a change of the ladder in force. */
  changed({ from, detail }: LadderChange): void {
    const ladder = this.#lineup?.ladder;
    if (!ladder) return;
    const best = ladder.rungs[0]?.name ?? from;
    this.#options.onHeld(ladder.depth === 0 ? undefined : `${ladder.rung.name} instead of ${best} (${detail})`);
  }

  /** Gives the model back once the change under way is done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#changes.run(async () => {});
    this.#lineup = undefined;
    this.#lease?.release();
  }

  /** A model that can make the times and has run at the size, if that is known. */
  async #prepare(name: string, size: FrameSize | undefined): Promise<ModelLease> {
    if (name === AUTO && size) return this.#choose(size);
    const lease = await this.#options.pool.acquire(name);
    try {
      await this.#check(lease);
      if (size) await warmUp(lease.tiers, size);
      return lease;
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  async #choose(size: FrameSize): Promise<ModelLease> {
    const { pool, arena, stream, timesteps, limits, onChoice } = this.#options;
    const parts = { pool, arena, stream, ...size, timesteps: timesteps(), limits: limits() };
    const choice = await chooseModel(parts);
    onChoice(choice, size);
    return choice.lease;
  }

  #exchange(lease: ModelLease | undefined): void {
    this.#lease?.release();
    this.#lease = lease;
  }

  async #check({ model, tiers }: ModelLease): Promise<void> {
    const { target, ahead } = this.#options;
    if (ahead && tiers[0] && !tiers[0].extrapolates) throw cannotExtrapolate(model);
    // Whether a rate in frames per second is a multiple of the source's is known later; the stream then says so.
    if (tiers[0] && target.kind === 'factor') await requireTimes(tiers[0], target.factor);
  }

  #begin({ model, tiers }: ModelLease): void {
    const { timesteps, clock } = this.#options;
    const rungs = rungsOf(
      tiers.map((tier) => tier.model),
      timesteps() > 1,
    );
    this.#lineup = { tiers, ladder: new Ladder(rungs, clock.now()) };
    this.#warm = true;
    this.#options.onHeld(undefined);
    this.#options.onReady(
      model,
      rungs.map(({ name }) => name),
    );
  }
}

/** A model that cannot make what is wanted after the newest frame. */
function cannotExtrapolate(model: string): FrameliftError {
  return new FrameliftError(
    'config.invalid',
    `delay is none, and model "${model}" knows no motion that could be carried on beyond the newest frame`,
    { remedy: 'Use flow-s, fluoro-s, another flow model or search; or let delay be auto.' },
  );
}

/** Loads what a size needs and runs the model once, so that the first pair does not pay for it. */
async function warmUp(tiers: readonly Tier[], { width, height }: FrameSize): Promise<void> {
  for (const tier of tiers) await tier.warmUp(width, height);
}

/**
 * The engines of a process: one for each model in use, started when it is asked for, closed a while
 * after its last user has left.
 */
import { FrameliftError } from '../../errors.ts';
import { type CancelTimer, type Clock, fromMs, plus } from '../../time.ts';
import { type ModelSpec, resolveModel } from '../models/manifest.ts';
import type { ReferenceModel } from '../models/reference.ts';
import type { Provider } from '../providers/provider.ts';
import { InterpEngine, type InterpEngineOptions } from './engine.ts';
import type { Tier } from './job.ts';

/** How long an engine without users is kept: a stream may come back to its model. */
const IDLE = fromMs(30_000);

/** Options of {@link EnginePool}: those of every engine. */
export interface EnginePoolOptions extends Omit<InterpEngineOptions, 'model' | 'provider'> {
  /** Which execution provider a model runs on. Default: the CPU. */
  readonly provide?: (model: ModelSpec | ReferenceModel) => Promise<Provider>;
  /** Finds a model by its name. Default {@link resolveModel}; for tests. */
  readonly resolve?: typeof resolveModel;
}

/** A model held by one user. */
export interface ModelLease {
  /** Id of the model. */
  readonly model: string;
  /** What it runs on. */
  readonly provider: Provider;
  /**
   * The model, and below it what takes less work: a flow model at half the size, and the block
   * search. Best first.
   */
  readonly tiers: readonly Tier[];
  /** Gives it up. Doing so twice is harmless. */
  release(): void;
}

/** A model that cannot interpolate at present. */
export interface EngineFault {
  readonly model: string;
  readonly reason: string;
}

interface Entry {
  readonly engine: Promise<InterpEngine>;
  /** What `engine` gave. */
  started?: InterpEngine;
  users: number;
  cancelIdle: CancelTimer;
}

/** Engines by the name of their model, shared by all streams. */
export class EnginePool implements AsyncDisposable {
  readonly #options: EnginePoolOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #closings = new Set<Promise<void>>();
  #closed = false;

  constructor(options: EnginePoolOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** Names of the models whose engines run, those that are about to be closed included. */
  get running(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Models that cannot interpolate at present, with the reason, as {@link InterpEngine.fault}. */
  get faults(): readonly EngineFault[] {
    const engines = [...this.#entries.values()].flatMap(({ started }) => started ?? []);
    return engines.flatMap(({ model, fault }) => (fault ? { model, reason: fault.message } : []));
  }

  /**
   * Holds a model by its name: of the manifest, a reference model, or a path; starts its engine if
   * none runs.
   * @throws FrameliftError `model.not-found`, `model.invalid`, `engine.failed`,
   * `provider.unusable`; `config.invalid` for grain that the model cannot give.
   */
  async acquire(name: string): Promise<ModelLease> {
    const engine = await this.#hold(name);
    const holds = [name];
    const tiers: Tier[] = [engine, ...engine.lower];
    // A flow network's workers search by themselves; beside others there is an engine for it.
    // References stand alone.
    if (tiers.length === 1 && engine.hasNetwork) {
      try {
        tiers.push(await this.#hold('search'));
      } catch (error) {
        this.#leave(name);
        throw error;
      }
      holds.push('search');
    }
    return {
      model: engine.model,
      provider: engine.provider,
      tiers,
      release: () => {
        for (const held of holds.splice(0)) this.#leave(held);
      },
    };
  }

  /**
   * What a model would run on; starts no engine. @throws FrameliftError `model.not-found`,
   * `model.invalid`, `provider.unusable`.
   */
  async providerOf(name: string): Promise<Provider> {
    const { resolve = resolveModel, provide = onCpu } = this.#options;
    return provide(await resolve(name));
  }

  /** Closes all engines: what waits is refused, running jobs finish. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const [name, entry] of this.#entries) this.#close(name, entry);
    await Promise.all(this.#closings);
  }

  async #hold(name: string): Promise<InterpEngine> {
    const entry = this.#entries.get(name) ?? this.#start(name);
    entry.cancelIdle();
    entry.users += 1;
    return entry.engine;
  }

  #start(name: string): Entry {
    const { resolve = resolveModel, provide = onCpu, ...options } = this.#options;
    const engine = resolve(name).then(async (model) => {
      if (typeof model !== 'string') refuseEnlarging(model.id, model.scale ?? 1);
      const started = await InterpEngine.start({ ...options, model, provider: await provide(model) });
      try {
        refuseEnlarging(started.model, started.scale);
      } catch (error) {
        await started.close();
        throw error;
      }
      return started;
    });
    const entry: Entry = { engine, users: 0, cancelIdle: () => {} };
    this.#entries.set(name, entry);
    engine.then(
      (started) => {
        entry.started = started;
      },
      () => {
        if (this.#entries.get(name) === entry) this.#entries.delete(name);
      },
    );
    return entry;
  }

  #leave(name: string): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    entry.users -= 1;
    if (entry.users > 0 || this.#closed) return;
    entry.cancelIdle = this.#clock.at(plus(this.#clock.now(), IDLE), () => this.#close(name, entry));
  }

  #close(name: string, { engine, cancelIdle }: Entry): void {
    cancelIdle();
    this.#entries.delete(name);
    const closing = engine.then(
      (running) => running.close(),
      () => {},
    );
    this.#closings.add(closing);
    void closing.finally(() => this.#closings.delete(closing));
  }
}

/** A stream's frames all have the size of its source. @throws FrameliftError `config.invalid`. */
function refuseEnlarging(model: string, scale: number): void {
  if (scale === 1) return;
  throw new FrameliftError(
    'config.invalid',
    `model "${model}" makes pictures ${scale} times as large, which live streams cannot show`,
    {
      remedy: `Use it on files: framelift convert --scale ${scale} --model ${model}.`,
    },
  );
}

async function onCpu(): Promise<Provider> {
  return 'cpu';
}

/** Those who fill the gaps: networks and reference models through the engine, and FFmpeg's minterpolate. */
import { FrameliftError } from '../errors.ts';
import { InterpEngine } from '../interp/engine/engine.ts';
import { withinArea } from '../interp/engine/within-area.ts';
import { readModel } from '../interp/models/file.ts';
import { type ModelSpec, resolveModel } from '../interp/models/manifest.ts';
import { REFERENCE_MODELS, type ReferenceModel } from '../interp/models/reference.ts';
import type { Arena } from '../media/arena.ts';
import type { Frame } from '../media/frame.ts';
import { noEvents } from '../metrics/events.ts';
import { type Clock, minus, toMs } from '../time.ts';
import type { ContenderRun, Filled } from './contender-run.ts';
import { EngineRun } from './engine-run.ts';
import { PictureFilter } from './filter.ts';
import type { Gap } from './gaps.ts';
import { Shrinker } from './shrunk.ts';

/** Someone who fills gaps. */
export interface Contender extends AsyncDisposable {
  /** As it stands in reports. */
  readonly id: string;
  readonly kind: 'model' | 'baseline';
  /** So many times smaller than what is measured are the frames that it is given. */
  readonly scale: number;
  /** Of the model's file, lower-case hexadecimal; null where there is no file. */
  readonly sha256: string | null;
  /** Begins an item of that size, whose gaps are filled at these times. @throws FrameliftError what the model or filter refuses. */
  begin(width: number, height: number, timesteps: readonly number[]): Promise<ContenderRun>;
}

/** Names for `--baseline`. */
const BASELINES = [...REFERENCE_MODELS, 'minterpolate'] as const;

/** What contenders share. */
export interface ContenderOptions {
  readonly arena: Arena;
  readonly clock: Clock;
  /** Threads of one inference. Default 2. */
  readonly threads?: number | undefined;
  /** Whether networks may look at the gap after the one that they fill. Default: no. */
  readonly lookAhead?: boolean | undefined;
}

/**
 * Starts the contender of that name: a model id, an .onnx file, or a baseline.
 * @throws FrameliftError `model.not-found`, `model.invalid`, `engine.failed`.
 */
export async function startContender(name: string, options: ContenderOptions): Promise<Contender> {
  return name === 'minterpolate' ? new Minterpolate(options) : EngineContender.start(name, options);
}

/** The name of a baseline. @throws FrameliftError `config.invalid` naming those that exist. */
export function checkBaseline(name: string): string {
  if (BASELINES.some((known) => known === name)) return name;
  throw new FrameliftError('config.invalid', `there is no baseline "${name}"; there are ${BASELINES.join(', ')}`, {
    remedy: 'Name one of these; networks are given with --model.',
  });
}

class EngineContender implements Contender {
  readonly id: string;
  readonly kind: Contender['kind'];
  readonly sha256: string | null;
  readonly #engine: InterpEngine;
  readonly #tier: ReturnType<typeof withinArea>;
  readonly #clock: Clock;
  readonly #arena: Arena;
  readonly #lookAhead: boolean;

  private constructor(
    model: ModelSpec | ReferenceModel,
    sha256: string | null,
    engine: InterpEngine,
    options: ContenderOptions,
  ) {
    this.id = engine.model;
    this.kind = typeof model === 'string' ? 'baseline' : 'model';
    this.sha256 = sha256;
    this.#engine = engine;
    this.#arena = options.arena;
    this.#tier = withinArea(engine, { arena: options.arena, wait: true });
    this.#clock = options.clock;
    this.#lookAhead = options.lookAhead ?? false;
  }

  static async start(name: string, options: ContenderOptions): Promise<EngineContender> {
    const { arena, clock, threads } = options;
    const model = await resolveModel(name);
    const sha256 = typeof model === 'string' ? null : (model.sha256 ?? (await readModel(model)).sha256);
    const engine = await InterpEngine.start({
      arena,
      clock,
      events: noEvents,
      model,
      // Figures are of the motion: any error is more noise, and grain is noise.
      grain: 0,
      searchBeside: true,
      ...(threads === undefined ? {} : { threads }),
    });
    return new EngineContender(model, sha256, engine, options);
  }

  get scale(): number {
    return this.#engine.scale;
  }

  async begin(width: number, height: number, timesteps: readonly number[]): Promise<ContenderRun> {
    const { scale } = this.#engine;
    if (scale > 1) return this.#beginSmaller(width, height, scale, timesteps);
    await this.#engine.warmUp(width, height);
    return new EngineRun({ tier: this.#tier, clock: this.#clock, lookAhead: this.#lookAhead });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tier[Symbol.dispose]();
    await this.#engine.close();
  }

  /** Of a model that enlarges: it is given smaller frames, so that what it makes has the size of the truth. */
  async #beginSmaller(
    width: number,
    height: number,
    scale: number,
    timesteps: readonly number[],
  ): Promise<ContenderRun> {
    const shrinker = await Shrinker.open({ arena: this.#arena, width, height, scale, model: this.id }, timesteps);
    await this.#engine.warmUp(width / scale, height / scale);
    const push = async (gap: Gap): Promise<Filled[]> => {
      using frames = new DisposableStack();
      const small = async (frame: Frame): Promise<Frame> =>
        frames.adopt(await shrinker.shrink(frame), (made) => made.release());
      const [a, b] = [await small(gap.a), await small(gap.b)];
      return [await this.#fill({ ...gap, a, b })];
    };
    return { push, finish: async () => [], [Symbol.dispose]: () => shrinker[Symbol.dispose]() };
  }

  async #fill({ index, a, b, timesteps }: Gap): Promise<Filled> {
    const begin = this.#clock.now();
    const result = await this.#engine.interpolate({ stream: 'eval', a, b, timesteps });
    if (result.status !== 'done') {
      throw new FrameliftError('engine.failed', `interpolation was refused (${result.reason})`);
    }
    const ms = toMs(minus(this.#clock.now(), begin)) / timesteps.length;
    return { gap: index, frames: result.frames, ms };
  }
}

/** FFmpeg's motion-compensated interpolation, without its scene-cut detection: it too fills every gap. */
class Minterpolate implements Contender {
  readonly id = 'minterpolate';
  readonly kind = 'baseline';
  readonly scale = 1;
  readonly sha256 = null;
  readonly #options: ContenderOptions;

  constructor(options: ContenderOptions) {
    this.#options = options;
  }

  async begin(width: number, height: number, timesteps: readonly number[]): Promise<ContenderRun> {
    const { arena, clock } = this.#options;
    const factor = timesteps.length + 1;
    const args = `fps=${factor}:mi_mode=mci:scd=none`;
    const filter = await PictureFilter.open({ arena, width, height, filter: 'minterpolate', args });
    return new MinterpolateRun(filter, clock, factor);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/**
 * The filter fills the gap between the second and the third of four frames, and stays silent about the first and the last gap
 * of what it is given. So the first and the last kept frame are put in twice: kept frame k stands at time k + 1, and the interpolated frames of
 * gap g come out between g + 1 and g + 2, once frame g + 2 is in.
 */
class MinterpolateRun implements ContenderRun {
  readonly #filter: PictureFilter;
  readonly #clock: Clock;
  readonly #factor: number;
  readonly #parts = new Map<number, { readonly frames: Frame[]; ms: number }>();
  #last: Frame | undefined;
  #time = 0;

  constructor(filter: PictureFilter, clock: Clock, factor: number) {
    this.#filter = filter;
    this.#clock = clock;
    this.#factor = factor;
  }

  async push(gap: Gap): Promise<Filled[]> {
    if (this.#time === 0) {
      await this.#put(gap.a);
      await this.#put(gap.a);
    }
    this.#last?.release();
    this.#last = gap.b.share();
    return this.#put(gap.b);
  }

  async finish(): Promise<Filled[]> {
    return this.#last ? this.#put(this.#last) : [];
  }

  [Symbol.dispose](): void {
    this.#last?.release();
    this.#last = undefined;
    for (const { frames } of this.#parts.values()) for (const frame of frames) frame.release();
    this.#parts.clear();
    this.#filter[Symbol.dispose]();
  }

  async #put(frame: Frame): Promise<Filled[]> {
    const begin = this.#clock.now();
    const out = await this.#filter.push(frame, this.#time);
    const ms = toMs(minus(this.#clock.now(), begin));
    this.#time += 1;
    const news = out.filter(({ frame: made, pts }) => {
      const { gap, step } = placeInGap(pts, this.#factor);
      const isNew = step > 0 && gap >= 0;
      if (!isNew) made.release();
      return isNew;
    });
    const filled: Filled[] = [];
    for (const { frame: made, pts } of news) {
      const { gap } = placeInGap(pts, this.#factor);
      const part = this.#parts.get(gap) ?? { frames: [], ms: 0 };
      this.#parts.set(gap, part);
      part.frames.push(made);
      part.ms += ms / news.length;
      if (part.frames.length < this.#factor - 1) continue;
      this.#parts.delete(gap);
      filled.push({ gap, frames: part.frames, ms: part.ms / part.frames.length });
    }
    return filled;
  }
}

/** Where an output of minterpolate belongs: `step` 0 is a kept frame, else the interpolated frame at step/factor of the gap. Kept frame k is input k + 1. Pure. */
export function placeInGap(pts: number, factor: number): { gap: number; step: number } {
  return { gap: Math.floor(pts / factor) - 1, step: pts % factor };
}

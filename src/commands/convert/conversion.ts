/** One conversion under way: source frames in, source and interpolated frames into a file. */
import type { FrameOutput, Unfinished } from '../../egress/file/writer.ts';
import { FrameliftError } from '../../errors.ts';
import type { VideoFile } from '../../ingest/file/video-file.ts';
import { type InterpJob, isUnsure, type Tier } from '../../interp/engine/job.ts';
import type { Acceleration, Frame, RepeatReason } from '../../media/frame.ts';
import { Neighbours } from '../../pairing/neighbours.ts';
import { releaseStep, type Scheduled } from '../../pairing/operators.ts';
import { PairPlanner } from '../../pairing/pair-planner.ts';
import type { Scheduler, Timestep } from '../../pairing/scheduler.ts';
import type { Micros } from '../../time.ts';
import { type Enlarger, enlargedTraits } from './enlarger.ts';
import { keptTier } from './kept-tier.ts';
import { stopped } from './stopped.ts';

/** Memory for frames that are looked ahead at: 24 of 2560 × 1440, 8 bits. */
const LOOK_AHEAD_BYTES = 160 * 2 ** 20;
/** Frames that are interpolated at once: a gap of hours has any number. */
const MAX_AT_ONCE = 16;
/** In source intervals: a last frame that stands this long is held. */
const HELD = 1.75;
/** Where another scene begins, or frames are missing, the frame before stands until then; else the nearer one is repeated. */
const HELD_OVER: ReadonlySet<RepeatReason> = new Set<RepeatReason>(['cut', 'discontinuity', 'size-change']);

/** What a {@link Conversion} works with. */
export interface ConversionDeps {
  /** Path of the input, for messages. */
  readonly input: string;
  readonly video: Pick<VideoFile, 'traits' | 'isLossy' | 'end'>;
  /** Its frames, all of one size. */
  readonly frames: (signal: AbortSignal | undefined) => AsyncGenerator<Frame>;
  readonly tier: Pick<Tier, 'interpolate'>;
  /** In place of the tier: frames become larger. The conversion closes it. */
  readonly enlarger?: Enlarger | undefined;
  readonly scheduler: Scheduler;
  /** Whether repeated pictures are looked for, and interpolated across. */
  readonly cadence: boolean;
  /** The pairs beside that jobs are told of; the one after is waited for. */
  readonly neighbours: UsedNeighbours;
  /** Below this confidence the nearer source frame is shown, of cells or of all, 0…1. */
  readonly minConfidence: number;
  readonly writer: FrameOutput;
}

/** Which pairs beside a pair are made use of, where there are such. */
export type UsedNeighbours = 'none' | Exclude<Acceleration, 'after'>;

/** Frames so far. */
export interface ConversionCounts {
  readonly source: number;
  readonly output: number;
}

/** What a conversion has written. */
export interface ConversionResult {
  readonly sourceFrames: number;
  readonly outputFrames: number;
  readonly interpolated: number;
  readonly repeated: number;
  /** Repeats by reason: cut, duplicate, unsure … */
  readonly repeatedBecause: Readonly<Record<string, number>>;
  /** Source frames that repeated the picture before, and gave way to interpolated ones. */
  readonly cadenceRepeats: number;
  /** Pictures a second where there were such; undefined where there were none. */
  readonly drawnFps: number | undefined;
  readonly width: number;
  readonly height: number;
}

/** Pairs each picture with the one before, has the gap filled, and writes it all in order. Runs once. */
export class Conversion {
  readonly #deps: ConversionDeps;
  readonly #planner: PairPlanner;
  /** Undefined: nothing makes use of them. */
  readonly #neighbours: Neighbours | undefined;
  readonly #repeats: Record<string, number> = {};
  readonly #counts = { source: 0, output: 0, interpolated: 0 };
  #size = { width: 0, height: 0 };
  /** The newest source frame, which may have to be held at the end. */
  #newest: Frame | undefined;
  /** Time of the last source frame that was dealt with. */
  #at: Micros | undefined;

  constructor(deps: ConversionDeps) {
    const { scheduler, cadence, video, neighbours } = deps;
    this.#deps = { ...deps, tier: deps.enlarger ?? keptTier(deps.tier, deps.writer) };
    const isLossy = (from: Micros, to: Micros): boolean => video.isLossy(from, to);
    this.#planner = new PairPlanner({ scheduler, cadence, lookAhead: LOOK_AHEAD_BYTES, isLossy });
    this.#neighbours = neighbours === 'none' ? undefined : new Neighbours({ lookAhead: neighbours === 'both' });
  }

  /** What has been written so far. */
  get result(): ConversionResult {
    const { source, output, interpolated } = this.#counts;
    const repeated = Object.values(this.#repeats).reduce((a, b) => a + b, 0);
    const frames = { sourceFrames: source, outputFrames: output, interpolated, repeated };
    const { repeats: cadenceRepeats, drawnFps } = this.#planner;
    return { ...frames, repeatedBecause: { ...this.#repeats }, cadenceRepeats, drawnFps, ...this.#size };
  }

  /**
   * Converts until the input ends, or `signal` aborts. @param onFrame called after each source frame.
   * @returns what there is of the output where it is not complete; undefined when it is.
   * @throws FrameliftError as `convert`, once all that was made until then is in a file.
   */
  async run(
    signal: AbortSignal | undefined,
    onFrame: (counts: ConversionCounts) => void,
  ): Promise<Unfinished | undefined> {
    const { writer, input } = this.#deps;
    try {
      await this.#convert(signal, onFrame);
      if (!signal?.aborted) await writer.finish();
    } catch (error) {
      throw stopped(error, { input, source: this.#planner.taken, at: this.#at, made: await writer.stop() });
    } finally {
      this.#planner.close();
      this.#deps.enlarger?.[Symbol.dispose]();
      this.#neighbours?.close();
      this.#newest?.release();
    }
    return signal?.aborted ? writer.stop() : undefined;
  }

  async #convert(signal: AbortSignal | undefined, onFrame: (counts: ConversionCounts) => void): Promise<void> {
    const input: { error?: unknown } = {};
    for await (const frame of this.#readable(signal, input)) {
      this.#note(frame);
      await this.#write(this.#known(this.#planner.push(frame)));
      await this.#endStep();
      onFrame(this.#counts);
    }
    // Who stops it does not wait for what is looked ahead at.
    if (signal?.aborted) return;
    const last = input.error === undefined ? this.#known(this.#planner.end()) : [];
    await this.#write([...last, ...(this.#neighbours?.end() ?? [])]);
    if (input.error !== undefined) throw input.error;
    this.#counts.source = this.#planner.taken;
    if (!this.#newest) {
      throw new FrameliftError('source.no-video', `${this.#deps.input} holds no frame that can be decoded`);
    }
    await this.#hold(this.#newest);
  }

  /**
   * The source's frames up to where it cannot be read on: why is then in `input`, since what waits for
   * the next pair is complete without it.
   */
  async *#readable(signal: AbortSignal | undefined, input: { error?: unknown }): AsyncGenerator<Frame> {
    try {
      yield* this.#deps.frames(signal);
    } catch (error) {
      input.error = error;
    }
  }

  /** The steps of which all is known. */
  #known(steps: Scheduled[]): Scheduled[] {
    return this.#neighbours?.push(steps) ?? steps;
  }

  /** Borrows `frame`. */
  #note(frame: Frame): void {
    this.#newest?.release();
    this.#newest = frame.share();
    const { scale } = this.#deps.enlarger ?? { scale: 1 };
    this.#size = { width: scale * frame.width, height: scale * frame.height };
  }

  /** Here a run may be gone on from, and takes over what a run before has counted: this one has not looked at its frames. */
  async #endStep(): Promise<void> {
    this.#counts.source = this.#planner.taken;
    const counts = await this.#deps.writer.endStep({ interpolated: this.#counts.interpolated, ...this.#repeats });
    if (!counts) return;
    const { interpolated = 0, ...repeats } = counts;
    this.#counts.interpolated = interpolated;
    for (const reason of Object.keys(this.#repeats)) delete this.#repeats[reason];
    Object.assign(this.#repeats, repeats);
  }

  /** Owns the frames in `steps`. */
  async #write(steps: readonly Scheduled[]): Promise<void> {
    let done = 0;
    try {
      for (const step of steps) {
        done += 1;
        await this.#step(step);
      }
    } finally {
      for (const step of steps.slice(done)) releaseStep(step);
    }
  }

  /** Owns the frames of the step. */
  async #step(step: Scheduled): Promise<void> {
    const { before, frame, decision, timesteps, show } = step;
    this.#at = frame.pts;
    try {
      if (before && timesteps.length > 0) {
        if (decision === 'interpolate') await this.#interpolate(step, before);
        else if (decision) await this.#repeat(before, frame, timesteps, decision);
      }
      if (show !== undefined) await this.#put(frame.share({ pts: show }));
    } finally {
      releaseStep(step);
    }
  }

  /** The last frame for as long as the file says that it stands. */
  async #hold(frame: Frame): Promise<void> {
    const { scheduler, video } = this.#deps;
    const { end } = video;
    if (end === undefined || this.#counts.source < 2 || end - frame.pts < HELD * scheduler.sourceInterval) return;
    await this.#repeat(frame, frame, scheduler.next(end, true, true).between, 'duplicate');
  }

  async #interpolate(step: Scheduled, before: Frame): Promise<void> {
    const { timesteps } = step;
    for (let i = 0; i < timesteps.length; i += MAX_AT_ONCE) {
      await this.#make(step, before, timesteps.slice(i, i + MAX_AT_ONCE));
    }
  }

  async #make(
    { frame: b, area, pairBefore, pairAfter }: Scheduled,
    a: Frame,
    steps: readonly Timestep[],
  ): Promise<void> {
    const { minConfidence } = this.#deps;
    const job: InterpJob = {
      ...{ stream: 'convert', a, b, timesteps: steps.map((step) => step.t), minConfidence },
      ...(area ? { area } : {}),
      ...(pairBefore ? { before: pairBefore } : {}),
      ...(pairAfter ? { after: pairAfter } : {}),
    };
    const result = await this.#deps.tier.interpolate(job);
    if (result.status !== 'done') {
      throw new FrameliftError('engine.failed', `interpolation was refused (${result.reason})`);
    }
    try {
      if (isUnsure(result, minConfidence)) {
        await this.#repeat(a, b, steps, 'unsure');
        return;
      }
      this.#counts.interpolated += steps.length;
      for (const [i, frame] of result.frames.entries()) {
        await this.#put(frame.share({ pts: steps[i]?.pts ?? frame.pts }));
      }
    } finally {
      for (const frame of result.frames) frame.release();
    }
  }

  async #repeat(a: Frame, b: Frame, steps: readonly Timestep[], reason: RepeatReason): Promise<void> {
    this.#repeats[reason] = (this.#repeats[reason] ?? 0) + steps.length;
    for (const { pts, t } of steps) {
      const nearer = HELD_OVER.has(reason) || t < 0.5 ? a : b;
      await this.#put(nearer.share({ pts, provenance: { kind: 'repeated', t, reason } }));
    }
  }

  /** Owns `frame`. */
  async #put(frame: Frame): Promise<void> {
    const { writer, video, enlarger } = this.#deps;
    this.#counts.output += 1;
    if (!enlarger) return writer.write(frame, video.traits);
    const isSource = frame.provenance.kind !== 'synthetic';
    await writer.write(isSource ? await enlarger.enlarge(frame) : frame, enlargedTraits(video.traits));
  }
}

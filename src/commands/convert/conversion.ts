/** One conversion under way: source frames in, source and interpolated frames into a file. */
import type { FrameOutput, Unfinished } from '../../egress/file/writer.ts';
import { FrameliftError } from '../../errors.ts';
import type { VideoFile } from '../../ingest/file/video-file.ts';
import type { Tier } from '../../interp/engine/job.ts';
import type { Frame, RepeatReason } from '../../media/frame.ts';
import type { PairDecision } from '../../media/pair-decision.ts';
import { Pairing } from '../../pairing/pairing.ts';
import type { Scheduler, Timestep } from '../../pairing/scheduler.ts';
import type { Micros } from '../../time.ts';
import { keptTier } from './kept-tier.ts';
import { stopped } from './stopped.ts';

/** Frames that are interpolated at once: a gap of hours has any number. */
const MAX_AT_ONCE = 16;
/** In source intervals: a last frame that stands this long is held. */
const HELD = 1.75;

/** What a {@link Conversion} works with. */
export interface ConversionDeps {
  /** Path of the input, for messages. */
  readonly input: string;
  readonly video: Pick<VideoFile, 'traits' | 'isLossy' | 'end'>;
  /** Its frames, all of one size. */
  readonly frames: (signal: AbortSignal | undefined) => AsyncGenerator<Frame>;
  readonly tier: Pick<Tier, 'interpolate'>;
  readonly scheduler: Scheduler;
  readonly writer: FrameOutput;
}

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
  /** Repeats by reason: cut, duplicate. */
  readonly repeatedBecause: Readonly<Record<string, number>>;
  readonly width: number;
  readonly height: number;
}

/** Pairs each frame with the one before, has the gap filled, and writes it all in order. Runs once. */
export class Conversion {
  readonly #deps: ConversionDeps;
  /** A file has no losses but those it tells of: a long gap is a time lapse, or a picture that stood. */
  readonly #pairing = new Pairing({ anyGap: true });
  readonly #repeats: Record<string, number> = {};
  readonly #counts = { source: 0, output: 0, interpolated: 0 };
  #size = { width: 0, height: 0 };
  /** Time of the last source frame. */
  #at: Micros | undefined;

  constructor(deps: ConversionDeps) {
    this.#deps = { ...deps, tier: keptTier(deps.tier, deps.writer) };
  }

  /** What has been written so far. */
  get result(): ConversionResult {
    const { source, output, interpolated } = this.#counts;
    const repeated = Object.values(this.#repeats).reduce((a, b) => a + b, 0);
    const frames = { sourceFrames: source, outputFrames: output, interpolated, repeated };
    return { ...frames, repeatedBecause: { ...this.#repeats }, ...this.#size };
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
      throw stopped(error, { input, source: this.#counts.source, at: this.#at, made: await writer.stop() });
    }
    return signal?.aborted ? writer.stop() : undefined;
  }

  async #convert(signal: AbortSignal | undefined, onFrame: (counts: ConversionCounts) => void): Promise<void> {
    let before: Frame | undefined;
    try {
      for await (const frame of this.#deps.frames(signal)) {
        const last = before;
        before = frame;
        await this.#step(last, frame);
        this.#restore(await this.#deps.writer.endStep({ interpolated: this.#counts.interpolated, ...this.#repeats }));
        onFrame(this.#counts);
      }
      if (before && !signal?.aborted) await this.#hold(before);
      if (!before && !signal?.aborted) {
        throw new FrameliftError('source.no-video', `${this.#deps.input} holds no frame that can be decoded`);
      }
    } finally {
      before?.release();
    }
  }

  /** Takes over what a run before has counted: this one has not looked at its frames. */
  #restore(counts: Readonly<Record<string, number>> | undefined): void {
    if (!counts) return;
    const { interpolated = 0, ...repeats } = counts;
    this.#counts.interpolated = interpolated;
    for (const reason of Object.keys(this.#repeats)) delete this.#repeats[reason];
    Object.assign(this.#repeats, repeats);
  }

  /** Owns `last`, borrows `frame`. */
  async #step(last: Frame | undefined, frame: Frame): Promise<void> {
    const { scheduler, video } = this.#deps;
    this.#size = { width: frame.width, height: frame.height };
    this.#counts.source += 1;
    this.#at = frame.pts;
    let show: Micros | undefined;
    try {
      const decision = this.#pairing.next(frame);
      // What breaks in a file is held over like a cut: its times go on.
      const lossy = last !== undefined && video.isLossy(last.pts, frame.pts);
      const plan = scheduler.next(frame.pts, last !== undefined, lossy);
      show = plan.show;
      if (last && decision && plan.between.length > 0) await this.#fill(last, frame, plan.between, decision);
    } finally {
      last?.release();
    }
    if (show !== undefined) await this.#write(frame.share({ pts: show }));
  }

  /** Fills the time for which the last frame stands, where that is longer than frames usually do. Borrows `frame`. */
  async #hold(frame: Frame): Promise<void> {
    const { scheduler, video } = this.#deps;
    const { end } = video;
    if (end === undefined || this.#counts.source < 2 || end - frame.pts < HELD * scheduler.sourceInterval) return;
    await this.#repeat(frame, frame, scheduler.next(end, true, true).between, 'duplicate');
  }

  /** Writes the frames between two source frames. */
  #fill(a: Frame, b: Frame, steps: readonly Timestep[], decision: PairDecision): Promise<void> {
    return decision === 'interpolate' ? this.#interpolate(a, b, steps) : this.#repeat(a, b, steps, decision);
  }

  async #interpolate(a: Frame, b: Frame, steps: readonly Timestep[]): Promise<void> {
    for (let i = 0; i < steps.length; i += MAX_AT_ONCE) await this.#make(a, b, steps.slice(i, i + MAX_AT_ONCE));
  }

  async #make(a: Frame, b: Frame, steps: readonly Timestep[]): Promise<void> {
    const timesteps = steps.map((step) => step.t);
    const { area } = this.#pairing;
    const result = await this.#deps.tier.interpolate({
      ...{ stream: 'convert', a, b, timesteps },
      ...(area ? { area } : {}),
    });
    if (result.status !== 'done') {
      throw new FrameliftError('engine.failed', `interpolation was refused (${result.reason})`);
    }
    this.#counts.interpolated += steps.length;
    try {
      for (const [i, frame] of result.frames.entries()) {
        await this.#write(frame.share({ pts: steps[i]?.pts ?? frame.pts }));
      }
    } finally {
      for (const frame of result.frames) frame.release();
    }
  }

  async #repeat(a: Frame, b: Frame, steps: readonly Timestep[], reason: RepeatReason): Promise<void> {
    this.#repeats[reason] = (this.#repeats[reason] ?? 0) + steps.length;
    for (const { pts, t } of steps) {
      const nearer = reason === 'duplicate' && t >= 0.5 ? b : a;
      await this.#write(nearer.share({ pts, provenance: { kind: 'repeated', t, reason } }));
    }
  }

  /** Owns `frame`. */
  async #write(frame: Frame): Promise<void> {
    const { writer, video } = this.#deps;
    this.#counts.output += 1;
    await writer.write(frame, video.traits);
  }
}

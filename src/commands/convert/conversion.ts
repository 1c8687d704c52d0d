/** One conversion under way: source frames in, source and interpolated frames into a file. */
import type { FileWriter } from '../../egress/file/writer.ts';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { VideoFile } from '../../ingest/file/video-file.ts';
import type { Tier } from '../../interp/engine/job.ts';
import type { Frame, RepeatReason } from '../../media/frame.ts';
import type { PairDecision } from '../../media/pair-decision.ts';
import { Pairing } from '../../pairing/pairing.ts';
import type { Scheduler, Timestep } from '../../pairing/scheduler.ts';
import { fromMs, type Micros, minus, toSeconds } from '../../time.ts';

/** A gap this long is a broken timestamp: filling it would write frames for minutes. */
const MAX_JUMP = fromMs(60_000);

/** What a {@link Conversion} works with. */
export interface ConversionDeps {
  /** Path of the input, for messages. */
  readonly input: string;
  readonly video: Pick<VideoFile, 'frames' | 'traits'>;
  readonly tier: Pick<Tier, 'interpolate'>;
  readonly scheduler: Scheduler;
  readonly writer: Pick<FileWriter, 'write' | 'finish'>;
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
  readonly #pairing = new Pairing();
  readonly #repeats: Record<string, number> = {};
  readonly #counts = { source: 0, output: 0, interpolated: 0 };
  #size = { width: 0, height: 0 };
  /** What the input broke off with. */
  #broken: unknown;

  constructor(deps: ConversionDeps) {
    this.#deps = deps;
  }

  /** What has been written so far. */
  get result(): ConversionResult {
    const { source, output, interpolated } = this.#counts;
    const repeated = Object.values(this.#repeats).reduce((a, b) => a + b, 0);
    const frames = { sourceFrames: source, outputFrames: output, interpolated, repeated };
    return { ...frames, repeatedBecause: { ...this.#repeats }, ...this.#size };
  }

  /**
   * Converts until the input ends, or `signal` aborts, and finishes the file. @param onFrame called after each source frame.
   * @throws FrameliftError as `convert`; of an input that breaks off once the file holds what came before.
   */
  async run(signal: AbortSignal | undefined, onFrame: (counts: ConversionCounts) => void): Promise<void> {
    let before: Frame | undefined;
    try {
      for await (const frame of this.#frames(signal)) {
        const last = before;
        before = frame;
        await this.#step(last, frame);
        onFrame(this.#counts);
      }
      await this.#deps.writer.finish();
    } finally {
      before?.release();
    }
    if (this.#broken) throw asFrameliftError(this.#broken, 'source.protocol');
  }

  /** The frames of the input; where it breaks off, what is there is still worth finishing. */
  async *#frames(signal: AbortSignal | undefined): AsyncGenerator<Frame> {
    try {
      yield* this.#deps.video.frames(signal);
    } catch (error) {
      if (this.#counts.source === 0) throw error;
      this.#broken = error;
    }
  }

  /** Owns `last`, borrows `frame`. */
  async #step(last: Frame | undefined, frame: Frame): Promise<void> {
    const { input, scheduler } = this.#deps;
    this.#size = { width: frame.width, height: frame.height };
    this.#counts.source += 1;
    let show: Micros | undefined;
    try {
      const decision = this.#pairing.next(frame);
      if (last && minus(frame.pts, last.pts) > MAX_JUMP) throw jumped(input, last.pts, frame.pts);
      // A file has no losses: a jump of its timestamps is held over, not cut out.
      const plan = scheduler.next(frame.pts, last !== undefined && frame.pts > last.pts && !frame.discontinuity);
      show = plan.show;
      if (last && decision && plan.between.length > 0) await this.#fill(last, frame, plan.between, decision);
    } finally {
      last?.release();
    }
    if (show !== undefined) await this.#write(frame.share({ pts: show }));
  }

  /** Writes the frames between two source frames. */
  #fill(a: Frame, b: Frame, steps: readonly Timestep[], decision: PairDecision): Promise<void> {
    return decision === 'interpolate' ? this.#interpolate(a, b, steps) : this.#repeat(a, b, steps, decision);
  }

  async #interpolate(a: Frame, b: Frame, steps: readonly Timestep[]): Promise<void> {
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
      const nearer = reason === 'cut' || t < 0.5 ? a : b;
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

function jumped(input: string, from: Micros, to: Micros): FrameliftError {
  return new FrameliftError(
    'source.protocol',
    `${input}: the timestamps jump by ${toSeconds(minus(to, from)).toFixed(0)} s at ${toSeconds(from).toFixed(2)} s`,
    { remedy: 'Repair the file first, e.g. ffmpeg -i in -c copy -fflags +genpts out.' },
  );
}

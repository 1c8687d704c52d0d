/** One conversion under way: source frames in, source and interpolated frames into a file. */
import type { FileWriter } from '../../egress/file/writer.ts';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { VideoFile } from '../../ingest/file/video-file.ts';
import type { Tier } from '../../interp/engine/job.ts';
import type { Frame, RepeatReason } from '../../media/frame.ts';
import type { PairDecision } from '../../media/pair-decision.ts';
import type { Scheduled } from '../../pairing/operators.ts';
import { PairPlanner } from '../../pairing/pair-planner.ts';
import type { Scheduler, Timestep } from '../../pairing/scheduler.ts';
import { fromMs, type Micros, minus, toSeconds } from '../../time.ts';

/** A gap this long is a broken timestamp: filling it would write frames for minutes. */
const MAX_JUMP = fromMs(60_000);

/** Memory for frames that are looked ahead at: 24 of 2560 × 1440, 8 bits. */
const LOOK_AHEAD_BYTES = 160 * 2 ** 20;

/** What a {@link Conversion} works with. */
export interface ConversionDeps {
  /** Path of the input, for messages. */
  readonly input: string;
  readonly video: Pick<VideoFile, 'frames' | 'traits'>;
  readonly tier: Pick<Tier, 'interpolate'>;
  readonly scheduler: Scheduler;
  /** Whether repeated pictures are looked for, and interpolated across. */
  readonly cadence: boolean;
  /** Below this confidence the nearer source frame is repeated, 0…1. */
  readonly minConfidence: number;
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
  /** Repeats by reason: cut, duplicate, unsure. */
  readonly repeatedBecause: Readonly<Record<string, number>>;
  /** Source frames that showed the picture before them once more, and gave way to interpolated ones. */
  readonly cadenceRepeats: number;
  /** Pictures a second where there were such, over all those stretches. */
  readonly drawnFps: number | undefined;
  readonly width: number;
  readonly height: number;
}

/** Pairs each frame with the one before, has the gap filled, and writes it all in order. Runs once. */
export class Conversion {
  readonly #deps: ConversionDeps;
  readonly #planner: PairPlanner;
  readonly #repeats: Record<string, number> = {};
  readonly #counts = { source: 0, output: 0, interpolated: 0 };
  #size = { width: 0, height: 0 };
  #lastPts: Micros | undefined;
  /** What the input broke off with. */
  #broken: unknown;

  constructor(deps: ConversionDeps) {
    this.#deps = deps;
    const { scheduler, cadence } = deps;
    this.#planner = new PairPlanner({ scheduler, cadence, lookAhead: LOOK_AHEAD_BYTES });
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
   * Converts until the input ends, or `signal` aborts, and finishes the file. @param onFrame called after each source frame.
   * @throws FrameliftError as `convert`; of an input that breaks off once the file holds what came before.
   */
  async run(signal: AbortSignal | undefined, onFrame: (counts: ConversionCounts) => void): Promise<void> {
    try {
      for await (const frame of this.#frames(signal)) {
        await this.#write(this.#planner.push(this.#checked(frame)));
        this.#counts.source = this.#planner.taken;
        onFrame(this.#counts);
      }
      // Who stops it does not wait for what is looked ahead at.
      if (!signal?.aborted || this.#planner.taken === 0) await this.#write(this.#planner.end());
      this.#counts.source = this.#planner.taken;
      await this.#deps.writer.finish();
    } finally {
      this.#planner.close();
    }
    if (this.#broken) throw asFrameliftError(this.#broken, 'source.protocol');
  }

  /** The frames of the input; where it breaks off, what is there is still worth finishing. */
  async *#frames(signal: AbortSignal | undefined): AsyncGenerator<Frame> {
    try {
      yield* this.#deps.video.frames(signal);
    } catch (error) {
      if (this.#lastPts === undefined) throw error;
      this.#broken = error;
    }
  }

  /** Borrows `frame`. */
  #checked(frame: Frame): Frame {
    const { width, height, pts } = frame;
    const last = this.#lastPts;
    if (last !== undefined && minus(pts, last) > MAX_JUMP) {
      frame.release();
      throw jumped(this.#deps.input, last, pts);
    }
    this.#lastPts = pts;
    this.#size = { width, height };
    return frame;
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
      for (const step of steps.slice(done)) release(step);
    }
  }

  /** Owns the frames of the step. */
  async #step(step: Scheduled): Promise<void> {
    const { before, frame, decision, timesteps, show } = step;
    try {
      if (before && decision && timesteps.length > 0) await this.#fill(before, frame, timesteps, decision);
      if (show !== undefined) await this.#put(frame.share({ pts: show }));
    } finally {
      release(step);
    }
  }

  /** Writes the frames between two source frames. */
  #fill(a: Frame, b: Frame, steps: readonly Timestep[], decision: PairDecision): Promise<void> {
    return decision === 'interpolate' ? this.#interpolate(a, b, steps) : this.#repeat(a, b, steps, decision);
  }

  async #interpolate(a: Frame, b: Frame, steps: readonly Timestep[]): Promise<void> {
    const timesteps = steps.map((step) => step.t);
    const result = await this.#deps.tier.interpolate({ stream: 'convert', a, b, timesteps });
    if (result.status !== 'done') {
      throw new FrameliftError('engine.failed', `interpolation was refused (${result.reason})`);
    }
    try {
      const { confidence } = result;
      if (confidence !== undefined && confidence < this.#deps.minConfidence) {
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
      const nearer = reason === 'cut' || t < 0.5 ? a : b;
      await this.#put(nearer.share({ pts, provenance: { kind: 'repeated', t, reason } }));
    }
  }

  /** Owns `frame`. */
  async #put(frame: Frame): Promise<void> {
    const { writer, video } = this.#deps;
    this.#counts.output += 1;
    await writer.write(frame, video.traits);
  }
}

function release({ before, frame }: Scheduled): void {
  before?.release();
  frame.release();
}

function jumped(input: string, from: Micros, to: Micros): FrameliftError {
  return new FrameliftError(
    'source.protocol',
    `${input}: the timestamps jump by ${toSeconds(minus(to, from)).toFixed(0)} s at ${toSeconds(from).toFixed(2)} s`,
    { remedy: 'Repair the file first, e.g. ffmpeg -i in -c copy -fflags +genpts out.' },
  );
}

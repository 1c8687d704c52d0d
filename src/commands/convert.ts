/** Offline conversion: the pipeline's parts without clock and deadline. Deterministic: every gap between two frames of a scene is interpolated. */

import { statSync } from 'node:fs';
import { DEFAULT_MODEL, type ProfileName, profileOf, targetOf } from '../config/profile.ts';
import { type FileCodec, FileWriter } from '../egress/file-writer.ts';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import { openVideoFile } from '../ingest/file/source.ts';
import { InterpEngine } from '../interp/engine/engine.ts';
import { lumaOnly } from '../interp/models/luma-only.ts';
import { requireTimes, resolveModel } from '../interp/models/manifest.ts';
import type { ProviderChoice } from '../interp/providers/provider.ts';
import { ProviderTrials } from '../interp/providers/trial.ts';
import { Arena } from '../media/arena.ts';
import type { Frame, RepeatReason } from '../media/frame.ts';
import type { PairDecision } from '../media/pair-decision.ts';
import { noEvents } from '../metrics/events.ts';
import { Pairing } from '../pairing/pairing.ts';
import { Scheduler, type Timestep } from '../pairing/scheduler.ts';
import { type Clock, fromMs, type Micros, minus, systemClock, toSeconds } from '../time.ts';

/** A gap this long is a broken timestamp: filling it would write frames for minutes. */
const LONGEST_JUMP = fromMs(60_000);

/** Options of {@link convert}. */
export interface ConvertOptions {
  readonly input: string;
  readonly output: string;
  readonly fps?: number | undefined;
  readonly factor?: number | undefined;
  /** Model id, `blend`, `repeat`, or a path. Default: the profile's, else `flow-s`. */
  readonly model?: string | undefined;
  /** Model, rate and colour that fit what the pictures are of. Every frame counts as one of its own. */
  readonly profile?: ProfileName | undefined;
  readonly threads?: number | undefined;
  /** Execution provider of the network. Default `auto`: the fastest that gives the pictures of the CPU. */
  readonly provider?: ProviderChoice | undefined;
  /** How much of a real frame's noise made frames get back, 0…1. Default: the model's own setting. */
  readonly grain?: number | undefined;
  readonly codec: string;
  readonly crf: number;
  /** Stops early; the file then holds what was done so far. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly onProgress?: (progress: ConvertProgress) => void;
}

/** How far a conversion is. */
export interface ConvertProgress {
  /** Source frames done. */
  readonly done: number;
  /** Source frames in all, if the container tells. */
  readonly total: number | undefined;
  /** Output frames per second so far. */
  readonly fps: number;
}

/** What a conversion did. */
export interface ConvertResult {
  readonly input: string;
  readonly output: string;
  readonly model: string;
  /** Execution provider that the model ran on. */
  readonly provider: string;
  readonly sourceFrames: number;
  readonly outputFrames: number;
  readonly interpolated: number;
  readonly repeated: number;
  /** Repeats by reason: cut, duplicate. */
  readonly repeatedBecause: Readonly<Record<string, number>>;
  readonly width: number;
  readonly height: number;
  /** True when it was stopped by the signal: the output holds what was done so far. */
  readonly interrupted: boolean;
  /** Degrees by which the input asks to be turned for display; not applied, and not carried over. */
  readonly rotation: number;
  readonly seconds: number;
}

/**
 * Converts `input`. At a factor of N, n source frames give N·(n−1)+1 output frames, and the source frames among them are
 * untouched before encoding. Across a scene cut the earlier frame is repeated: no frame mixes two scenes. A file that breaks
 * off is converted up to its break, then the break is thrown.
 * @throws FrameliftError `config.invalid`, `source.*`, `model.*`, `provider.unusable`, `encode.failed`, `mux.failed`.
 */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  const clock = options.clock ?? systemClock;
  const codec = fileCodec(options.codec);
  const profile = profileOf(options.profile);
  const target = targetOf(options, profile);
  refuseSameFile(options.input, options.output);
  const model = await resolveModel(options.model ?? profile?.model ?? DEFAULT_MODEL);
  const arena = new Arena(1024);
  await using video = await openVideoFile({ path: options.input, stream: 'convert', arena, clock, events: noEvents });
  const threads = options.threads === undefined ? {} : { threads: options.threads };
  const { provider } = await new ProviderTrials(threads).select(model, options.provider ?? 'auto');
  await using engine = await InterpEngine.start({
    arena,
    clock,
    events: noEvents,
    model,
    provider,
    // One pair at a time.
    batch: 1,
    ...threads,
    ...(options.grain === undefined ? {} : { grain: options.grain }),
  });
  const nominal = video.info.fps ? video.info.fps.num / video.info.fps.den : undefined;
  const maker = profile?.lumaOnly ? lumaOnly(engine) : engine;
  const scheduler = new Scheduler(target, { fps: nominal });
  scheduler.assume(nominal);
  await requireTimes(engine, scheduler.multiple ?? 0);
  const rate = target.kind === 'fps' ? target.fps : (nominal ?? 30) * (scheduler.multiple ?? target.factor);
  await using writer = await FileWriter.open({
    path: options.output,
    codec,
    crf: options.crf,
    fps: { num: Math.round(rate * 1000), den: 1000 },
  });
  const pairing = new Pairing();
  const counts = { source: 0, output: 0, interpolated: 0 };
  const repeats: Record<string, number> = {};
  const started = clock.now();
  let size = { width: 0, height: 0 };
  let before: Frame | undefined;
  let broken: unknown;

  const write = async (frame: Frame): Promise<void> => {
    counts.output += 1;
    await writer.write(frame, video.colour);
  };

  /** Writes the frames between two source frames. */
  const fill = async (a: Frame, b: Frame, steps: readonly Timestep[], decision: PairDecision): Promise<void> => {
    if (decision === 'interpolate') {
      const result = await maker.interpolate({ stream: 'convert', a, b, timesteps: steps.map((step) => step.t) });
      if (result.status !== 'done') {
        throw new FrameliftError('engine.failed', `interpolation was refused (${result.reason})`);
      }
      counts.interpolated += steps.length;
      try {
        for (const [i, frame] of result.frames.entries()) await write(frame.share({ pts: steps[i]?.pts ?? frame.pts }));
      } finally {
        for (const frame of result.frames) frame.release();
      }
      return;
    }
    const reason: RepeatReason = decision;
    repeats[reason] = (repeats[reason] ?? 0) + steps.length;
    for (const { pts, t } of steps) {
      const nearer = decision === 'cut' || t < 0.5 ? a : b;
      await write(nearer.share({ pts, provenance: { kind: 'repeated', t, reason } }));
    }
  };

  /** The frames of the input; where it breaks off, what is there is still worth finishing. */
  async function* frames(): AsyncGenerator<Frame> {
    try {
      yield* video.frames(options.signal);
    } catch (error) {
      if (counts.source === 0) throw error;
      broken = error;
    }
  }

  try {
    for await (const frame of frames()) {
      const last = before;
      before = frame;
      size = { width: frame.width, height: frame.height };
      counts.source += 1;
      let show: Micros | undefined;
      const decision = pairing.next(frame);
      // A file has no losses: a jump of its timestamps is held over, not cut out.
      try {
        if (last && minus(frame.pts, last.pts) > LONGEST_JUMP) throw jumped(options.input, last.pts, frame.pts);
        const plan = scheduler.next(frame.pts, last !== undefined && frame.pts > last.pts && !frame.discontinuity);
        show = plan.show;
        if (last && decision && plan.between.length > 0) await fill(last, frame, plan.between, decision);
      } finally {
        last?.release();
      }
      if (show !== undefined) await write(frame.share({ pts: show }));
      const seconds = toSeconds(minus(clock.now(), started));
      options.onProgress?.({
        done: counts.source,
        total: video.info.frames,
        fps: counts.output / Math.max(seconds, 1e-3),
      });
    }
    await writer.finish();
  } finally {
    before?.release();
  }
  if (broken) throw asFrameliftError(broken, 'source.protocol');
  return {
    input: options.input,
    output: options.output,
    model: engine.model,
    provider,
    sourceFrames: counts.source,
    outputFrames: counts.output,
    interpolated: counts.interpolated,
    repeated: Object.values(repeats).reduce((a, b) => a + b, 0),
    repeatedBecause: repeats,
    ...size,
    interrupted: options.signal?.aborted ?? false,
    rotation: video.info.rotation,
    seconds: toSeconds(minus(clock.now(), started)),
  };
}

/** @throws FrameliftError `config.invalid` when writing the output would destroy the input. */
function refuseSameFile(input: string, output: string): void {
  const [from, to] = [input, output].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (from && to && from.dev === to.dev && from.ino === to.ino) {
    throw new FrameliftError('config.invalid', `"${output}" is the input itself`, {
      remedy: 'Give another name for the output.',
    });
  }
}

function jumped(input: string, from: Micros, to: Micros): FrameliftError {
  return new FrameliftError(
    'source.protocol',
    `${input}: the timestamps jump by ${toSeconds(minus(to, from)).toFixed(0)} s at ${toSeconds(from).toFixed(2)} s`,
    { remedy: 'Repair the file first, e.g. ffmpeg -i in -c copy -fflags +genpts out.' },
  );
}

function fileCodec(name: string): FileCodec {
  if (name === 'h264' || name === 'ffv1') return name;
  throw new FrameliftError('config.invalid', `codec "${name}" is unknown`, {
    remedy: 'Use --codec h264 or --codec ffv1.',
  });
}

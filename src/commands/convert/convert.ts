/** Offline conversion: the pipeline's parts without clock and deadline. Deterministic: every gap between two frames of a scene is interpolated. */

import { statSync } from 'node:fs';
import { DEFAULT_MIN_CONFIDENCE, DEFAULT_MODEL, type ProfileName, profileOf, targetOf } from '../../config/profile.ts';
import { fileCodec } from '../../egress/file/codecs.ts';
import { FileWriter } from '../../egress/file/writer.ts';
import { FrameliftError } from '../../errors.ts';
import type { DeinterlaceChoice } from '../../ingest/decode/deinterlacer.ts';
import { openVideoFile } from '../../ingest/file/video-file.ts';
import { InterpEngine } from '../../interp/engine/engine.ts';
import { lumaOnly } from '../../interp/engine/luma-only.ts';
import { type ModelSpec, requireTimes, resolveModel } from '../../interp/models/manifest.ts';
import type { ReferenceModel } from '../../interp/models/reference.ts';
import type { ProviderChoice } from '../../interp/providers/provider.ts';
import { ProviderTrials } from '../../interp/providers/trial.ts';
import { Arena } from '../../media/arena.ts';
import { noEvents } from '../../metrics/events.ts';
import type { CadenceChoice } from '../../pairing/cadence.ts';
import { Scheduler } from '../../pairing/scheduler.ts';
import { type Clock, minus, systemClock, toSeconds } from '../../time.ts';
import { cadenceNote, deinterlacedNote } from './cadence-note.ts';
import { Conversion, type ConversionResult } from './conversion.ts';

/**
 * Memory for frames and tensors: a pair of 8K frames in 10-bit 4:2:2, which are 180 MB each, and what lies between them at
 * a factor of 4. Untouched memory costs nothing.
 */
const ARENA_MB = 2048;
/** Taken where a container declares no rate. */
const DEFAULT_FPS = 30;

/** Options of {@link convert}. */
export interface ConvertOptions {
  readonly input: string;
  readonly output: string;
  readonly fps?: number | undefined;
  readonly factor?: number | undefined;
  /** Model id, `blend`, `repeat`, or a path. Default: the profile's, else `flow-s`. */
  readonly model?: string | undefined;
  /** Model, rate and colour that fit what the video shows. */
  readonly profile?: ProfileName | undefined;
  readonly threads?: number | undefined;
  /** Execution provider of the network. Default `auto`: the fastest that agrees with the CPU. */
  readonly provider?: ProviderChoice | undefined;
  /** How much of a real frame's noise interpolated frames get back, 0…1. Default: the model's own setting. */
  readonly grain?: number | undefined;
  /** Whether frames that hold two fields become a picture of each. Default `auto`: where they are found. */
  readonly deinterlace?: DeinterlaceChoice | undefined;
  /**
   * `auto`: repeated pictures (animation on twos, film in 30 frames a second) are found, and
   * interpolated across. Default `auto`.
   */
  readonly cadence?: CadenceChoice | undefined;
  /** Below this confidence the nearer source frame is repeated, 0…1. Default: that of live streams. */
  readonly minConfidence?: number | undefined;
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
export interface ConvertResult extends ConversionResult {
  readonly input: string;
  readonly output: string;
  readonly model: string;
  /** Execution provider that the model ran on. */
  readonly provider: string;
  /** True when it was stopped by the signal: the output holds what was done so far. */
  readonly interrupted: boolean;
  /** What is worth knowing about it: what was lost, found or decided, a sentence each. */
  readonly notes: readonly string[];
  readonly seconds: number;
}

/**
 * Converts `input`. At a factor of N, n source frames give N·(n−1)+1 output frames, and the source frames among them are
 * untouched before encoding. Across a scene cut the earlier frame is repeated: no frame mixes two scenes. A file that breaks
 * off is converted up to its break, then the break is thrown.
 * @throws FrameliftError `config.invalid`, `source.*`, `model.*`, `provider.unusable`, `encode.failed`, `mux.failed`.
 */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  const { input, output, clock = systemClock, signal } = options;
  const codec = fileCodec(options.codec);
  const profile = profileOf(options.profile);
  const target = targetOf(options, profile);
  refuseSameFile(input, output);
  const arena = new Arena(ARENA_MB);
  const model = await resolveModel(options.model ?? profile?.model ?? DEFAULT_MODEL);
  await using video = await openVideoFile({
    ...{ path: input, stream: 'convert', keepForm: true },
    deinterlace: options.deinterlace ?? 'auto',
    arena,
    clock,
    events: noEvents,
  });
  await using engine = await startEngine(options, model, arena, clock);
  const { info } = video;
  const notes: string[] = [];
  if (info.rotation !== 0) notes.push(`the input asks to be turned by ${info.rotation}°; the output does not say so`);
  const fields = deinterlacedNote(video.traits, info.fps);
  if (fields !== undefined) notes.push(fields);
  if (profile?.notice !== undefined) notes.push(profile.notice);
  const nominal = info.fps ? info.fps.num / info.fps.den : undefined;
  const scheduler = new Scheduler(target, { fps: nominal });
  scheduler.assume(nominal);
  await requireTimes(engine, scheduler.multiple ?? 0);
  const rate = target.kind === 'fps' ? target.fps : (nominal ?? DEFAULT_FPS) * (scheduler.multiple ?? target.factor);
  const fps = { num: Math.round(rate * 1000), den: 1000 };
  await using writer = await FileWriter.open({ path: output, codec, crf: options.crf, fps });
  const tier = profile?.lumaOnly ? lumaOnly(engine) : engine;
  const { minConfidence = DEFAULT_MIN_CONFIDENCE } = options;
  const cadence = (options.cadence ?? 'auto') === 'auto' && engine.times === 'any';
  const conversion = new Conversion({ input, video, tier, scheduler, cadence, minConfidence, writer });
  const started = clock.now();
  const seconds = (): number => toSeconds(minus(clock.now(), started));
  await conversion.run(signal, ({ source, output: done }) => {
    options.onProgress?.({ done: source, total: info.frames, fps: done / Math.max(seconds(), 1e-3) });
  });
  const repeats = cadenceNote(conversion.result, nominal);
  if (repeats !== undefined) notes.push(repeats);
  return {
    input,
    output,
    model: engine.model,
    provider: engine.provider,
    ...conversion.result,
    interrupted: signal?.aborted ?? false,
    notes: [...notes, ...writer.lost],
    seconds: seconds(),
  };
}

/** An engine that works on one pair at a time. */
async function startEngine(
  { threads, provider, grain }: ConvertOptions,
  model: ModelSpec | ReferenceModel,
  arena: Arena,
  clock: Clock,
): Promise<InterpEngine> {
  const some = threads === undefined ? {} : { threads };
  const selection = await new ProviderTrials(some).select(model, provider ?? 'auto');
  return InterpEngine.start({
    ...{ arena, clock, events: noEvents, model, provider: selection.provider, batch: 1 },
    ...some,
    ...(grain === undefined ? {} : { grain }),
  });
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

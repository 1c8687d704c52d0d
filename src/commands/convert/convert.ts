/** Offline conversion: the pipeline's parts without clock and deadline. Deterministic: every gap between two frames of a scene is interpolated. */

import { statSync } from 'node:fs';
import { minConfidenceOf, type ProfileName, profileOf, targetOf } from '../../config/profile.ts';
import { planOutput } from '../../egress/file/formats.ts';
import { isPlainFile, type OpenOutputOptions, openOutput } from '../../egress/file/output.ts';
import { OutputFile } from '../../egress/file/output-file.ts';
import type { Unfinished } from '../../egress/file/writer.ts';
import { FrameliftError } from '../../errors.ts';
import type { DeinterlaceChoice } from '../../ingest/decode/deinterlacer.ts';
import { imagesNote } from '../../ingest/file/images.ts';
import { openVideoFile } from '../../ingest/file/video-file.ts';
import { InterpEngine } from '../../interp/engine/engine.ts';
import { lumaOnly } from '../../interp/engine/luma-only.ts';
import { withinArea } from '../../interp/engine/within-area.ts';
import { type ModelSpec, requireTimes } from '../../interp/models/manifest.ts';
import type { ReferenceModel } from '../../interp/models/reference.ts';
import type { ProviderChoice } from '../../interp/providers/provider.ts';
import { ProviderTrials } from '../../interp/providers/trial.ts';
import { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import { perSecond, type Rational } from '../../media/rate.ts';
import { noEvents } from '../../metrics/events.ts';
import type { CadenceChoice } from '../../pairing/cadence.ts';
import type { LookaheadChoice } from '../../pairing/neighbours.ts';
import { type Clock, minus, systemClock, toSeconds } from '../../time.ts';
import { cadenceNote, deinterlacedNote } from './cadence-note.ts';
import { besides, type CarryOptions, carry } from './carry.ts';
import { Conversion, type ConversionResult, type UsedNeighbours } from './conversion.ts';
import { Enlarger } from './enlarger.ts';
import { identityOf } from './identity.ts';
import { type InputFaults, inputFaults } from './input-notes.ts';
import { keptNote } from './kept-tier.ts';
import { oneSize } from './one-size.ts';
import { outputRate } from './output-rate.ts';
import { type ConvertProgress, progressOf } from './progress.ts';
import { checkScale, enlargedNote, modelFor } from './scale.ts';

/**
 * Memory for frames and tensors: a pair of 8K frames in 10-bit 4:2:2, which are 180 MB each, those before and after it, and
 * what lies between them at a factor of 4: 1.5 GB. Untouched memory costs nothing.
 */
const ARENA_MB = 2048;

/** Options of {@link convert}. */
export interface ConvertOptions extends CarryOptions {
  readonly input: string;
  readonly fps?: number | undefined;
  readonly factor?: number | undefined;
  /** Model id, `blend`, `repeat`, or a path. Default: the profile's, else `flow-s`. */
  readonly model?: string | undefined;
  /** Model, rate and colour that fit what the video shows. */
  readonly profile?: ProfileName | undefined;
  /** Pictures are made so many times as large each way, by a model that does: 2 or 4. Default: as the model does. */
  readonly scale?: number | undefined;
  readonly threads?: number | undefined;
  /** Execution provider of the network. Default `auto`: the fastest that agrees with the CPU. */
  readonly provider?: ProviderChoice | undefined;
  /** How much of a real frame's noise interpolated frames get back, 0…1. Default: the model's own setting. */
  readonly grain?: number | undefined;
  /** Default: what the output's format usually holds. */
  readonly codec?: string | undefined;
  /** Constant quality, 0 (best) to the codec's own end. Default: the codec's own. */
  readonly crf?: number | undefined;
  /** Mean bits per second instead. */
  readonly bitrate?: number | undefined;
  /** The codec's own name of a balance of speed and size. */
  readonly preset?: string | undefined;
  /** Format of the standard output. */
  readonly format?: string | undefined;
  /** What the output `-` writes to. */
  readonly stdout?: OpenOutputOptions['stdout'];
  /** Frames per second of an input of numbered images, which have no times. */
  readonly inputFps?: Rational | undefined;
  /** Whether frames that hold two fields become a picture of each. Default `auto`: where they are found. */
  readonly deinterlace?: DeinterlaceChoice | undefined;
  /**
   * `auto`: repeated pictures (animation on twos, film in 30 frames a second) are found, and
   * interpolated across. Default `auto`.
   */
  readonly cadence?: CadenceChoice | undefined;
  /**
   * `on`: where a motion is between two frames, and what text stands still, is told by the pair before and the pair after;
   * `off`: by the one before alone, as in live streams. Default `on`.
   */
  readonly lookahead?: LookaheadChoice | undefined;
  /** Below this confidence the nearer source frame is shown, of cells or of all, 0…1. Default: the profile's, as in live streams. */
  readonly minConfidence?: number | undefined;
  /** Replaces an existing output, and starts again where an unfinished one is left. */
  readonly overwrite?: boolean | undefined;
  /** Goes on from an unfinished output, frame-exactly. */
  readonly resume?: boolean | undefined;
  /** Asked before an existing output is replaced. Default: it is not replaced. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined;
  /** Stops early; what was done so far is then in a file beside the output. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly onProgress?: (progress: ConvertProgress) => void;
}

/** What a conversion did. */
export interface ConvertResult extends ConversionResult, Omit<InputFaults, 'notes'> {
  readonly input: string;
  readonly output: string;
  readonly model: string;
  /** Execution provider that the model ran on. */
  readonly provider: string;
  /** The pairs beside each pair by which the model told how its motion changes. */
  readonly acceleration: UsedNeighbours;
  /** True when it was stopped by the signal: there is no output, but `unfinished`. */
  readonly interrupted: boolean;
  /** What there is of an output that is not complete. */
  readonly unfinished?: Unfinished;
  /** Output frames that a run before had made. */
  readonly kept: number;
  /** What is worth knowing about it: what was lost, found or decided, a sentence each. */
  readonly notes: readonly string[];
  readonly seconds: number;
}

/**
 * Converts `input`. At a factor of N, n source frames give N·(n−1)+1 output frames, and the source frames among them are
 * untouched before encoding. Across a scene cut the earlier frame is repeated: no frame mixes two scenes. The output has its
 * name once it is complete; whatever stops a conversion midway, all that was made is in a file beside it, and said in the error.
 * A damaged file is converted as far as it can be read, and the result says so.
 * @throws FrameliftError `config.invalid`, `source.*`, `model.*`, `provider.unusable`, `encode.failed`, `mux.failed`.
 */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  const { input, output, clock = systemClock, signal } = options;
  const plan = planOutput(output, options);
  const profile = profileOf(options.profile);
  const target = targetOf(options, profile);
  refuseSameFile(input, output);
  await using file = isPlainFile(plan) ? await OutputFile.open(output, options) : undefined;
  if (!file && options.resume) throw notResumable(output);
  const arena = new Arena(ARENA_MB);
  const model = await modelFor(options, profile);
  await using video = await openVideoFile({
    ...{ path: input, stream: 'convert', offline: true, keepForm: true, imageRate: options.inputFps },
    ...{ deinterlace: options.deinterlace ?? 'auto', arena, clock, events: noEvents },
  });
  await using engine = await startEngine(options, model, arena, clock);
  const notes: string[] = [];
  // What goes with the pictures is taken from the first packet on; what the pictures are, the first of them tells.
  using carried = await carry(video, options, plan);
  notes.push(...carried.notes);
  await video.prime();
  const { info } = video;
  if (info.images) notes.push(imagesNote(info.images));
  const fields = deinterlacedNote(video.traits, info.fps);
  if (fields !== undefined) notes.push(fields);
  if (profile?.notice !== undefined) notes.push(profile.notice);
  const { scheduler, rate: fps } = outputRate(target, info.fps, plan.format.constantRate ?? false);
  carried.rate = fps;
  await requireTimes(engine, scheduler.multiple ?? 0);
  await checkScale({ engine, scale: options.scale, multiple: scheduler.multiple, profile });
  const identity = file && (await identityOf(options, model, engine.provider));
  const { overwrite, stdout } = options;
  const beside = besides(carried, output);
  await using writer = await openOutput({ plan, fps, overwrite, stdout, file, identity, beside });
  if (options.resume) notes.push(keptNote(writer.kept));
  using inner = withinArea(engine, { arena, wait: true });
  const tier = profile?.lumaOnly ? lumaOnly(inner) : inner;
  const frames = (until: AbortSignal | undefined): AsyncGenerator<Frame> =>
    oneSize(video.frames(until), { arena, note: (text) => notes.push(text) });
  const minConfidence = minConfidenceOf(options.minConfidence, profile);
  const cadence = (options.cadence ?? 'auto') === 'auto' && engine.times === 'any';
  const enlarger =
    engine.scale > 1 ? new Enlarger({ tier: engine, scale: engine.scale, arena, output: writer }) : undefined;
  if (enlarger) notes.push(enlargedNote(engine));
  const neighbours = neighboursOf(options, engine);
  const how = { scheduler, cadence, neighbours, minConfidence };
  const conversion = new Conversion({ input, video, frames, tier, enlarger, ...how, writer });
  const started = clock.now();
  const seconds = (): number => toSeconds(minus(clock.now(), started));
  const unfinished = await conversion.run(signal, ({ source, output: done }) => {
    options.onProgress?.(progressOf(video, source, done, seconds()));
  });
  const repeats = cadenceNote(conversion.result, info.fps && perSecond(info.fps));
  if (repeats !== undefined) notes.push(repeats);
  const faults = inputFaults(video);
  notes.push(...(writer.notes?.(conversion.result.sourceFrames) ?? []));
  return {
    input,
    output,
    ...faults,
    model: engine.model,
    provider: engine.provider,
    acceleration: engine.accelerates ? neighbours : 'none',
    ...conversion.result,
    interrupted: signal?.aborted ?? false,
    ...(unfinished ? { unfinished } : {}),
    kept: writer.kept,
    notes: [...notes, ...carried.losses, ...faults.notes],
    seconds: seconds(),
  };
}

/**
 * The pairs beside that are known of each pair, whatever the model: by their frames text that stands still is told from what
 * passes, too. A model whose frames are larger has its own way with them.
 */
function neighboursOf({ lookahead = 'on' }: ConvertOptions, { scale }: Pick<InterpEngine, 'scale'>): UsedNeighbours {
  if (scale > 1) return 'none';
  return lookahead === 'on' ? 'both' : 'before';
}

function notResumable(output: string): FrameliftError {
  return new FrameliftError('config.invalid', `"${output}" cannot be gone on with: --resume is for files`, {
    remedy: 'Leave --resume out, or write to a file such as out.mkv.',
  });
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
    ...{ arena, clock, events: noEvents, model, provider: selection.provider, batch: 1, searchBeside: true },
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

/** Video files read frame by frame, in presentation order. */
import { FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { exactRate } from '../../media/rate.ts';
import { fromMs, type Micros, micros, minus, plus, ZERO } from '../../time.ts';
import { VideoDecoder } from '../decode/decoder.ts';
import { explainDrops } from '../drop-log.ts';
import { sizeExcess } from '../limits.ts';
import { SourceLog } from '../source-log.ts';
import type { Accompaniment, OtherSink, OtherStream } from './accompaniment.ts';
import { Damage, type DamageReport } from './damage.ts';
import { type CodedFrame, Demuxer } from './demuxer.ts';
import { EvenTimes } from './even-times.ts';
import { FullArena } from './full-arena.ts';
import { findImages, requireImageRate } from './images.ts';
import type { VideoFileInfo } from './info.ts';
import type { VideoFileOptions } from './options.ts';
import { PresentationTimes } from './presentation.ts';
import type { TimeRange } from './range.ts';
import type { Join } from './timeline.ts';

/** Access units for which it is not said yet that they are damaged. */
const SUSPECTS = 4;
/** Codecs of which each access unit is a picture; units that may give none: pictures before a scene's first keyframe. */
const FRAMEWISE = new Set(['h264', 'hevc', 'mjpeg', 'av1', 'vp9']);
const UNSHOWN = 8;
/** Time that a frame stands when neither file nor neighbours tell. */
const DEFAULT_DURATION: Micros = fromMs(40);

/**
 * Opens a video file for reading frame by frame. Frames are delivered as stored, 10-bit and 4:2:2
 * beside 8-bit 4:2:0 with `keepForm`, else as that alone; the rotation of `info` is not applied. The
 * path may stand for numbered images: `frames/%06d.png`, or the first of them.
 * @throws FrameliftError `config.invalid`, `source.not-found`, `source.forbidden`, `source.protocol`,
 * `source.no-video`, `source.unsupported-codec`, `source.too-large`.
 */
export async function openVideoFile(options: VideoFileOptions): Promise<VideoFile> {
  const damage = options.offline ? new Damage() : undefined;
  const demuxer = await openDemuxer(options, damage);
  try {
    const { arena, clock, stream, threads = 1, deinterlace = 'off' } = options;
    const { codecParameters, info } = demuxer;
    const excess = options.limits && sizeExcess(options.limits, info.width, info.height);
    if (excess) throw excess;
    const full = new FullArena(options.events);
    const log = new SourceLog(options);
    const { path } = options;
    log.debug({ path, ...info }, 'file opened');
    const events = explainDrops(options.whenFull === 'drop' ? options.events : full, log);
    // Not low-delay: that mode may show the first of reordered frames too early.
    const decoder = await VideoDecoder.open({
      arena,
      clock,
      stream,
      threads,
      codecParameters,
      lowDelay: false,
      deinterlace,
      limits: options.limits,
      sampleAspect: demuxer.sampleAspect,
      keepForm: options.keepForm ?? false,
      alphaBeside: options.keepForm === true && demuxer.alphaBeside,
      events,
      log,
      ...(damage && { damage: 'conceal', dropLate: false, onDamage: (what, pts) => damage.note(what, pts) }),
    });
    return new VideoFile(options, demuxer, decoder, full, damage);
  } catch (error) {
    await demuxer.close();
    throw error;
  }
}

/** What a video file is, without decoding any of it. @throws FrameliftError as {@link openVideoFile} of its container. */
export async function videoInfo(path: string): Promise<VideoFileInfo> {
  await using demuxer = await Demuxer.open(path);
  return demuxer.info;
}

async function openDemuxer({ path, imageRate }: VideoFileOptions, damage: Damage | undefined): Promise<Demuxer> {
  const found = findImages(path);
  requireImageRate(path, found, imageRate);
  return Demuxer.open(path, { damage, images: found && imageRate && { found, rate: imageRate } });
}

function hasFields(traits: PictureTraits | undefined): boolean {
  return traits?.interlaced === true || traits?.deinterlaced !== undefined;
}

function evenTimes({ fps, tick }: VideoFileInfo): EvenTimes {
  return new EvenTimes(fps && exactRate(fps), tick);
}

/** An open video file. */
export class VideoFile {
  readonly #options: VideoFileOptions;
  readonly #decoder: VideoDecoder;
  readonly #full: FullArena;
  #demuxer: Demuxer;
  #ended = false;
  /** What is wanted of the file; undefined = all. */
  #range: TimeRange | undefined;
  #pastRange = false;
  /** Access units read, from the first keyframe on. */
  #units = 0;
  /** Why it ended, if not in order. Thrown once the frames before it are taken. */
  #failure: unknown;
  /** Decoded, not asked for yet: what one access unit gave. */
  #ready: Frame[] = [];
  /** Times of frames that are decoded but not shown. */
  readonly #hidden = new Set<Micros>();
  /** Times of untimed access units inside the decoder, ascending. */
  #untimed: Micros[] = [];
  /** Of the last access units, oldest first: the times of those that miss bytes. */
  #suspects: (Micros | undefined)[] = [];
  #size = { width: 0, height: 0 };
  #first: Micros | undefined;
  #last: Micros | undefined;
  #step = DEFAULT_DURATION;
  #lastDuration = DEFAULT_DURATION;
  #end: Micros = ZERO;
  readonly #damage: Damage | undefined;
  /** What mends the times of an offline file's frames. */
  readonly #times = new PresentationTimes<Frame>();
  #even: EvenTimes | undefined;
  /** How long frames inside the decoder stand, by their stamps. */
  readonly #durations = new Map<Micros, Micros>();

  /** For {@link openVideoFile}. */
  constructor(
    options: VideoFileOptions,
    demuxer: Demuxer,
    decoder: VideoDecoder,
    full: FullArena,
    damage: Damage | undefined,
  ) {
    this.#options = options;
    this.#demuxer = demuxer;
    this.#decoder = decoder;
    this.#full = full;
    this.#damage = damage;
  }

  /** Where fields become pictures, there are twice as many as the container says; of film in video four of five. */
  get info(): VideoFileInfo {
    const { info } = this.#demuxer;
    const made = this.traits?.deinterlaced;
    if (made === undefined) return info;
    const [num, den] = made === 'fields' ? [2, 1] : [4, 5];
    const fps = info.fps && { num: num * info.fps.num, den: den * info.fps.den };
    return { ...info, fps, frames: info.frames && Math.round((info.frames * num) / den) };
  }

  /**
   * Reads the first frame ahead where fields may have to be taken apart, so that it is known what the frames are: before,
   * {@link info} and {@link traits} tell of what the container holds.
   */
  async prime(): Promise<void> {
    if ((this.#options.deinterlace ?? 'off') === 'off') return;
    while (this.#ready.length === 0 && !this.#ended) await this.#read();
  }

  /** What the frames read so far are beside their size; undefined before the first. */
  get traits(): PictureTraits | undefined {
    return this.#decoder.traits;
  }

  /** What was broken in what was read so far; nothing unless the file is read `offline`. */
  get damage(): DamageReport {
    return (this.#damage ?? new Damage()).report(this.#first ?? ZERO);
  }

  /** Whether the file may have lost frames between two that follow each other. */
  isLossy(from: Micros, to: Micros): boolean {
    return this.#damage?.isLossy(from, to) ?? false;
  }

  /** Where the file's timestamps broke so far and were joined, `at` from the first frame; an `offline` file's alone. */
  get joins(): readonly Join[] {
    return this.#demuxer.joins.map((join) => ({ ...join, at: minus(join.at, this.#first ?? ZERO) }));
  }

  /** Frames read so far whose timestamp was missing, repeated or out of order. */
  get mended(): number {
    return this.#times.mended;
  }

  /** How much of the file was read, 0…1. */
  get share(): number {
    return Math.min(1, this.#demuxer.position / Math.max(1, this.info.bytes));
  }

  /**
   * When the last frame ends, as the container says; undefined until an `offline` file is read to its end, and where only a
   * part is wanted that ends before.
   */
  get end(): Micros | undefined {
    if (this.#pastRange) return undefined;
    const last = this.#damage && this.#ended && this.#ready.length === 0 ? this.#last : undefined;
    return last === undefined ? undefined : plus(last, this.#lastDuration);
  }

  /** From the first frame to the end of the last one read so far. */
  get length(): Micros {
    return minus(this.#end, this.#first ?? ZERO);
  }

  /**
   * The frames in presentation order, each decoded when it is asked for and then the caller's to
   * release. Where the file is broken, the frames before the break come first. @throws
   * FrameliftError `source.protocol` there, `arena.full`, `decode.failed`.
   */
  async *frames(signal?: AbortSignal): AsyncGenerator<Frame, void, void> {
    while (!signal?.aborted) {
      const frame = this.#ready.shift();
      if (frame) {
        yield frame;
        continue;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return;
      await this.#read();
    }
  }

  /** Everything in the file beside its pictures. */
  accompaniment(): Promise<Accompaniment> {
    return this.#demuxer.accompaniment(this.#options.clock);
  }

  /**
   * Narrows the file to `range`, and has the packets of other streams given to `sink` in the order
   * of the file, as frames are read. Before the first frame is asked for.
   */
  async carry(streams: readonly OtherStream[], sink: OtherSink, range?: TimeRange): Promise<void> {
    this.#range = range;
    this.#demuxer.carry(streams, sink, range);
    if (range) await this.#demuxer.seek(range.start);
  }

  /** Back to the first frame. */
  async rewind(): Promise<void> {
    this.#clear();
    await this.#decoder.reset();
    if (!(await this.#demuxer.rewind())) {
      await this.#demuxer.close();
      this.#demuxer = await openDemuxer(this.#options, this.#damage);
    }
    this.#ended = false;
    this.#failure = undefined;
    this.#last = undefined;
  }

  /** Frees everything. Closing twice is harmless. */
  async close(): Promise<void> {
    this.#clear();
    this.#ended = true;
    await this.#decoder.close();
    await this.#demuxer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Decodes one more access unit, or takes out what the decoder still holds at the end or at the
   * break.
   */
  async #read(): Promise<void> {
    if (this.#pastRange) {
      this.#ended = true;
      return this.#demuxer.finishOthers();
    }
    const coded = await this.#demuxer.next().catch((error: unknown) => {
      this.#failure = error;
      return undefined;
    });
    if (!coded) {
      this.#ended = true;
      this.#suspect(undefined);
      this.#take(await this.#decoder.flush());
      for (const { item, pts } of this.#times.end(this.#pictureStep)) this.#show(item, this.#exact.of(pts));
      this.#noteMissing();
      return;
    }
    const { clock } = this.#options;
    if (coded.keyframe || this.#units > 0) this.#units += 1;
    this.#suspect(coded);
    if (coded.hidden) this.#hidden.add(coded.pts);
    if (!coded.timed) this.#expect(coded.pts);
    const unit = {
      data: coded.data,
      pts: coded.pts,
      arrival: clock.now(),
      capture: clock.wall(),
      keyframe: coded.keyframe,
      // Live: keeps the decoder from judging times that are not the frame's own.
      discontinuity: this.#damage ? coded.joined : !coded.timed,
      damaged: coded.damaged,
      alpha: this.#options.keepForm ? coded.alpha : undefined,
    };
    if (coded.duration !== undefined) {
      this.#step = coded.duration;
      if (this.#damage) this.#durations.set(coded.pts, coded.duration);
    }
    const { refused } = this.#decoder.counts;
    this.#take(await this.#decoder.decode(unit));
    if (!coded.timed && this.#decoder.counts.refused > refused) this.#forget(coded.pts);
    if (this.#full.seen) throw new FrameliftError('arena.full', 'the frame arena has no room for the next frame');
  }

  #take(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (this.#hidden.delete(frame.pts)) frame.release();
      else if (this.#damage) this.#mend(frame);
      else this.#queue(this.#placed(frame));
    }
  }

  /** An offline file's frame in its time, once that is sure. */
  #mend(frame: Frame): void {
    const stamp = this.#isSecond(frame) ? frame.pts : (this.#untimed.shift() ?? frame.pts);
    const step = this.#pictureStep;
    this.#lastDuration = this.traits?.deinterlaced ? step : (this.#durations.get(stamp) ?? step);
    this.#durations.delete(stamp);
    for (const { item, pts } of this.#times.push(frame, stamp, step)) {
      if (item.discontinuity) this.#exact.restart();
      this.#show(item, this.#exact.of(pts));
    }
  }

  /** The second picture of a frame of fields has no access unit of its own. */
  #isSecond({ discontinuity }: Frame): boolean {
    return this.traits?.deinterlaced === 'fields' && !discontinuity && this.#untimed.length > 0;
  }

  /** Time that a picture stands for: a coded frame's, or what is made of it. */
  get #pictureStep(): Micros {
    const made = this.traits?.deinterlaced;
    return made === undefined ? this.#step : micros(this.#step * (made === 'fields' ? 1 / 2 : 5 / 4));
  }

  /** By the rate of the pictures, which is known with the first of them. */
  get #exact(): EvenTimes {
    this.#even ??= evenTimes(this.info);
    return this.#even;
  }

  #show(frame: Frame, pts: Micros): void {
    this.#first ??= pts;
    this.#last = pts;
    this.#end = plus(pts, this.#step);
    this.#queue(frame.share({ pts }));
    frame.release();
  }

  /** Keeps a frame that is wanted, until it is asked for. */
  #queue(frame: Frame): void {
    const { start, end } = this.#range ?? {};
    if (end !== undefined && frame.pts >= end) this.#pastRange = true;
    if (this.#pastRange || (start !== undefined && frame.pts < start)) frame.release();
    else this.#ready.push(frame);
  }

  /** The frame with its own time, marked where the file begins or its size changes. */
  #placed(frame: Frame): Frame {
    const pts = this.#isSecond(frame) ? plus(this.#last ?? ZERO, micros(this.#step / 2)) : this.#untimed.shift();
    const resized = frame.width !== this.#size.width || frame.height !== this.#size.height;
    const discontinuity = this.#last === undefined || resized;
    this.#size = { width: frame.width, height: frame.height };
    this.#last = pts ?? frame.pts;
    this.#first ??= this.#last;
    this.#end = plus(this.#last, this.#step);
    if (pts === undefined) return frame;
    const timed = frame.share({ pts, discontinuity });
    frame.release();
    return timed;
  }

  #expect(pts: Micros): void {
    this.#untimed.push(pts);
    this.#untimed.sort((a, b) => a - b);
  }

  /**
   * Notes frames whose bytes the container misses. Not those before a join: there it misses what was
   * never to come. Transport streams say so a frame early.
   */
  #suspect(next: CodedFrame | undefined): void {
    if (next?.joined) this.#suspects = [];
    const sure = this.#suspects.splice(0, next ? Math.max(0, this.#suspects.length + 1 - SUSPECTS) : SUSPECTS);
    for (const pts of sure) if (pts !== undefined) this.#damage?.note('frame', pts);
    if (next) this.#suspects.push(next.damaged ? next.pts : undefined);
  }

  /** Some decoders keep back what they cannot show, and say nothing. Fields, though, are two units a frame. */
  #noteMissing(): void {
    const { decoded, refused } = this.#decoder.counts;
    const missing = this.#units - decoded - refused;
    const allowed = UNSHOWN + this.#units / 50;
    if (missing > allowed && FRAMEWISE.has(this.info.codec) && !hasFields(this.traits))
      this.#damage?.noteMissing(missing);
  }

  /** A unit gave no frame: its time is nobody's. */
  #forget(pts: Micros): void {
    const at = this.#untimed.indexOf(pts);
    if (at >= 0) this.#untimed.splice(at, 1);
  }

  #clear(): void {
    for (const frame of this.#times.clear()) frame.release();
    this.#even = undefined;
    this.#durations.clear();
    for (const frame of this.#ready.splice(0)) frame.release();
    this.#hidden.clear();
    this.#untimed = [];
  }
}

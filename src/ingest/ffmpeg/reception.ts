/**
 * What one run of ffmpeg has sent so far: its output into frames, stderr into facts, silence into
 * an error.
 */

import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import { Frame, SOURCE } from '../../media/frame.ts';
import { type PictureTraits, pictureRate, sameTraits, sampleAspect } from '../../media/picture-traits.ts';
import type { DropReason, EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, micros, minus, plus, stoodStill, toMs, toSeconds, ZERO } from '../../time.ts';
import { ClockedSink } from '../clock/clocked-sink.ts';
import { type AvPicture, type DeinterlaceChoice, Deinterlacer, type FrameStamp } from '../decode/deinterlacer.ts';
import { colourOfFormat, I420Writer, pixelFormat } from '../decode/i420-writer.ts';
import { pictureOf } from '../decode/picture-columns.ts';
import { IngestGauge, type IngestLimits, sizeExcess } from '../limits.ts';
import type { FrameSink } from '../source.ts';
import type { SourceLog } from '../source-log.ts';
import { endsWithTheNext, inputFormat, isClockless, isSegmented } from './clockless.ts';
import { type NutHeader, NutReader } from './nut-reader.ts';
import { PacedRelease } from './paced-release.ts';
import { rawBytes, rawPlanes } from './raw-picture.ts';
import { type Announced, type RawVideo, type Size, type StderrFinding, StderrReader } from './stderr-reader.ts';

/** Larger steps of the timestamps are jumps, across which nothing is interpolated. */
const MAX_STEP = fromMs(1000);
/**
 * Smaller steps are none: where times do not grow, ffmpeg's muxer makes each a microsecond later
 * than the one before. One is a timestamp given twice; so many in a row are a clock that went back.
 */
const MIN_STEP = micros(100);
const MAX_SQUEEZED = 8;

/** What {@link Reception} needs of a source's options. */
export interface ReceptionOptions {
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log?: SourceLog;
  /** Longest silence between two frames, default 10 s. */
  readonly stallTimeout?: Micros;
  /** Longest wait for the first frame, default 15 s. */
  readonly startTimeout?: Micros;
  /** A source that exceeds them fails. Its bitrate is not seen. Default: none. */
  readonly limits?: IngestLimits | undefined;
  /** Whether frames that hold two fields are taken apart. Default `off`. */
  readonly deinterlace?: DeinterlaceChoice;
  /** Whether what comes over HTTP is live: it has no length. Asked when the format is known; default: it is. */
  readonly endless?: () => boolean;
}

/** One run. Close it at its end. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #sink: ClockedSink;
  readonly #reader: NutReader;
  #paced: PacedRelease | undefined;
  readonly #gauge: IngestGauge | undefined;
  readonly #failing = new AbortController();
  readonly #stderr = new StderrReader();
  #failure: FrameliftError | undefined;
  readonly #writer = new I420Writer();
  /** Resolves when stderr has told what comes through the pipe: the two are read independently. */
  readonly #described = Promise.withResolvers<void>();
  #raw: (RawVideo & { readonly pixelFormat: number }) | undefined;
  #announced: Announced | undefined;
  #size: Size = { width: 0, height: 0 };
  #traits: PictureTraits | undefined;
  #lastPts: Micros | undefined;
  #squeezed = 0;
  /** Frames whose times grew by more than the muxer alone lets them grow. */
  #advanced = 0;
  #format = '';
  /** Frames have no times of their own: their arrival counts alone. */
  #unstamped = false;
  #gap = true;
  #delivered = 0;
  readonly #fields: Deinterlacer | undefined;
  #made: PictureTraits['deinterlaced'];
  readonly #started: Micros;
  #lastSign: Micros;
  #cancelWatch: () => void = () => {};

  /**
   * @param paced true when the frames come as fast as they are taken, and are to be delivered in
   * real time.
   */
  constructor(options: ReceptionOptions, sink: FrameSink, paced: boolean) {
    this.#options = options;
    this.#sink = new ClockedSink(sink, options);
    this.#paced = paced ? new PacedRelease(options.clock, (frame) => this.#due(frame)) : undefined;
    this.#gauge = options.limits && new IngestGauge(options.limits);
    const { deinterlace = 'off' } = options;
    if (deinterlace !== 'off') this.#fields = new Deinterlacer({ choice: deinterlace, hold: false });
    this.#started = options.clock.now();
    this.#lastSign = this.#started;
    this.#reader = new NutReader({
      header: (header) => this.#header(header),
      frame: (data, pts) => this.#frame(data, pts),
    });
    this.#watch();
  }

  /** Aborts when the run must end because of {@link failure}. */
  get failed(): AbortSignal {
    return this.#failing.signal;
  }

  get failure(): FrameliftError | undefined {
    return this.#failure;
  }

  /** Frames that arrived. */
  get delivered(): number {
    return this.#delivered;
  }

  /** ffmpeg's last warnings and errors. */
  get lines(): readonly string[] {
    return this.#stderr.lines;
  }

  /** Frames dropped because too many waited for their time. */
  get dropped(): number {
    return this.#paced?.dropped ?? 0;
  }

  /**
   * Takes output of ffmpeg; resolves when all its frames are delivered, each when it was due. Never
   * rejects.
   */
  data(chunk: Buffer, stopped: AbortSignal): Promise<void> | undefined {
    if (stopped.aborted) return undefined;
    if (!this.#stderr.raw) return this.#whenDescribed(stopped).then(() => this.data(chunk, stopped));
    try {
      this.#reader.push(chunk);
    } catch (thrown) {
      this.#fail(thrown instanceof FrameliftError ? thrown : new FrameliftError('source.protocol', String(thrown)));
    }
    return this.#paced?.waiting ? this.#release(this.#paced, stopped) : undefined;
  }

  /** Takes a line of stderr. */
  line(line: string): void {
    this.#noteFormat(inputFormat(line));
    const finding = this.#stderr.line(line);
    if (this.#stderr.raw) this.#described.resolve();
    if (finding) this.#conclude(finding);
  }

  close(): void {
    this.#cancelWatch();
    this.#paced?.clear();
    this.#writer.close();
    this.#fields?.reset();
  }

  #noteFormat(format: string | undefined): void {
    if (format === undefined || this.#format !== '') return;
    this.#format = format;
    // A file that is fetched over HTTP is to be shown at the rate that is invented for it.
    const isFile = this.#paced !== undefined && this.#options.endless?.() === false;
    if (isClockless(format) && !isFile) this.#placeByArrival(`the format "${format}" has no timestamps`);
    // Playlists come in segments: at their end nothing could be read faster.
    else if (!isFile && !isSegmented(format)) this.#paced?.hurry();
  }

  #placeByArrival(why: string): void {
    this.#options.log?.debug({ why }, 'frames are placed by their arrival');
    this.#unstamped = true;
    this.#paced = undefined;
    this.#sink.restart(false);
  }

  #whenDescribed(stopped: AbortSignal): Promise<void> {
    stopped.addEventListener('abort', () => this.#described.resolve(), { once: true });
    return this.#described.promise;
  }

  /** It is repeated now and then, as it was at the beginning. */
  #header({ fourcc, width, height, sampleAspect: aspect }: NutHeader): void {
    const { raw, announced } = this.#stderr;
    if (this.#raw || !raw) return;
    const format = pixelFormat(raw.format);
    if (format === undefined || rawBytes(raw.format, width, height) === undefined) {
      throw new FrameliftError('source.protocol', `ffmpeg sends ${raw.format} (${fourcc}), which is not asked for`);
    }
    this.#raw = { ...raw, pixelFormat: format };
    this.#announced = announced;
    this.#describe({ width, height, sampleAspect: aspect, tags: raw.tags });
  }

  #conclude(finding: StderrFinding): void {
    if (finding.type === 'clock-went-back') this.#wentBack();
    else if (finding.type === 'wrong-name') this.#fail(wrongName());
    else {
      const { limits } = this.#options;
      const excess = limits && sizeExcess(limits, finding.size.width, finding.size.height);
      if (excess) this.#fail(excess);
    }
  }

  /** Takes what is known of the frames from here on; what is absent stays as it was. */
  #describe({ width, height, sampleAspect: shape, tags }: Announced): void {
    const raw = this.#raw;
    if (!raw) return;
    const resized = width !== this.#size.width || height !== this.#size.height;
    const aspect = shape ? sampleAspect(shape.num, shape.den) : this.#traits?.sampleAspect;
    const traits = {
      colour: colourOfFormat(raw.pixelFormat, tags ?? raw.tags, height),
      ...(aspect && { sampleAspect: aspect }),
      ...(raw.interlaced && !this.#fields && { interlaced: true }),
      ...(this.#made && { deinterlaced: this.#made }),
    };
    if (!resized && sameTraits(traits, this.#traits)) return;
    this.#gap ||= resized;
    this.#size = { width, height };
    this.#traits = traits;
    const { codec, fps } = this.#stderr;
    this.#options.log?.debug({ codec, format: raw.format, ...this.#size, fps, ...traits }, 'frames have this size');
    const waits = endsWithTheNext(this.#format) ? { waits: { reordered: 0, unmarked: 1 } as const } : {};
    this.#sink.info({ codec, ...this.#size, fps: pictureRate(fps, traits), transport: 'ffmpeg', traits, ...waits });
  }

  #frame(data: Buffer, pts: Micros): void {
    const { clock } = this.#options;
    this.#lastSign = clock.now();
    this.#delivered += 1;
    if (this.#delivered === 1) {
      this.#options.log?.debug({ afterMs: toMs(minus(clock.now(), this.#started)) }, 'first frame');
      // From here on the patience is another.
      this.#watch();
    }
    this.#checkChange(data.length);
    const excess = this.#gauge?.frame(this.#size.width, this.#size.height, clock.now());
    if (excess) throw excess;
    const last = this.#lastPts;
    const step = last === undefined ? undefined : minus(pts, last);
    if (step !== undefined && step < MIN_STEP && !this.#unstamped) {
      this.#squeeze();
      return;
    }
    this.#squeezed = 0;
    this.#advanced += 1;
    this.#lastPts = pts;
    const jumped = step !== undefined && step > MAX_STEP && !this.#unstamped;
    const stamp = { pts, arrival: clock.now(), capture: clock.wall(), discontinuity: this.#gap || jumped };
    if (!this.#fields || this.#fields.passes(this.#size.height)) this.#deliver(stamp, data);
    else this.#takeApart(this.#fields, stamp, data);
  }

  /** Gives what ffmpeg sent to the deinterlacer, and delivers what comes out. */
  #takeApart(fields: Deinterlacer, stamp: FrameStamp, data: Buffer): void {
    const raw = this.#raw;
    if (!raw) return;
    const woven = pictureOf(data, { ...this.#size, format: raw.pixelFormat });
    try {
      fields.push(woven, stamp, (picture, own) => {
        if (fields.doing !== this.#made) {
          this.#made = fields.doing;
          this.#describe(this.#announced ?? this.#size);
        }
        this.#deliver(own, picture);
      });
    } finally {
      woven.free();
    }
  }

  #deliver(stamp: FrameStamp, content: Buffer | AvPicture): void {
    const frame = this.#allocate(stamp);
    if (!frame) return;
    this.#gap = false;
    this.#fill(frame, content);
    if (!this.#paced) this.#sink.frame(frame);
    else if (!this.#paced.hold(frame)) this.#drop('queue-full');
  }

  /** The pipe does not say that the frames changed; ffmpeg's log did, before. */
  #checkChange(bytes: number): void {
    const { announced } = this.#stderr;
    const format = this.#raw?.format ?? '';
    const fits = ({ width, height }: Size) => rawBytes(format, width, height) === bytes;
    if (announced !== this.#announced && fits(announced)) {
      this.#announced = announced;
      this.#describe(announced);
    }
    if (!fits(this.#size)) {
      throw new FrameliftError('source.protocol', 'the size of the frames changed', { recoverable: true });
    }
  }

  /** A frame whose time is not its own. */
  #squeeze(): void {
    this.#drop('late');
    this.#squeezed += 1;
    if (this.#squeezed < MAX_SQUEEZED) return;
    if (this.#advanced < MAX_SQUEEZED) this.#placeByArrival('the timestamps do not advance');
    else this.#wentBack();
  }

  #allocate(stamp: FrameStamp): Frame | undefined {
    const { arena } = this.#options;
    const info = { ...stamp, provenance: SOURCE };
    try {
      return Frame.allocate(arena, this.#size.width, this.#size.height, info);
    } catch (error) {
      if (!(error instanceof FrameliftError && error.code === 'arena.full')) throw error;
      this.#drop('arena-full');
      return undefined;
    }
  }

  #fill(frame: Frame, content: Buffer | AvPicture): void {
    const { width, height } = this.#size;
    const raw = this.#raw;
    try {
      if (!Buffer.isBuffer(content)) this.#writer.writeDecoded(frame, content);
      else if (raw) {
        const planes = rawPlanes(raw.format, width, height, content);
        this.#writer.write(frame, { format: raw.pixelFormat, width, height, ...planes });
      }
    } catch (thrown) {
      frame.release();
      throw asFrameliftError(thrown, 'decode.failed');
    }
  }

  /** Delivers what is held. Meanwhile ffmpeg waits, and so does the server behind it. */
  #release(paced: PacedRelease, stopped: AbortSignal): Promise<void> {
    return paced.run(stopped).catch((thrown: unknown) => this.#fail(asFrameliftError(thrown, 'source.protocol')));
  }

  #due(frame: Frame): void {
    this.#lastSign = this.#options.clock.now();
    this.#sink.frame(frame);
  }

  #wentBack(): void {
    this.#fail(
      new FrameliftError('source.protocol', "the source's clock went back", {
        recoverable: true,
        remedy: 'Nothing, if the source has restarted; else let it send timestamps that grow.',
      }),
    );
  }

  #drop(reason: DropReason): void {
    this.#gap = true;
    this.#options.events.emit({ type: 'drop', stream: this.#options.stream, stage: 'ingest', reason });
  }

  #watch(): void {
    const { clock, stallTimeout = fromMs(10_000), startTimeout = fromMs(15_000) } = this.#options;
    const patience = this.#delivered === 0 ? startTimeout : stallTimeout;
    // A frame that waits for its time is a sign of life.
    const sign = this.#paced?.busy ? clock.now() : this.#lastSign;
    const due = plus(sign, patience);
    this.#cancelWatch();
    if (clock.now() < due) {
      this.#cancelWatch = clock.at(due, () => {
        // What came while the process stood still has not been read: the wait begins anew.
        if (stoodStill(due, clock.now()) > ZERO) this.#lastSign = clock.now();
        this.#watch();
      });
      return;
    }
    const what = this.#delivered === 0 ? 'no frame arrived within' : 'no frame arrived for';
    this.#fail(
      new FrameliftError('source.stalled', `${what} ${toSeconds(patience)} s`, {
        recoverable: true,
        remedy: 'Check that the source is sending; raise stallTimeoutMs for sources that pause.',
      }),
    );
  }

  #fail(error: FrameliftError): void {
    this.#failure ??= error;
    this.#failing.abort();
  }
}

/** The next publisher may be the right one. */
function wrongName(): FrameliftError {
  return new FrameliftError('source.unauthorized', 'a publisher came with another application or stream key', {
    recoverable: true,
    remedy: 'Let the publisher send to exactly the path that stands in the URL of the source.',
  });
}

/** Reading coded frames out of local video files. An adapter of node-av's demuxers. */
import {
  AV_NOPTS_VALUE,
  AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL,
  AV_PKT_FLAG_CORRUPT,
  AV_PKT_FLAG_DISCARD,
  AVDISCARD_ALL,
  AVERROR_EOF,
  AVFMT_NO_BYTE_SEEK,
  AVFMT_NOTIMESTAMPS,
  AVSEEK_FLAG_BACKWARD,
  AVSEEK_FLAG_BYTE,
  type CodecParameters,
  FFmpegError,
  type FormatContext,
  Packet,
  type Stream,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { type SampleAspect, sampleAspect } from '../../media/picture-traits.ts';
import type { Rational } from '../../media/rate.ts';
import { type Clock, type Micros, micros, plus, ZERO } from '../../time.ts';
import {
  type Accompaniment,
  type OtherSink,
  type OtherStream,
  readAccompaniment,
  readCovers,
} from './accompaniment.ts';
import type { Damage } from './damage.ts';
import type { VideoFileInfo } from './info.ts';
import { gatherLeadIn } from './lead-in.ts';
import { type ImagesToRead, newTimeline, type OpenContainer, openContainer, plain } from './opening.ts';
import { Others } from './others.ts';
import type { TimeRange } from './range.ts';
import type { Join, Place, Timeline } from './timeline.ts';

/** One coded frame. `data` is valid until the next call. */
export interface CodedFrame {
  readonly data: Uint8Array;
  readonly pts: Micros;
  /**
   * False when the container gives times in decoding order only (AVI, bare streams): `pts` is then
   * one of the right times, of another frame.
   */
  readonly timed: boolean;
  /** Time until the next frame, if known. */
  readonly duration: Micros | undefined;
  readonly keyframe: boolean;
  /** Bytes are missing. */
  readonly damaged: boolean;
  /** To be decoded, not shown: it lies before the start of an edit. */
  readonly hidden: boolean;
  /** The coded alpha beside it, as Matroska has it of VP8 and VP9. */
  readonly alpha: Uint8Array | undefined;
  /** The file's timestamps broke before it, and were joined. */
  readonly joined: boolean;
}

/** Options of {@link Demuxer.open}. */
export interface DemuxerOptions {
  /**
   * Given, what is broken is noted there and read on behind, and timestamps that jump are joined to
   * one timeline. Default: stamps as they are, and a break is thrown.
   */
  readonly damage?: Damage | undefined;
  readonly images?: ImagesToRead | undefined;
}

/** A file that ends this much before its declared length was cut off. */
const MAX_MISSING = 500_000;
/** … or with less than this share of its declared frames. */
const MIN_WHOLE = 0.95;
/** Sound may lie this much before its picture in a file, microseconds. */
const MAX_SKEW = 10_000_000;
/** Packets at a file's beginning that show whether its frames have times of their own. */
const TELLING = 32;
/** Errors in a row behind which nothing is expected. */
const MAX_ERRORS = 256;
/** Bytes between the packets of a Matroska file: heads of blocks and clusters, a chapter or a tag. */
const MAX_BETWEEN = 2048;
const UNMOVED: Place = { shift: ZERO, joined: false, overlaps: false };

/** The video stream of one file. Calls run one at a time. */
export class Demuxer {
  readonly info: VideoFileInfo;
  readonly #path: string;
  readonly #context: FormatContext;
  readonly #stream: Stream;
  readonly #timeBase: Rational;
  readonly #alphaBeside: boolean;
  readonly #packet = new Packet();
  /** Packets that were read ahead. */
  #ahead: Packet[] = [];
  #others: Others | undefined;
  #nextPts: Micros;
  /** Whether packets carry presentation times; AVI's only look like it. */
  #timed: boolean;
  #taken = 0;
  /** Where in the file the packets read so far end. */
  #readTo = 0;
  /** Latest end of any stream's packet, microseconds. */
  #end = 0;
  readonly #damage: Damage | undefined;
  #timeline: Timeline | undefined;
  /** Nothing is expected behind the last error. */
  #givenUp = false;
  #closed = false;

  private constructor(path: string, { context, stream, info }: OpenContainer, { damage }: DemuxerOptions) {
    this.#path = path;
    this.#damage = damage;
    this.#context = context;
    this.#stream = stream;
    this.#timeBase = plain(stream.timeBase);
    this.#alphaBeside = stream.metadata?.get('alpha_mode') === '1';
    this.#nextPts = this.#start();
    this.info = info;
    this.#timed = this.info.container !== 'avi';
    this.#timeline = damage && newTimeline(context, stream);
    this.#packet.alloc();
  }

  /**
   * Opens a file, or numbered images as one. @throws FrameliftError `source.not-found`, `source.forbidden` (no permission),
   * `source.protocol` (not a video, or broken before its first frame), `source.no-video`.
   */
  static async open(path: string, options: DemuxerOptions = {}): Promise<Demuxer> {
    return new Demuxer(path, await openContainer(path, options.images), options);
  }

  /** For the decoder; valid until {@link close}. */
  get codecParameters(): CodecParameters {
    return this.#stream.codecpar;
  }

  /** True for VP8 and VP9 whose alpha is coded beside the pictures. */
  get alphaBeside(): boolean {
    return this.#alphaBeside;
  }

  /** The shape of samples that the container tells; it wins over what frames say. Absent = square, or not told. */
  get sampleAspect(): SampleAspect | undefined {
    const { num, den } = this.#stream.sampleAspectRatio;
    return sampleAspect(num, den);
  }

  /** Where the file's timestamps broke so far, and were joined. */
  get joins(): readonly Join[] {
    return this.#timeline?.joins ?? [];
  }

  /** How many bytes of the file were read. */
  get position(): number {
    return Number(this.#context.pbBytes);
  }

  /**
   * The next frame in decoding order, undefined at the end. @throws FrameliftError
   * `source.protocol` where the file is broken, also where it ends before its declared length;
   * not where damage is noted.
   */
  async next(): Promise<CodedFrame | undefined> {
    for (;;) {
      const packet = await this.#read();
      if (!packet) {
        this.#checkEnd();
        return undefined;
      }
      const place = this.#place(packet);
      if (packet.streamIndex !== this.#stream.index) await this.#pass(packet, place);
      else if (packet.size > 0 && packet.data) return this.#timedFrame(packet, packet.data, place);
    }
  }

  /** Everything in the file beside its pictures. What is read on the way is kept for {@link next}. */
  async accompaniment(clock: Clock): Promise<Accompaniment> {
    const covers = await readCovers(this.#context, () => this.#read(), this.#ahead);
    return readAccompaniment(this.#context, this.#stream, covers, clock);
  }

  /** Has the packets of `streams` given to `sink`, in the order of the file, as {@link next} comes across them. */
  carry(streams: readonly OtherStream[], sink: OtherSink, range: TimeRange | undefined): void {
    this.#others = new Others({ streams, sink, range });
    for (const { index } of this.#context.streams) {
      const stream = this.#context.streams[index];
      if (stream && index !== this.#stream.index && !this.#others.wants(index)) stream.discard = AVDISCARD_ALL;
    }
  }

  /**
   * Goes to where decoding has to begin for the frame at `start` to come out right. Sound may lie
   * {@link MAX_SKEW} before its picture. Where a container has no times, this is its beginning.
   */
  async seek(start: Micros): Promise<void> {
    const { iformat } = this.#context;
    const hasTimes = ((iformat?.flags ?? 0) & AVFMT_NOTIMESTAMPS) === 0;
    // Where times are those of decoding, reordered frames are told apart by counting from the beginning.
    const isTimed = this.#timed || this.#stream.codecpar.videoDelay === 0;
    if (start <= this.#start() || !hasTimes || !isTimed) return;
    const from = start - MAX_SKEW;
    const sought = from > this.#start() && (await this.#seekTo(from));
    const ahead = await this.#gather(start);
    // Without a keyframe within reach: from the beginning.
    if (ahead || !sought || !(await this.#seekToBeginning())) this.#ahead = ahead ?? [];
    else this.#ahead = (await this.#gather(start)) ?? [];
  }

  async #seekTo(time: number): Promise<boolean> {
    this.#forgetAhead();
    const { num, den } = this.#timeBase;
    const stamp = BigInt(Math.floor((time * den) / (1e6 * num)));
    return (await this.#context.seekFrame(this.#stream.index, stamp, AVSEEK_FLAG_BACKWARD)) >= 0;
  }

  /** Transport streams have no index: their beginning is that of the file. */
  async #seekToBeginning(): Promise<boolean> {
    const noBytes = ((this.#context.iformat?.flags ?? 0) & AVFMT_NO_BYTE_SEEK) !== 0;
    return noBytes ? this.rewind() : (await this.#context.seekFrame(-1, 0n, AVSEEK_FLAG_BYTE)) >= 0;
  }

  #gather(start: Micros): Promise<Packet[] | undefined> {
    return gatherLeadIn({
      start,
      picture: this.#stream.index,
      read: () => this.#read(),
      wants: (index) => this.#others?.wants(index) ?? false,
      timeOf: ({ pts, dts }) => {
        const stamp = pts !== AV_NOPTS_VALUE ? pts : dts;
        return stamp === AV_NOPTS_VALUE ? this.#start() : this.#micros(stamp);
      },
    });
  }

  #forgetAhead(): void {
    for (const packet of this.#ahead.splice(0)) packet.free();
  }

  /** Passes on what other streams still have of the range, the picture being at its end. */
  async finishOthers(): Promise<void> {
    while (this.#others?.awaited) {
      const packet = await this.#read();
      if (!packet) return;
      const place = this.#place(packet);
      if (packet.streamIndex !== this.#stream.index) await this.#pass(packet, place);
    }
  }

  async #pass(packet: Packet, { shift, overlaps }: Place): Promise<void> {
    if (!overlaps) await this.#others?.pass(packet, shift);
  }

  /** The next packet of any stream, valid until the next call; undefined at the end. */
  async #read(): Promise<Packet | undefined> {
    const packet = this.#packet;
    packet.unref();
    const ahead = this.#ahead.shift();
    if (ahead) {
      packet.ref(ahead);
      ahead.free();
      return packet;
    }
    for (let errors = 0; ; ) {
      const code = await this.#context.readFrame(packet);
      if (code === AVERROR_EOF || this.#givenUp) return undefined;
      if (code >= 0) break;
      errors += 1;
      if (!this.#readsOn(FFmpegError.strerror(code), errors)) this.#givenUp = true;
    }
    this.#noteEnd(packet);
    this.#noteSkipped(packet);
    return packet;
  }

  /** Matroska's reader skips what is broken without a word: between two packets nearly nothing lies. */
  #noteSkipped({ pos, size }: Packet): void {
    if (!this.#damage || pos < 0n || !this.info.container.startsWith('matroska')) return;
    const skipped = this.#readTo > 0 ? Number(pos) - this.#readTo : 0;
    if (skipped > MAX_BETWEEN) this.#damage.noteBreak(this.#nextPts);
    this.#readTo = Math.max(this.#readTo, Number(pos) + size);
  }

  /** Whether there may be more behind an error. @throws FrameliftError where damage is not noted. */
  #readsOn(reason: string, errors: number): boolean {
    if (!this.#damage) throw this.#broken(reason);
    if (errors === 1) this.#damage.noteBreak(this.#nextPts);
    if (errors >= MAX_ERRORS) this.#damage.noteEnd(this.#endsEarly(reason));
    return errors < MAX_ERRORS;
  }

  /** Where a packet of any stream stands on the one timeline. Once for each packet, in their order. */
  #place(packet: Packet): Place {
    if (!this.#timeline) return UNMOVED;
    const base = this.#baseOf(packet);
    const time = (stamp: bigint): Micros | undefined => (stamp === AV_NOPTS_VALUE ? undefined : inMicros(stamp, base));
    const duration = packet.duration > 0n ? inMicros(packet.duration, base) : undefined;
    return this.#timeline.place({
      ...{ stream: packet.streamIndex, duration, pts: time(packet.pts), dts: time(packet.dts) },
    });
  }

  #timedFrame(packet: Packet, data: Uint8Array, { shift, joined }: Place): CodedFrame {
    this.#taken += 1;
    const lacks = packet.pts === AV_NOPTS_VALUE;
    // Later on it is a packet that lost its time.
    if (lacks && this.#taken <= TELLING) this.#timed = false;
    const stamp = this.#timed && !lacks ? packet.pts : packet.dts;
    const duration = packet.duration > 0n ? this.#micros(packet.duration) : this.#interval();
    const pts = stamp === AV_NOPTS_VALUE ? this.#nextPts : plus(this.#micros(stamp), shift);
    this.#nextPts = micros(pts + (duration ?? 0));
    return {
      ...{ data, pts, duration, timed: this.#timed, joined },
      keyframe: packet.isKeyframe,
      damaged: packet.hasFlags(AV_PKT_FLAG_CORRUPT),
      hidden: packet.hasFlags(AV_PKT_FLAG_DISCARD),
      alpha: this.alphaBeside ? (packet.getSideData(AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL) ?? undefined) : undefined,
    };
  }

  /** Goes back to the first frame; false when this container cannot. */
  async rewind(): Promise<boolean> {
    this.#nextPts = this.#start();
    this.#taken = 0;
    this.#readTo = 0;
    this.#timeline = this.#damage && newTimeline(this.#context, this.#stream);
    this.#forgetAhead();
    const start = this.#stream.startTime === AV_NOPTS_VALUE ? 0n : this.#stream.startTime;
    return (await this.#context.seekFrame(this.#stream.index, start, AVSEEK_FLAG_BACKWARD)) >= 0;
  }

  /** Frees everything native. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#forgetAhead();
    this.#packet.free();
    await this.#context.closeInput();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #start(): Micros {
    const start = this.#stream.startTime;
    return this.#micros(start === AV_NOPTS_VALUE ? 0n : start);
  }

  /** Time between frames by the declared rate, for containers without timestamps. */
  #interval(): Micros | undefined {
    const fps = this.info.fps;
    return fps && micros((1e6 * fps.den) / fps.num);
  }

  #micros(stamp: bigint): Micros {
    return inMicros(stamp, this.#timeBase);
  }

  #noteEnd(packet: Packet): void {
    const stamp = packet.pts !== AV_NOPTS_VALUE ? packet.pts : packet.dts;
    if (stamp === AV_NOPTS_VALUE) return;
    this.#end = Math.max(this.#end, inMicros(stamp + packet.duration, this.#baseOf(packet)));
  }

  #baseOf(packet: Packet): Rational {
    if (packet.streamIndex === this.#stream.index) return this.#timeBase;
    const base = this.#context.streams[packet.streamIndex]?.timeBase;
    return base ? plain(base) : this.#timeBase;
  }

  /** The longest stream lasts as long as the container says, or the file was cut off. */
  #checkEnd(): void {
    const length = Number(this.#context.duration);
    const start = this.#context.startTime === AV_NOPTS_VALUE ? 0 : Number(this.#context.startTime);
    if (this.#givenUp) return;
    const short = length > 0 && start + length - this.#end > MAX_MISSING && this.joins.length === 0;
    // Of a cut off AVI, FFmpeg makes the length fit to what is there.
    const frames = this.info.container === 'avi' ? (this.info.frames ?? 0) : 0;
    if (!short && this.#taken >= frames * MIN_WHOLE) return;
    const declared = short ? `${(length / 1e6).toFixed(2)} s` : `${frames} frames`;
    const reason = `it is cut off, ${declared} were declared`;
    if (!this.#damage) throw this.#broken(reason);
    this.#damage.noteEnd(this.#endsEarly(reason));
  }

  #endsEarly(reason: string): string {
    return `ends after ${((this.#end - this.#start()) / 1e6).toFixed(2)} s: ${reason}`;
  }

  #broken(reason: string): FrameliftError {
    return new FrameliftError('source.protocol', `${this.#path} ${this.#endsEarly(reason)}`);
  }
}

function inMicros(stamp: bigint, { num, den }: Rational): Micros {
  return micros((Number(stamp) * 1e6 * num) / den);
}

/** Packets to a container on a sink of our own. The adapter of node-av's muxer. */
import {
  AV_LOG_FATAL,
  AVERROR_EIO,
  AVFMT_FLAG_BITEXACT,
  AVFMT_FLAG_CUSTOM_IO,
  AVFMT_GLOBALHEADER,
  AVSEEK_SET,
  type CodecParameters,
  Dictionary,
  FFmpegError,
  FormatContext,
  IOContext,
  Log,
  type Packet,
  Rational,
  type Stream,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { formatOf } from './formats.ts';
import type { FileSink } from './sink.ts';

/** A stream that is copied as it is. Valid until the file is finished: the parameters stay the giver's. */
export interface CopiedStream {
  readonly codecParameters: CodecParameters;
  /** Seconds of a tick of its packets' times. */
  readonly timeBase: { readonly num: number; readonly den: number };
  /** FFmpeg's AV_DISPOSITION_ flags. */
  readonly disposition: number;
  /** Language, title …, as FFmpeg names them. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Where a container's bytes go: a {@link FileSink}, or what brings them to a file later. */
export type ContainerSink = Pick<FileSink, 'path' | 'seekable' | 'failure' | 'size' | 'position' | 'write'>;

const BUFFER_BYTES = 1 << 16;

/** How the containers are written: what lies on the disk is playable at any time, with at most a second missing at its end. */
function muxerOptions(seekable: boolean): Record<string, string> {
  return {
    // mp4 and mov: in fragments while it is being written; when it is finished it becomes a plain file, in place.
    movflags: seekable
      ? 'hybrid_fragmented+delay_moov+default_base_moof'
      : 'frag_keyframe+delay_moov+default_base_moof',
    frag_duration: '1000000',
    use_editlist: '1',
    // Matroska.
    cluster_time_limit: '1000',
  };
}

/** A container being written. Streams are added, then {@link start}, then packets in order. One call at a time. */
export class Container {
  readonly #sink: ContainerSink;
  readonly #io: IOContext;
  readonly #context: FormatContext;
  readonly #bases: { readonly num: number; readonly den: number }[] = [];
  readonly #options: Readonly<Record<string, string>>;
  #started = false;
  #closed = false;

  /** Whether codecs put their headers into the header of the container that `name` ends in, not into the stream. */
  static wantsGlobalHeader(name: string): boolean {
    const context = new FormatContext();
    check(context.allocOutputContext2(null, formatOf(name).muxer, name), `${name}: the container is unknown`);
    const wants = context.oformat?.hasFlags(AVFMT_GLOBALHEADER) ?? false;
    context.freeContext();
    return wants;
  }

  /**
   * @param name a name with the ending that chooses the container.
   * @param options of FFmpeg's muxer, before those that the format has anyway.
   * @throws FrameliftError `mux.failed`.
   */
  constructor(name: string, sink: ContainerSink, options: Readonly<Record<string, string>> = {}) {
    Log.setLevel(AV_LOG_FATAL);
    this.#sink = sink;
    this.#context = new FormatContext();
    const { muxer, options: usual = {} } = formatOf(name);
    this.#options = { ...usual, ...options };
    check(this.#context.allocOutputContext2(null, muxer, name), 'the container is unknown');
    this.#io = new IOContext();
    const seek = sink.seekable ? (offset: bigint, whence: number): bigint => this.#seek(offset, whence) : null;
    this.#io.allocContextWithCallbacks(BUFFER_BYTES, 1, null, (bytes) => this.#put(bytes), seek);
    this.#context.pb = this.#io;
    // Exact to the bit: the same packets give the same file.
    this.#context.setFlags(AVFMT_FLAG_CUSTOM_IO, AVFMT_FLAG_BITEXACT);
  }

  /** FFmpeg's own context, for what belongs to the whole file and is set before {@link start}: tags, chapters. */
  get context(): FormatContext {
    return this.#context;
  }

  /** Adds a stream that is copied. @returns its track. */
  addCopied(given: CopiedStream): number {
    const stream = this.#context.newStream(null);
    check(given.codecParameters.copy(stream.codecpar), 'a stream cannot be copied');
    stream.disposition = given.disposition as Stream['disposition']; // FFmpeg's flags, of a brand of node-av
    stream.metadata = Dictionary.fromObject({ ...given.metadata });
    return this.#add(stream, given.timeBase);
  }

  /** Adds a stream that is described by `describe`; its packets' times are in `timeBase`. @returns its track. */
  addEncoded(describe: (stream: Stream) => void, timeBase: { readonly num: number; readonly den: number }): number {
    const stream = this.#context.newStream(null);
    describe(stream);
    return this.#add(stream, timeBase);
  }

  /** Writes the header. @throws FrameliftError `mux.failed`. */
  async start(): Promise<void> {
    const options = Dictionary.fromObject({ ...muxerOptions(this.#sink.seekable), ...this.#options });
    try {
      const code = await this.#context.writeHeader(options);
      this.#check(code, 'the header cannot be written');
      this.#started = true;
    } finally {
      options.free();
    }
  }

  /** Writes one packet, whose times become the container's; it stays the caller's. @throws FrameliftError `mux.failed`. */
  async write(packet: Packet, track: number): Promise<void> {
    const [from, to] = [this.#bases[track], this.#context.streams[track]?.timeBase];
    if (!from || !to) throw new FrameliftError('mux.failed', `there is no track ${track}`);
    packet.rescaleTs(from, { num: to.num, den: to.den });
    packet.streamIndex = track;
    this.#check(await this.#context.writeFrame(packet), 'a packet cannot be written');
  }

  /** Brings what is complete to the file. @throws FrameliftError `mux.failed`. */
  async flush(): Promise<void> {
    if (this.#started) await this.#io.flush();
    this.#check(0, '');
  }

  /** Writes the trailer, and all that waits. @throws FrameliftError `mux.failed`. */
  async finish(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    const code = await this.#context.writeTrailer();
    this.#check(code, 'the end of the file cannot be written');
    await this.#io.flush();
    this.#check(0, '');
  }

  /** Frees everything native; the sink stays open. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.pb = null;
    this.#io.freeContext();
    this.#context.freeContext();
  }

  #add(stream: Stream, timeBase: { readonly num: number; readonly den: number }): number {
    stream.timeBase = new Rational(timeBase.num, timeBase.den);
    this.#bases[stream.index] = timeBase;
    return stream.index;
  }

  /** FFmpeg reports a failed write late and as a number; the sink knows it at once and in words. */
  #check(code: number, doing: string): void {
    if (this.#sink.failure) throw this.#sink.failure;
    check(code, `${this.#sink.path}: ${doing}`);
  }

  #put(bytes: Uint8Array): number {
    try {
      this.#sink.write(bytes);
      return bytes.length;
    } catch {
      return AVERROR_EIO; // the sink keeps the reason
    }
  }

  #seek(offset: bigint, whence: number): bigint {
    if (whence === AVSEEK_SET) this.#sink.position = Number(offset);
    // Of the others, muxers ask for the size alone.
    return BigInt(whence === AVSEEK_SET ? this.#sink.position : this.#sink.size);
  }
}

/** @throws FrameliftError `mux.failed` for a code of FFmpeg that is an error. */
function check(code: number, doing: string): void {
  if (code < 0) throw new FrameliftError('mux.failed', `${doing}: ${FFmpegError.strerror(code)}`);
}

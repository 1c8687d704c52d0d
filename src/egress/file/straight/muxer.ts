/** Packets of one encoder into a container. The adapter of node-av's muxers. */
import {
  AV_LOG_FATAL,
  AVFMT_FLAG_CUSTOM_IO,
  AVIO_FLAG_WRITE,
  Dictionary,
  FFmpegError,
  FormatContext,
  IOContext,
  Log,
  type Packet,
  type Rational,
} from 'node-av';
import { FrameliftError } from '../../../errors.ts';
import type { FileCodec } from '../codecs.ts';
import type { FileEncoder } from '../encoder.ts';
import type { FileFormat } from '../formats.ts';

/** Where bytes go, one after the other. */
export interface ByteSink {
  /** Resolves when more may follow. The bytes are the sink's. @throws FrameliftError `mux.failed`. */
  write(bytes: Buffer): Promise<void>;
}

const BUFFER_BYTES = 1 << 16;

/** A container being written, with one video stream. Calls run one at a time. */
export class Muxer {
  readonly #format: FileFormat;
  readonly #context = new FormatContext();
  readonly #io: IOContext | undefined;
  readonly #sink: ByteSink | undefined;
  /** Written by FFmpeg, not yet in the sink. */
  #waiting: Buffer[] = [];
  #base: Rational | undefined;
  #started = false;

  private constructor(format: FileFormat, path: string, sink: ByteSink | undefined) {
    Log.setLevel(AV_LOG_FATAL);
    this.#format = format;
    this.#sink = sink;
    check(this.#context.allocOutputContext2(null, format.muxer, path), `${format.muxer} cannot be written`);
    if (!sink) return;
    this.#io = new IOContext();
    this.#io.allocContextWithCallbacks(BUFFER_BYTES, 1, null, (bytes) => {
      this.#waiting.push(Buffer.from(bytes));
      return bytes.length;
    });
    this.#context.pb = this.#io;
    this.#context.setFlags(AVFMT_FLAG_CUSTOM_IO);
  }

  /** To a file, which is created. @throws FrameliftError `mux.failed`. */
  static async toFile(format: FileFormat, path: string): Promise<Muxer> {
    const muxer = new Muxer(format, path, undefined);
    const io = new IOContext();
    const code = await io.open2(path, AVIO_FLAG_WRITE);
    if (code >= 0) muxer.#context.pb = io;
    else await muxer.close();
    check(code, path);
    return muxer;
  }

  /** To a sink, from beginning to end. @throws FrameliftError `mux.failed`. */
  static toSink(format: FileFormat, sink: ByteSink): Muxer {
    return new Muxer(format, '', sink);
  }

  /** Takes a packet of the encoder, which has seen its first frame; the packet stays the caller's. */
  async write(packet: Packet, encoder: FileEncoder, codec: FileCodec): Promise<void> {
    if (!this.#started) await this.#start(encoder, codec);
    const base = this.#base;
    if (base) packet.rescaleTs(encoder.timeBase, { num: base.num, den: base.den });
    packet.streamIndex = 0;
    check(await this.#context.writeFrame(packet), 'a packet cannot be written');
    await this.#pass();
  }

  /** Writes the end. @throws FrameliftError `mux.failed`. */
  async finish(): Promise<void> {
    if (this.#started) check(await this.#context.writeTrailer(), 'the end cannot be written');
    await this.#io?.flush();
    await this.#pass();
  }

  /** Frees everything native. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#io) {
      this.#context.pb = null;
      this.#io.freeContext();
      this.#context.freeContext();
    } else await this.#context.closeOutput();
  }

  async #start(encoder: FileEncoder, codec: FileCodec): Promise<void> {
    const stream = this.#context.newStream(null);
    encoder.describe(stream, this.#format.tags?.[codec]);
    const options = Dictionary.fromObject({ ...this.#format.options });
    try {
      check(await this.#context.writeHeader(options), 'the header cannot be written');
    } finally {
      options.free();
    }
    this.#base = stream.timeBase;
    this.#started = true;
  }

  async #pass(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) await this.#sink?.write(bytes);
  }
}

function check(code: number, doing: string): void {
  if (code < 0) throw new FrameliftError('mux.failed', `${doing}: ${FFmpegError.strerror(code)}`);
}

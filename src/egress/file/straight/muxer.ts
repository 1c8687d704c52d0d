/** Packets of one encoder into a container. The adapter of node-av's muxers. */
import {
  AV_LOG_FATAL,
  AVFMT_FLAG_CUSTOM_IO,
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

/** A container being written from beginning to end, with one video stream. Calls run one at a time. */
export class Muxer {
  readonly #format: FileFormat;
  readonly #context = new FormatContext();
  readonly #io = new IOContext();
  readonly #sink: ByteSink;
  /** Written by FFmpeg, not yet in the sink. */
  #waiting: Buffer[] = [];
  #base: Rational | undefined;
  #started = false;

  /** @throws FrameliftError `mux.failed`. */
  constructor(format: FileFormat, sink: ByteSink) {
    Log.setLevel(AV_LOG_FATAL);
    this.#format = format;
    this.#sink = sink;
    check(this.#context.allocOutputContext2(null, format.muxer, null), `${format.muxer} cannot be written`);
    this.#io.allocContextWithCallbacks(BUFFER_BYTES, 1, null, (bytes) => {
      this.#waiting.push(Buffer.from(bytes));
      return bytes.length;
    });
    this.#context.pb = this.#io;
    this.#context.setFlags(AVFMT_FLAG_CUSTOM_IO);
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
    await this.#io.flush();
    await this.#pass();
  }

  /** Frees everything native. */
  close(): void {
    this.#context.pb = null;
    this.#io.freeContext();
    this.#context.freeContext();
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
    for (const bytes of waiting) await this.#sink.write(bytes);
  }
}

function check(code: number, doing: string): void {
  if (code < 0) throw new FrameliftError('mux.failed', `${doing}: ${FFmpegError.strerror(code)}`);
}

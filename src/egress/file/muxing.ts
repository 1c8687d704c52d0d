/** The file of an output under way: its container, the order of its packets, and how far it is on the disk. */
import { AV_NOPTS_VALUE, Dictionary, type Packet, type Stream } from 'node-av';
import { FrameliftError } from '../../errors.ts';
import type { Micros } from '../../time.ts';
import { Container, type CopiedStream } from './container.ts';
import { ENCODER_TIME_BASE } from './encoder.ts';
import { Interleaver } from './interleaver.ts';
import type { KeptFile, OutputFile } from './output-file.ts';
import type { Identity } from './resume-state.ts';
import type { FileSink } from './sink.ts';

/** Time of the output after which what is complete goes to the file. */
const FLUSH_INTERVAL = 1_000_000;

interface Copied {
  readonly packet: Packet;
  /** Of {@link Muxing.add}. */
  readonly track: number;
}

/** Created with the first frame, since the frame describes the video. */
export class Muxing {
  readonly #output: OutputFile;
  readonly #identity: Identity;
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #streams: CopiedStream[] = [];
  readonly #waiting = new Interleaver<Copied>();
  #sink: FileSink | undefined;
  #container: Container | undefined;
  #video = 0;
  /** Tracks of {@link #streams} in the container. */
  #tracks: number[] = [];
  /** Of the input's timeline, what is zero in the output. */
  #start: Micros | undefined;
  #frames = 0;
  #flushed = 0;

  constructor(output: OutputFile, identity: Identity, metadata: Readonly<Record<string, string>>) {
    this.#output = output;
    this.#identity = identity;
    this.#metadata = metadata;
  }

  get started(): boolean {
    return this.#start !== undefined;
  }

  /** Video packets so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Whether codecs put their headers into the container's. */
  get wantsGlobalHeader(): boolean {
    return Container.wantsGlobalHeader(this.#output.path);
  }

  /** @returns its track. */
  add(stream: CopiedStream): number {
    if (this.started)
      throw new FrameliftError('mux.failed', `${this.#output.path}: a stream comes after the first frame`);
    return this.#streams.push(stream) - 1;
  }

  /** Creates the file. @param describe says what the video is. @param start of the input's timeline, zero in the output. */
  async start(describe: (stream: Stream) => void, start: Micros, kept: KeptFile | undefined): Promise<void> {
    const sink = await this.#output.create(this.#identity, kept);
    this.#sink = sink;
    const container = new Container(this.#output.path, sink);
    this.#container = container;
    container.context.metadata = Dictionary.fromObject({ ...this.#metadata });
    this.#video = container.addEncoded(describe, ENCODER_TIME_BASE);
    this.#tracks = this.#streams.map((stream) => container.addCopied(stream));
    await container.start();
    this.#start = start;
  }

  /** Writes a video packet, whose times are the output's in microseconds; before it what was copied and comes before it. */
  async writeVideo(packet: Packet): Promise<void> {
    const container = this.#open();
    const at = Number(packet.dts);
    for (const copied of this.#waiting.until(at + (this.#start ?? 0))) await this.#writeCopied(copied);
    await container.write(packet, this.#video);
    this.#frames += 1;
    if (at - this.#flushed < FLUSH_INTERVAL) return;
    this.#flushed = at;
    await container.flush();
  }

  /** Takes a copy of a packet, to be written in its place. */
  async copy(packet: Packet, track: number): Promise<void> {
    const stream = this.#streams[track];
    const own = packet.clone();
    if (!stream || !own)
      throw new FrameliftError('mux.failed', `${this.#output.path} has no track ${track} to copy to`);
    const stamp = own.dts === AV_NOPTS_VALUE ? own.pts : own.dts;
    const at = stamp === AV_NOPTS_VALUE ? 0 : (Number(stamp) * 1e6 * stream.timeBase.num) / stream.timeBase.den;
    this.#waiting.add({ packet: own, track }, at, own.size);
    if (!this.started) return;
    for (const copied of this.#waiting.excess()) await this.#writeCopied(copied);
  }

  /** Writes what waits, and the end. */
  async finish(): Promise<void> {
    const container = this.#open();
    for (const copied of this.#waiting.rest()) await this.#writeCopied(copied);
    await container.finish();
    this.#sink?.finish();
  }

  /** Closing twice is harmless. */
  close(): void {
    for (const { packet } of this.#waiting.rest()) packet.free();
    this.#container?.close();
    this.#sink?.abandon();
  }

  #open(): Container {
    if (this.#container && this.started) return this.#container;
    throw new FrameliftError('mux.failed', `${this.#output.path} has no frame yet`);
  }

  /** Owns the packet. */
  async #writeCopied({ packet, track }: Copied): Promise<void> {
    const { num, den } = this.#streams[track]?.timeBase ?? ENCODER_TIME_BASE;
    const shift = BigInt(Math.round(((this.#start ?? 0) * den) / (num * 1e6)));
    try {
      if (packet.pts !== AV_NOPTS_VALUE) packet.pts -= shift;
      if (packet.dts !== AV_NOPTS_VALUE) packet.dts -= shift;
      await this.#open().write(packet, this.#tracks[track] ?? 0);
    } finally {
      packet.free();
    }
  }
}

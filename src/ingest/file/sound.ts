/** The sound of a local file, decoded and coded anew beside its frames. An adapter of node-av's demuxers. */
import { resolve } from 'node:path';
import {
  AV_LOG_FATAL,
  AV_NOPTS_VALUE,
  AVDISCARD_ALL,
  AVMEDIA_TYPE_AUDIO,
  AVSEEK_FLAG_BACKWARD,
  avGetCodecName,
  Dictionary,
  FormatContext,
  Log,
  Packet,
  type Stream,
} from 'node-av';
import { asFrameliftError, type FrameliftError } from '../../errors.ts';
import type { SoundInfo, SoundPacket } from '../../media/sound.ts';
import { type Micros, micros } from '../../time.ts';
import { OpusTranscoder } from '../audio/transcoder.ts';

/** Packets that one call reads at most: a file whose sound lies far ahead of its frames. */
const MAX_PACKETS = 200;

/** Reads the sound of one file in the order of its times, as far as it is asked to. Close it. */
export class FileSound {
  readonly info: SoundInfo;
  readonly #context: FormatContext;
  readonly #stream: Stream;
  readonly #transcoder: OpusTranscoder;
  readonly #packet = new Packet();
  #readTo = Number.NEGATIVE_INFINITY;
  #fresh = true;
  #ended = false;
  #work: Promise<void> = Promise.resolve();
  #busy = false;
  #closed = false;

  private constructor(context: FormatContext, stream: Stream) {
    this.#context = context;
    this.#stream = stream;
    const { codecpar: parameters } = stream;
    this.info = { codec: avGetCodecName(parameters.codecId) ?? 'unknown', sent: 'opus' };
    this.#transcoder = new OpusTranscoder({ channels: parameters.channels, parameters });
    this.#packet.alloc();
  }

  /**
   * Opens the best sound of a file; undefined where it has none.
   * @throws FrameliftError `decode.failed` where there is one that cannot be decoded.
   */
  static async open(path: string): Promise<FileSound | undefined> {
    Log.setLevel(AV_LOG_FATAL);
    const context = new FormatContext();
    const settings = Dictionary.fromObject({ protocol_whitelist: 'file,crypto,data', fflags: '+genpts' });
    try {
      context.allocContext();
      const opened = await context.openInput(`file:${resolve(path)}`, null, settings);
      const found = opened < 0 ? opened : await context.findStreamInfo(null);
      const index = found < 0 ? -1 : context.findBestStream(AVMEDIA_TYPE_AUDIO, -1, -1);
      const stream = context.streams[index];
      if (!stream) {
        await context.closeInput();
        return undefined;
      }
      for (const other of context.streams) if (other.index !== index) other.discard = AVDISCARD_ALL;
      return new FileSound(context, stream);
    } catch (error) {
      await context.closeInput();
      throw asFrameliftError(error, 'decode.failed', false);
    } finally {
      settings.free();
    }
  }

  /**
   * Reads on to `until` of the file's times, in the background. Does nothing while the call before is at work.
   * @param emit gets each piece, its times those of the file.
   * @param failed told when the file cannot be read any more.
   */
  advance(until: Micros, emit: (packet: SoundPacket) => void, failed: (error: FrameliftError) => void): void {
    if (this.#busy || this.#ended || this.#closed || this.#readTo >= until) return;
    this.#busy = true;
    this.#work = this.#read(until, emit)
      .catch((error: unknown) => {
        this.#ended = true;
        failed(asFrameliftError(error, 'decode.failed'));
      })
      .finally(() => {
        this.#busy = false;
      });
  }

  /** Back to the beginning. */
  async rewind(): Promise<void> {
    await this.#work;
    const start = this.#stream.startTime === AV_NOPTS_VALUE ? 0n : this.#stream.startTime;
    const code = await this.#context.seekFrame(this.#stream.index, start, AVSEEK_FLAG_BACKWARD);
    this.#ended = code < 0;
    this.#readTo = Number.NEGATIVE_INFINITY;
    this.#fresh = true;
  }

  /** Frees everything. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#work;
    this.#transcoder.close();
    this.#packet.free();
    await this.#context.closeInput();
  }

  async #read(until: Micros, emit: (packet: SoundPacket) => void): Promise<void> {
    const { num, den } = this.#stream.timeBase;
    for (let i = 0; i < MAX_PACKETS && this.#readTo < until && !this.#closed; i += 1) {
      const code = await this.#context.readFrame(this.#packet);
      if (code < 0) {
        this.#ended = true;
        return;
      }
      const { streamIndex, pts, data } = this.#packet;
      if (streamIndex === this.#stream.index && pts !== AV_NOPTS_VALUE && data) {
        const at = micros((Number(pts) * 1e6 * num) / den);
        const copy = Buffer.from(data);
        this.#packet.unref();
        this.#transcoder.push(copy, at, this.#fresh, (packet) => emit({ codec: 'opus', ...packet }));
        this.#fresh = false;
        this.#readTo = at;
      } else this.#packet.unref();
    }
  }
}

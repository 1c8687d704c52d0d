/**
 * Access units and sound as NUT, the container that ffmpeg reads from a pipe without waiting: nothing
 * is encoded, each unit goes out at once. The adapter of node-av's muxer for pushes.
 */
import {
  AV_LOG_FATAL,
  AVFMT_FLAG_CUSTOM_IO,
  Dictionary,
  FFmpegError,
  FormatContext,
  IOContext,
  Log,
  Packet,
  Rational,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { SOUND_CLOCK, type SoundCodec } from '../../media/sound.ts';
import type { Micros } from '../../time.ts';
import type { SoundUnit } from '../audio/sound-out.ts';
import { describeSound, describeVideo } from '../codec/described.ts';
import type { ParameterSets } from '../codec/parameter-sets.ts';
import type { EncodedUnit } from '../viewer.ts';

/** What is written. */
export interface NutStreams {
  readonly sets: Pick<ParameterSets, 'annexB' | 'size'>;
  readonly sound: SoundCodec | undefined;
  /** What becomes time zero, on the timeline of due times. */
  readonly start: Micros;
}

const VIDEO_CLOCK = 90_000;
const BUFFER_BYTES = 1 << 16;

/** Writes NUT. Everything happens at once; the bytes come out of {@link take}. */
export class NutWriter {
  readonly #context = new FormatContext();
  readonly #io = new IOContext();
  readonly #packet = new Packet();
  readonly #streams: NutStreams;
  #chunks: Buffer[] = [];
  /** Of {@link VIDEO_CLOCK}, of the last unit. */
  #lastVideo = -1;
  #lastSound = -1;
  #closed = false;

  /** @throws FrameliftError `output.failed`. */
  constructor(streams: NutStreams) {
    Log.setLevel(AV_LOG_FATAL);
    this.#streams = streams;
    check(this.#context.allocOutputContext2(null, 'nut', null), 'NUT is not known');
    this.#io.allocContextWithCallbacks(BUFFER_BYTES, 1, null, (bytes) => this.#chunks.push(Buffer.from(bytes)), null);
    this.#context.pb = this.#io;
    this.#context.setFlags(AVFMT_FLAG_CUSTOM_IO);
    this.#packet.alloc();
    const video = this.#context.newStream(null);
    describeVideo(video, streams.sets);
    video.timeBase = new Rational(1, VIDEO_CLOCK);
    if (streams.sound) {
      const sound = this.#context.newStream(null);
      describeSound(sound, streams.sound);
      sound.timeBase = new Rational(1, SOUND_CLOCK[streams.sound]);
    }
    const options = Dictionary.fromObject({ write_index: '0' });
    try {
      check(this.#context.writeHeaderSync(options), 'the header cannot be written');
    } finally {
      options.free();
    }
  }

  /** Writes an access unit. @throws FrameliftError `output.failed`. */
  video({ data, due, keyframe }: EncodedUnit): void {
    const ticks = Math.round(((due - this.#streams.start) / 1e6) * VIDEO_CLOCK);
    this.#lastVideo = Math.max(ticks, this.#lastVideo + 1);
    this.#write(data, 0, this.#lastVideo, keyframe);
  }

  /** Writes a piece of sound; none that belongs before the start. @throws FrameliftError `output.failed`. */
  sound({ codec, data, ticks }: SoundUnit): void {
    const at = ticks - Math.round((this.#streams.start / 1e6) * SOUND_CLOCK[codec]);
    if (codec !== this.#streams.sound || at <= this.#lastSound) return;
    this.#lastSound = at;
    this.#write(Buffer.from(data), 1, at, true);
  }

  /** The bytes since the last call. */
  take(): Buffer[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  /** Frees everything native. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#packet.free();
    this.#context.pb = null;
    this.#io.freeContext();
    this.#context.freeContext();
  }

  #write(data: Buffer, track: number, ticks: number, keyframe: boolean): void {
    if (this.#closed) return;
    const packet = this.#packet;
    const clock = track === 0 ? VIDEO_CLOCK : SOUND_CLOCK[this.#streams.sound ?? 'opus'];
    packet.data = data;
    packet.streamIndex = track;
    packet.pts = BigInt(ticks);
    packet.dts = packet.pts;
    packet.isKeyframe = keyframe;
    const { num, den } = this.#context.streams[track]?.timeBase ?? { num: 1, den: clock };
    packet.rescaleTs({ num: 1, den: clock }, { num, den });
    const code = this.#context.writeFrameSync(packet);
    packet.unref();
    this.#io.flushSync();
    check(code, 'a packet cannot be written');
  }
}

/** @throws FrameliftError `output.failed` for a code of FFmpeg that is an error. */
function check(code: number, doing: string): void {
  if (code < 0) throw new FrameliftError('output.failed', `${doing}: ${FFmpegError.strerror(code)}`);
}

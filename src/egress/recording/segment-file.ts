/** One segment on its way to the disk: video, sound, and the provenance of each picture. The adapter of node-av's muxers. */

import { join } from 'node:path';
import { Dictionary, Packet, type Stream } from 'node-av';
import type { FrameliftError } from '../../errors.ts';
import { SOUND_CLOCK, type SoundCodec } from '../../media/sound.ts';
import { type Micros, minus, toMs } from '../../time.ts';
import { describeSound, describeVideo } from '../codec/described.ts';
import type { ParameterSets } from '../codec/parameter-sets.ts';
import { Container, type ContainerSink } from '../file/container.ts';
import { type ProvenanceRecord, provenanceRecord } from '../provenance.ts';
import type { EncodedUnit } from '../viewer.ts';
import type { Disk, DiskFile } from './disk.ts';
import { nameOfSegment, type SegmentName, sidecarOf } from './segment-name.ts';
import type { RecordingFormat } from './settings.ts';
import type { PlacedSound } from './sound-times.ts';

/** Ticks of a second: of RTP, MP4, and the sidecar's `rtp`. */
const VIDEO_CLOCK = 90_000;
/** Matroska keeps milliseconds. */
const MKV_STEP = VIDEO_CLOCK / 1000;
/** A fragment, or cluster, is so long. */
const FRAGMENT_MICROS = 500_000;
/** What is complete goes to the disk so often. */
const FLUSH_MICROS = 200_000;

/** For files that have to be playable while they are written; whole MP4 files become plain ones in the end. */
const OPTIONS: Readonly<Record<RecordingFormat, Readonly<Record<string, string>>>> = {
  mp4: { movflags: 'hybrid_fragmented+empty_moov+default_base_moof', frag_duration: `${FRAGMENT_MICROS}` },
  mkv: { cluster_time_limit: `${FRAGMENT_MICROS / 1000}` },
};

/** Pictures of a segment by their provenance. */
export type FrameCounts = Readonly<Record<ProvenanceRecord['kind'], number>>;

/** What a segment is made for. */
export interface SegmentOptions extends SegmentName {
  readonly stream: string;
  readonly folder: string;
  readonly disk: Disk;
  readonly parameterSets: ParameterSets;
  /** Of the first picture. */
  readonly due: Micros;
  /** Undefined: it has no sound. */
  readonly sound: SoundCodec | undefined;
}

/** What the first line of a sidecar says. */
interface SidecarHead {
  readonly stream: string;
  readonly variant: string;
  readonly start: string;
}

/** What the last line of a sidecar says. */
export interface SidecarEnd {
  readonly durationMs: number;
  readonly frames: FrameCounts;
}

/** Takes what a muxer writes, and brings it to a file when it is asked to. */
class Outbox implements ContainerSink {
  readonly path: string;
  readonly seekable = true;
  readonly failure: FrameliftError | undefined;
  position = 0;
  size = 0;
  #waiting: { readonly bytes: Buffer; readonly position: number }[] = [];

  constructor(path: string) {
    this.path = path;
  }

  write(bytes: Uint8Array): void {
    this.#waiting.push({ bytes: Buffer.from(bytes), position: this.position });
    this.position += bytes.length;
    this.size = Math.max(this.size, this.position);
  }

  async deliver(file: DiskFile): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { bytes, position } of waiting) await file.write(bytes, position);
  }
}

/** A segment being written. One call at a time; all throw the errors of node:fs, and `mux.failed`. */
export class SegmentFile {
  readonly name: string;
  readonly #options: SegmentOptions;
  readonly #file: DiskFile;
  readonly #sidecar: DiskFile;
  readonly #outbox: Outbox;
  readonly #container: Container;
  readonly #packet = new Packet();
  readonly #video: number;
  readonly #sound: number | undefined;
  readonly #counts = { source: 0, interpolated: 0, extrapolated: 0, repeated: 0 };
  #lines: string[] = [];
  #sidecarBytes = 0;
  #headerBytes = 0;
  #lastTick = -1;
  /** The last picture: MP4 has to be told how long it is shown, or the next one moves where a fragment ends. */
  #held: { readonly data: Buffer; readonly key: boolean } | undefined;
  /** Of the last picture, on the timeline of `due`. */
  #last: Micros;
  #interval = VIDEO_CLOCK / 30;
  #flushed = 0;
  #closed = false;

  private constructor(name: string, options: SegmentOptions, file: DiskFile, sidecar: DiskFile) {
    this.name = name;
    this.#options = options;
    this.#file = file;
    this.#sidecar = sidecar;
    this.#last = options.due;
    this.#outbox = new Outbox(join(options.folder, name));
    this.#packet.alloc();
    this.#container = new Container(name, this.#outbox, OPTIONS[options.format]);
    const start = isoTime(options.start);
    const { stream, variant, sound } = options;
    this.#container.context.metadata = Dictionary.fromObject({
      ...{ title: `${stream} (${variant})`, creation_time: start, date: start },
      comment: `recorded by framelift; the first picture was shown at ${start}`,
    });
    this.#video = this.#container.addEncoded((video) => describeVideo(video, options.parameterSets), {
      ...{ num: 1, den: VIDEO_CLOCK },
    });
    const describe = sound && ((track: Stream) => describeSound(track, sound));
    this.#sound = describe && this.#container.addEncoded(describe, { num: 1, den: SOUND_CLOCK[sound] });
    const head: SidecarHead = { stream, variant, start };
    this.#lines.push(JSON.stringify({ segment: head }));
  }

  /** Creates the files; where that fails, there are none. */
  static async create(options: SegmentOptions): Promise<SegmentFile> {
    const { disk, folder } = options;
    const name = nameOfSegment(options);
    const paths = [join(folder, name), join(folder, sidecarOf(name))] as const;
    const file = await disk.create(paths[0]);
    let sidecar: DiskFile | undefined;
    let segment: SegmentFile | undefined;
    try {
      sidecar = await disk.create(paths[1]);
      segment = new SegmentFile(name, options, file, sidecar);
      await segment.#container.start();
      await segment.#container.flush();
      await segment.#deliver();
      segment.#headerBytes = segment.#outbox.size;
      return segment;
    } catch (error) {
      segment?.close();
      await file.abandon();
      await sidecar?.abandon();
      await Promise.allSettled([disk.remove(paths[0]), sidecar && disk.remove(paths[1])]);
      throw error;
    }
  }

  /** Bytes so far, with the sidecar's. */
  get bytes(): number {
    return this.#outbox.size + this.#sidecarBytes;
  }

  /** From the first picture to the end of the last. */
  get duration(): Micros {
    return minus(this.#last, this.#options.due);
  }

  /** Whether pictures have come to the disk. */
  get playable(): boolean {
    return this.#outbox.size > this.#headerBytes;
  }

  get counts(): FrameCounts {
    return { ...this.#counts };
  }

  /** Writes a picture. */
  async picture(unit: EncodedUnit): Promise<void> {
    const { data, keyframe, due } = unit;
    const tick = Math.max(this.#tickOf(due), this.#lastTick + this.#step);
    await this.#writeHeld(tick);
    this.#lastTick = tick;
    this.#last = due;
    this.#held = { data, key: keyframe };
    const record = provenanceRecord(unit, tick);
    this.#counts[record.kind] += 1;
    this.#lines.push(JSON.stringify(record));
    if (minus(due, this.#options.due) - this.#flushed < FLUSH_MICROS) return;
    this.#flushed = minus(due, this.#options.due);
    await this.#container.flush();
    await this.#deliver();
  }

  /** Writes a piece of sound. */
  async sound({ data, at, ticks }: PlacedSound): Promise<void> {
    if (this.#sound === undefined) return;
    await this.#write(Buffer.from(data), { at, ticks, key: true, track: this.#sound });
  }

  /** Completes the files. */
  async finish(): Promise<void> {
    await this.#writeHeld(this.#lastTick + this.#interval);
    await this.#container.finish();
    const end: SidecarEnd = { durationMs: Math.round(toMs(this.duration)), frames: this.counts };
    this.#lines.push(JSON.stringify({ end }));
    await this.#deliver();
    await this.#file.finish();
    await this.#sidecar.finish();
    this.close();
  }

  /** Leaves the files as they are; never throws. */
  async abandon(): Promise<void> {
    this.close();
    await this.#file.abandon();
    await this.#sidecar.abandon();
  }

  /** Frees what is native. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#container.close();
    this.#packet.free();
  }

  get #step(): number {
    return this.#options.format === 'mkv' ? MKV_STEP : 1;
  }

  /** Writes the last picture, which is shown until `tick`. */
  async #writeHeld(tick: number): Promise<void> {
    if (!this.#held) return;
    const { data, key } = this.#held;
    this.#held = undefined;
    this.#interval = tick - this.#lastTick;
    await this.#write(data, { at: this.#lastTick, ticks: this.#interval, key, track: this.#video });
  }

  #tickOf(due: Micros): number {
    const seconds = minus(due, this.#options.due) / 1e6;
    return Math.round((seconds * VIDEO_CLOCK) / this.#step) * this.#step;
  }

  async #write(
    data: Buffer,
    { at, ticks, key, track }: { at: number; ticks: number; key: boolean; track: number },
  ): Promise<void> {
    const packet = this.#packet;
    packet.unref();
    packet.data = data;
    packet.pts = BigInt(at);
    packet.dts = BigInt(at);
    packet.duration = BigInt(ticks);
    packet.isKeyframe = key;
    await this.#container.write(packet, track);
  }

  async #deliver(): Promise<void> {
    const text = Buffer.from(this.#lines.map((line) => `${line}\n`).join(''));
    this.#lines = [];
    await this.#outbox.deliver(this.#file);
    if (text.length === 0) return;
    await this.#sidecar.write(text, this.#sidecarBytes);
    this.#sidecarBytes += text.length;
  }
}

function isoTime(wall: Micros): string {
  return new Date(Math.round(toMs(wall))).toISOString();
}

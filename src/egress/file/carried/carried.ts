/** Everything that goes with the pictures into an output: what is planned, and what carries it out. An adapter of node-av's streams. */
import { AV_PKT_DATA_DISPLAYMATRIX, Dictionary, type Packet, type Stream } from 'node-av';
import type { Accompaniment, OtherPacket, OtherStream } from '../../../ingest/file/accompaniment.ts';
import type { TimeRange } from '../../../ingest/file/range.ts';
import type { Rational } from '../../../media/rate.ts';
import { type Micros, micros, minus, ZERO } from '../../../time.ts';
import type { WrittenChapter } from '../completion/chapter.ts';
import { chaptersWithin, complete } from '../completion/completion.ts';
import type { CoverPicture } from '../completion/mp4.ts';
import type { CopiedStream } from '../container.ts';
import { attachedCover, coverOf } from './covers.ts';
import { CarriedStream } from './streams.ts';
import { type Holding, holdingOf, holds, leftOut } from './table.ts';
import { fileTags, spelled, streamTags, type Tags, timecodeAt } from './tags.ts';

/** Options of {@link Carried}. */
export interface CarriedOptions {
  readonly accompaniment: Accompaniment;
  /** Of the output's name, `.mp4`: it chooses the container. */
  readonly ending: string;
  /** False leaves the sound out. */
  readonly sound: boolean;
  /** Rate of the pictures in the input. */
  readonly rate: Rational | undefined;
  /** What is wanted of the input; undefined = all. */
  readonly range: TimeRange | undefined;
}

/** What takes the copied streams. */
export interface CarriedTarget {
  /** Adds a stream before the first packet. @returns its track. */
  add(stream: CopiedStream): number;
  /** Copies a packet with times on the input's timeline; it stays the caller's. */
  copy(packet: Packet, track: number): Promise<void>;
}

/** What goes with the pictures of one output. */
export class Carried implements Disposable {
  /** Streams of the input whose packets are wanted. */
  readonly streams: readonly OtherStream[];
  /** What is left out, a sentence each. */
  readonly notes: readonly string[];
  /** Time on the input's timeline that is zero in the output. Undefined: that of the first frame, as nothing else has a time. */
  readonly start: Micros | undefined;
  /** Rate of the pictures in the output: to be told before {@link tags} are asked for. Default: the input's. */
  rate: Rational | undefined;
  readonly #from: Rational | undefined;
  readonly #kept: Tags;
  readonly #accompaniment: Accompaniment;
  readonly #holding: Holding;
  readonly #range: TimeRange | undefined;
  readonly #ending: string;
  readonly #covers: readonly CoverPicture[];
  /** Covers as attached files. */
  readonly #attached: readonly CopiedStream[];
  readonly #carried = new Map<number, CarriedStream>();
  readonly #tracks = new Map<number, number>();
  #target: CarriedTarget | undefined;
  /** Packets that came before there was an output. */
  readonly #early: { readonly copy: Packet; readonly index: number }[] = [];

  constructor({ accompaniment, ending, sound, range, rate }: CarriedOptions) {
    const holding = holdingOf(ending);
    this.#accompaniment = accompaniment;
    this.#holding = holding;
    this.#range = range;
    this.#ending = ending;
    this.#from = rate;
    this.rate = rate;
    const wished = accompaniment.streams.filter((stream) => this.#wishes(stream, sound));
    const held = this.#held(wished);
    const covers = held.filter(({ kind }) => kind === 'cover');
    this.#covers = holding.attachments ? [] : covers.map(coverOf);
    this.#attached = holding.attachments ? covers.map(attachedCover) : [];
    this.streams = held.filter(({ kind }) => kind !== 'cover');
    for (const stream of this.streams) {
      const tags = spelled(streamTags(stream.tags), ending);
      this.#carried.set(stream.index, new CarriedStream(stream, holding, tags, range !== undefined));
    }
    const { kept, lost } = fileTags(accompaniment.tags, holding.tags);
    this.#kept = kept;
    this.notes = [
      ...wished.filter((stream) => !held.includes(stream)).map((stream) => leftOut(traitsOf(stream), ending)),
      ...this.#notesOfTheWhole(ending, lost),
    ];
    this.start = this.#zero();
  }

  /** Tags of the whole output. */
  get tags(): Readonly<Record<string, string>> {
    return { ...this.#kept, ...this.#timecode(this.#kept) };
  }

  /** Adds the streams to an output, which takes their packets from now on, and those that came before. */
  async attach(target: CarriedTarget): Promise<void> {
    this.#target = target;
    for (const [index, stream] of this.#carried) this.#tracks.set(index, target.add(stream.copied));
    for (const cover of this.#attached) target.add(cover);
    for (const { copy, index } of this.#early.splice(0)) await this.#give(target, copy, index);
  }

  /** Takes a packet of one of {@link streams}; it stays the caller's. @throws FrameliftError `mux.failed`. */
  async take(packet: OtherPacket): Promise<void> {
    const { index } = packet.stream;
    const copy = this.#carried.get(index)?.convert(packet);
    if (!copy) return;
    if (this.#target) await this.#give(this.#target, copy, index);
    else this.#early.push({ copy, index });
  }

  /** Owns `copy`. */
  async #give(target: CarriedTarget, copy: Packet, index: number): Promise<void> {
    const track = this.#tracks.get(index);
    try {
      if (track !== undefined) await target.copy(copy, track);
    } finally {
      copy.free();
    }
  }

  /** Tells the muxer of the pictures what the input said of them: language and title, default or forced, how they are turned. */
  describe(video: Stream): void {
    const { videoTags, videoDisposition, displayMatrix } = this.#accompaniment;
    video.metadata = Dictionary.fromObject(
      spelled({ ...streamTags(videoTags), ...this.#timecode(videoTags) }, this.#ending),
    );
    // FFmpeg's flags, of a brand of node-av.
    video.disposition = videoDisposition as Stream['disposition'];
    if (displayMatrix && this.#holding.rotation) {
      video.codecpar.addCodedSideData(AV_PKT_DATA_DISPLAYMATRIX, displayMatrix);
    }
  }

  /** Chapters of the output. @param first time of the first frame on the input's timeline. */
  chapters(first: Micros): WrittenChapter[] {
    const within = chaptersWithin(this.#accompaniment.chapters, this.start ?? first, this.#range?.end);
    return within.slice(0, this.#holding.maxChapters);
  }

  /** Puts into the finished file what the muxer cannot. @param path of the file. @throws FrameliftError `mux.failed`. */
  complete(path: string, name: string, first: Micros): void {
    complete(path, name, { chapters: this.chapters(first), covers: this.#covers, starts: this.#starts(first) });
  }

  /** When the streams begin in the output, by their tracks: the picture, then what was copied. */
  #starts(first: Micros): Micros[] {
    const zero = this.start ?? first;
    return [ZERO, ...[...this.#carried.values()].map((stream) => minus(stream.first ?? zero, zero))];
  }

  /** What was lost on the way, a sentence each: known at the end. */
  get losses(): readonly string[] {
    const plainer = [...this.#carried.values()].filter((stream) => stream.plainer);
    if (plainer.length === 0) return [];
    return ['subtitles lost colours, fonts or places, which their new form has none of'];
  }

  [Symbol.dispose](): void {
    for (const { copy } of this.#early.splice(0)) copy.free();
    for (const stream of this.#carried.values()) stream.close();
    this.#carried.clear();
    for (const { codecParameters } of this.#attached) codecParameters.free();
  }

  /** What stands in another place of the input is not missed where its container has a stream for it. */
  #wishes({ kind, codecTag }: OtherStream, sound: boolean): boolean {
    const { chapters, videoTags, tags } = this.#accompaniment;
    if (kind === 'audio') return sound;
    if (kind !== 'data') return true;
    if (codecTag === 'text') return chapters.length === 0;
    return codecTag !== 'tmcd' || this.#holding.tags.length === 0 || !(videoTags.timecode ?? tags.timecode);
  }

  /** The streams that the container holds; of too much sound, the first. */
  #held(wished: readonly OtherStream[]): OtherStream[] {
    const held = wished.filter((stream) => holds(traitsOf(stream), this.#holding));
    const sound = held.filter(({ kind }) => kind === 'audio').slice(0, this.#holding.maxAudio);
    return held.filter((stream) => stream.kind !== 'audio' || sound.includes(stream));
  }

  #timecode(tags: Tags): Tags {
    const [from, to] = [this.#from, this.rate];
    const { timecode } = tags;
    if (timecode === undefined || !from || !to) return {};
    const later = this.#range ? minus(this.#range.start, this.#accompaniment.start) : 0;
    return { timecode: timecodeAt(timecode, from, to, later) ?? timecode };
  }

  #notesOfTheWhole(ending: string, lost: readonly string[]): string[] {
    const { chapters, displayMatrix } = this.#accompaniment;
    const notes: string[] = [];
    const within = this.#range ? chaptersWithin(chapters, this.#range.start, this.#range.end) : chapters;
    const missed = within.length - this.#holding.maxChapters;
    if (missed > 0)
      notes.push(`${missed} of ${within.length} chapters were left out: a ${ending} file cannot hold them`);
    if (isTurned(displayMatrix) && !this.#holding.rotation) {
      notes.push(`the input asks to be turned or mirrored; a ${ending} file cannot say so`);
    }
    if (lost.length > 0) notes.push(`tags were left out (${lost.join(', ')}): a ${ending} file has no place for them`);
    return notes;
  }

  /** Zero of the output. Where sound cannot begin before it, all is later by what the encoder put before the sound. */
  #zero(): Micros | undefined {
    if (this.#range) return this.#range.start;
    if (!this.streams.some(({ kind }) => kind === 'audio' || kind === 'subtitle')) return undefined;
    const { start } = this.#accompaniment;
    if (this.#holding.early) return start;
    return minus(start, micros(Math.max(0, ...this.streams.map(leadOf))));
  }
}

/** The matrix of a picture that is shown as it is: 1 as 16.16 in the diagonal, and 2.30 at its end. */
const UPRIGHT = Buffer.from(Int32Array.of(1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30).buffer);

function isTurned(matrix: Buffer | undefined): boolean {
  return matrix !== undefined && !matrix.subarray(0, UPRIGHT.length).equals(UPRIGHT);
}

/** Microseconds that an encoder put before the sound. */
function leadOf({ kind, native: { codecpar } }: OtherStream): number {
  const { initialPadding, sampleRate } = codecpar;
  return kind === 'audio' && sampleRate > 0 ? Math.ceil((initialPadding * 1e6) / sampleRate) : 0;
}

function traitsOf({ kind, codec, codecTag, tags }: OtherStream): Parameters<typeof leftOut>[0] {
  return { kind, codec, codecTag, language: tags.language, filename: tags.filename };
}

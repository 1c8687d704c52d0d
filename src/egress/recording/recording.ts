/** One variant of a stream on its way to the disk: a follower of its publication. */
import type { EventSink, RecordingState, Variant } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, micros, minus, plus } from '../../time.ts';
import type { SoundUnit } from '../audio/sound-out.ts';
import { type ParameterSets, parameterSetsOf } from '../codec/parameter-sets.ts';
import { Interleaver } from '../file/interleaver.ts';
import type { Follower, Following } from '../followers.ts';
import type { Publication } from '../publication.ts';
import type { EncodedUnit } from '../viewer.ts';
import type { Archive } from './archive.ts';
import { Cutter } from './cutter.ts';
import type { Disk } from './disk.ts';
import { type Fault, faultOf } from './fault.ts';
import { SegmentFile } from './segment-file.ts';
import type { RecordingSettings } from './settings.ts';
import { G711Transcoder, SoundTimes } from './sound-times.ts';
import { type QueuedUnit, UnitQueue } from './unit-queue.ts';

/** What is recorded: a variant of a stream. */
export interface RecordedPublication extends Pick<Publication, 'follow'> {
  readonly sound: Pick<Publication['sound'], 'codec'>;
}

/** Options of {@link Recording}. */
export interface RecordingOptions {
  readonly stream: string;
  readonly variant: Variant;
  readonly publication: RecordedPublication;
  readonly settings: RecordingSettings;
  readonly archive: Archive;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Bytes that may wait to be written. Default: those of {@link UnitQueue}. */
  readonly maxWaiting?: number;
  /** The disk takes no more: makes room. False: there is none to be made. */
  readonly makeRoom: () => Promise<boolean>;
  /** It stands still, or goes on again: undefined. */
  readonly onFault: (fault: Fault | undefined) => void;
}

/** What is said of a recording. */
export interface RecordingStatus {
  readonly state: RecordingState;
  /** Why it stands still. */
  readonly reason: string | undefined;
  /** Name of the segment under way. */
  readonly segment: string | undefined;
  /** Pictures that the disk was too slow for, since the stream began. */
  readonly dropped: number;
}

/** A keyframe is asked for so often. */
const ASK_INTERVAL = fromMs(1000);
/** Sound that waits for its picture. */
const MAX_SOUND_BYTES = 1 << 20;
/** Names differ by milliseconds; so many are tried. */
const MAX_NAMES = 10;

interface Current {
  readonly file: SegmentFile;
  readonly start: Micros;
  readonly sound: SoundTimes | undefined;
  /** Counted so far. */
  counted: number;
}

/** Writes segments. Nothing of it blocks or throws; what goes wrong is its state. */
export class Recording implements Follower {
  readonly #options: RecordingOptions;
  readonly #queue: UnitQueue;
  readonly #cutter: Cutter;
  readonly #sound = new Interleaver<SoundUnit>(MAX_SOUND_BYTES);
  #following: Following | undefined;
  #transcoder: G711Transcoder | undefined;
  #current: Current | undefined;
  #parameterSets: ParameterSets | undefined;
  #askedAt: Micros | undefined;
  #busy = false;
  #working: Promise<void> | undefined;
  #fault: Fault | undefined;
  #counted = 0;
  #restarted = false;

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#cutter = new Cutter(options.settings.segment);
    this.#queue = new UnitQueue(options.maxWaiting);
  }

  get status(): RecordingStatus {
    const { dropped } = this.#queue;
    const segment = this.#current?.file.name;
    return { state: this.#state, reason: this.#fault?.message, segment, dropped };
  }

  /** Takes what is sent from now on; after a fault, anew. */
  start(): void {
    if (this.#following) return;
    this.#report();
    this.#following = this.#options.publication.follow(this);
  }

  /** The source was opened anew: so is the segment, at the next keyframe. */
  sourceRestarted(): void {
    this.#restarted = true;
  }

  take(unit: EncodedUnit): void {
    const { clock } = this.#options;
    const wall = clock.wall() - minus(clock.now(), unit.due);
    this.#enqueue({ picture: unit, wall });
  }

  takeSound(unit: SoundUnit): void {
    this.#enqueue({ sound: unit });
  }

  /** Writes what waits, completes the segment and lets the publication go. Stopping twice is harmless. */
  async stop(): Promise<void> {
    this.#leave();
    await this.#working;
    try {
      await this.#endSegment();
    } catch (error) {
      await this.#abandon();
      this.#stand(faultOf(error, this.#options.archive.folder));
    }
    this.#transcoder?.close();
    this.#transcoder = undefined;
    this.#fault = undefined;
    this.#emitState('off');
  }

  get #state(): RecordingState {
    if (this.#fault) return this.#fault.full ? 'disk-full' : 'failed';
    return this.#following ? (this.#current ? 'recording' : 'waiting') : 'off';
  }

  #enqueue(unit: QueuedUnit): void {
    if (!this.#queue.push(unit)) this.#countDrops();
    if (this.#queue.wantsKeyframe) this.#ask(this.#options.clock.now());
    if (this.#busy) return;
    this.#busy = true;
    this.#working = this.#work();
  }

  async #work(): Promise<void> {
    for (let unit = this.#queue.shift(); unit; unit = this.#queue.shift()) {
      try {
        if ('sound' in unit) this.#hold(unit.sound);
        else await this.#picture(unit.picture, micros(unit.wall));
      } catch (error) {
        await this.#failed(error);
      }
    }
    this.#busy = false;
  }

  async #picture(unit: EncodedUnit, wall: Micros): Promise<void> {
    if (this.#restarted) this.#cutter.cut();
    this.#restarted = false;
    if (unit.keyframe) this.#parameterSets = parameterSetsOf(unit.data) ?? this.#parameterSets;
    const sets = this.#parameterSets;
    const action = this.#cutter.next({
      due: unit.due,
      keyframe: unit.keyframe && sets !== undefined,
      silent: unit.provenance.kind === 'repeated' && unit.provenance.reason === 'silence',
      form: unit.keyframe ? this.#form(unit) : '',
    });
    if (this.#cutter.wantsKeyframe) this.#ask(this.#options.clock.now());
    if (action === 'skip') return;
    await this.#writeSound(unit.due);
    if (action !== 'write') await this.#endSegment();
    if (action === 'begin' && sets) await this.#beginSegment(unit.due, wall, sets);
    if (action === 'end') this.#report();
    else await this.#current?.file.picture(unit);
    this.#note(true);
  }

  /** How a keyframe, and what follows it, is to be decoded, and with which sound. */
  #form({ passed }: EncodedUnit): string {
    const { codec } = this.#options.publication.sound;
    return `${passed ? 'passed' : 'encoded'} ${codec} ${this.#parameterSets?.annexB.toString('base64')}`;
  }

  #hold(unit: SoundUnit): void {
    const { settings } = this.#options;
    if (settings.format === 'mkv' || unit.codec === 'opus') {
      this.#sound.add(unit, unit.due, unit.data.length);
      return;
    }
    this.#transcoder ??= new G711Transcoder(unit.codec);
    for (const made of this.#transcoder.push(unit)) this.#sound.add(made, made.due, made.data.length);
  }

  async #writeSound(until: Micros): Promise<void> {
    const current = this.#current;
    for (const units of [this.#sound.until(until), this.#sound.excess()]) {
      for (const unit of units) {
        const placed = current?.sound?.place(unit);
        if (placed) await current?.file.sound(placed);
      }
    }
  }

  async #beginSegment(due: Micros, wall: Micros, parameterSets: ParameterSets): Promise<void> {
    const { stream, variant, archive, disk, settings, publication, events } = this.#options;
    const { codec } = publication.sound;
    const sound = codec && settings.format === 'mp4' ? 'opus' : codec;
    const shared = {
      stream,
      variant,
      disk,
      parameterSets,
      due,
      sound,
      folder: archive.folder,
      format: settings.format,
    };
    await disk.makeFolder(archive.folder);
    const file = await this.#create(shared, wall);
    this.#current = { file, start: wall, sound: sound && new SoundTimes(sound, due), counted: 0 };
    this.#note(true);
    events.emit({ type: 'recording-segment', stream, variant });
    this.#fault = undefined;
    this.#options.onFault(undefined);
    this.#report();
  }

  async #create(shared: Omit<Parameters<typeof SegmentFile.create>[0], 'start'>, wall: Micros): Promise<SegmentFile> {
    for (let later = 0; ; later += 1) {
      try {
        return await SegmentFile.create({ ...shared, start: plus(wall, fromMs(later)) });
      } catch (error) {
        const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
        if (!taken || later === MAX_NAMES) throw error;
      }
    }
  }

  async #endSegment(): Promise<void> {
    const current = this.#current;
    if (!current) return;
    await current.file.finish();
    this.#note(false);
    this.#current = undefined;
  }

  /** Leaves the segment as it is; one of which nothing came to the disk goes. Never throws. */
  async #abandon(): Promise<void> {
    const current = this.#current;
    this.#cutter.ended();
    if (!current) return;
    const { file } = current;
    await file.abandon();
    this.#note(false);
    this.#current = undefined;
    if (!file.playable) await this.#options.archive.remove(file.name, 'disk-full').catch(() => {});
  }

  /** Tells archive and metrics how far the segment is. */
  #note(open: boolean): void {
    const current = this.#current;
    if (!current) return;
    const { stream, variant, archive, events } = this.#options;
    const { file, start } = current;
    const { bytes, counts: frames, name } = file;
    archive.set({ name, variant, start, end: plus(start, file.duration), bytes, frames, open });
    if (bytes === current.counted) return;
    events.emit({ type: 'recorded', stream, variant, bytes: bytes - current.counted });
    current.counted = bytes;
  }

  async #failed(error: unknown): Promise<void> {
    await this.#abandon();
    const fault = faultOf(error, this.#options.archive.folder);
    try {
      if (fault.full && (await this.#options.makeRoom())) return;
    } catch {
      // What was wrong first is what counts.
    }
    this.#stand(fault);
  }

  #stand(fault: Fault): void {
    this.#leave();
    this.#queue.clear();
    this.#fault = fault;
    this.#options.onFault(fault);
    this.#report();
  }

  #leave(): void {
    this.#following?.[Symbol.dispose]();
    this.#following = undefined;
  }

  #ask(now: Micros): void {
    if (this.#askedAt !== undefined && minus(now, this.#askedAt) < ASK_INTERVAL) return;
    this.#askedAt = now;
    this.#following?.requestKeyframe();
  }

  #countDrops(): void {
    const { stream, variant, events } = this.#options;
    const count = this.#queue.dropped - this.#counted;
    if (count > 0) events.emit({ type: 'recording-drop', stream, variant, count });
    this.#counted += count;
  }

  #report(): void {
    this.#emitState(this.#state);
  }

  #emitState(state: RecordingState): void {
    const { stream, variant, events } = this.#options;
    events.emit({ type: 'recording-state', stream, variant, state });
  }
}

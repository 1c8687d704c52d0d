/** The recordings of a stream: its variants on their way to the disk, and what lies there. */
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import type { EventSink, Variant } from '../../metrics/events.ts';
import { Mutex } from '../../mutex.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, micros, plus } from '../../time.ts';
import { Archive, type Segment } from './archive.ts';
import { type Disk, systemDisk } from './disk.ts';
import { type Fault, faultOf } from './fault.ts';
import { type RecordedPublication, Recording, type RecordingStatus } from './recording.ts';
import { sidecarOf } from './segment-name.ts';
import type { RecordingSettings } from './settings.ts';

/** Options of {@link Recordings}. */
export interface RecordingsOptions {
  readonly stream: string;
  readonly publications: Readonly<Record<Variant, RecordedPublication>>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
  /** For tests. */
  readonly disk?: Disk;
}

/** What is recorded of a stream; the variants that are being recorded. */
export interface RecordingsStatus extends Readonly<Partial<Record<Variant, RecordingStatus>>> {
  /** On the disk, and their bytes. */
  readonly segments: number;
  readonly bytes: number;
}

/** Age, size and room are looked at so often. */
const TEND_INTERVAL = fromMs(5000);
/** What stands still is tried again after this, twice as long each time. */
const FIRST_RETRY = fromMs(5000);
const MAX_RETRY = fromMs(60_000);

interface Place {
  readonly recording: Recording;
  /** Told to people, until it goes on. */
  fault: string | undefined;
  /** That is why. */
  full: boolean;
  retryAt: Micros | undefined;
  wait: Micros;
}

/** Starts, stops and looks after recordings. Calls run one after the other. */
export class Recordings implements AsyncDisposable {
  readonly #options: RecordingsOptions;
  readonly #disk: Disk;
  readonly #turns = new Mutex();
  readonly #places = new Map<Variant, Place>();
  #settings: RecordingSettings;
  #archive: Archive;
  #cancel: CancelTimer | undefined;
  #closed = false;

  constructor(settings: RecordingSettings, options: RecordingsOptions) {
    this.#options = options;
    this.#disk = options.disk ?? systemDisk;
    this.#settings = settings;
    this.#archive = this.#archiveOf(settings);
  }

  /** Where recordings stand; undefined: there are none, and none are made. */
  get status(): RecordingsStatus | undefined {
    const variants = [...this.#places].map(([variant, { recording }]) => [variant, recording.status]);
    const { bytes, count: segments } = this.#archive;
    if (variants.length === 0 && segments === 0) return undefined;
    return { segments, bytes, ...Object.fromEntries(variants) };
  }

  /** All segments, the oldest first. */
  get segments(): readonly Segment[] {
    return this.#archive.segments;
  }

  /** Takes up what lies on the disk, then starts what the settings ask for. Never throws. */
  start(): Promise<void> {
    return this.#turns.run(() => this.#start());
  }

  /** Stops what runs and starts what other settings ask for. Never throws. */
  change(settings: RecordingSettings): Promise<void> {
    return this.#turns.run(async () => {
      await this.#stop();
      this.#settings = settings;
      const archive = this.#archiveOf(settings);
      if (archive.folder !== this.#archive.folder) this.#archive = archive;
      await this.#start();
    });
  }

  /** The source was opened anew. */
  sourceRestarted(): void {
    for (const { recording } of this.#places.values()) recording.sourceRestarted();
  }

  /** Where a segment lies, or the provenance records beside it; undefined: there is no such file. */
  pathOf(name: string): string | undefined {
    const known = this.segments.some((segment) => segment.name === name || sidecarOf(segment.name) === name);
    return known ? join(this.#archive.folder, name) : undefined;
  }

  /** Deletes a segment. @returns `open`: it is being written; undefined: there is none of the name. @throws errors of node:fs. */
  async remove(name: string): Promise<'removed' | 'open' | undefined> {
    const segment = this.#archive.find(name);
    if (segment?.open) return 'open';
    if (!segment) return undefined;
    await this.#archive.remove(name);
    this.#tellKept();
    return 'removed';
  }

  /** Completes the segments. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#turns.run(() => this.#stop());
  }

  async #start(): Promise<void> {
    if (this.#closed) return;
    const { stream, publications, clock, events, log } = this.#options;
    const settings = this.#settings;
    const archive = this.#archive;
    // What is wrong with the directory is said by the recording that needs it.
    if (settings.enabled) await this.#disk.makeFolder(settings.directory).catch(() => {});
    await archive.load().catch((error: unknown) => {
      const { message } = faultOf(error, archive.folder);
      log.warn({ stream, folder: archive.folder }, `recordings cannot be listed: ${message}`);
    });
    if (!settings.enabled) return;
    for (const variant of settings.variants) {
      const recording = new Recording({
        ...{ stream, variant, publication: publications[variant], settings, archive, disk: this.#disk, clock, events },
        makeRoom: () => archive.makeRoom(true),
        onFault: (fault) => this.#judge(variant, fault),
      });
      this.#places.set(variant, { recording, fault: undefined, full: false, retryAt: undefined, wait: FIRST_RETRY });
      recording.start();
    }
    const { folder } = archive;
    log.info({ stream, folder, variants: settings.variants, format: settings.format }, `recording to ${folder}`);
    this.#tend();
  }

  async #stop(): Promise<void> {
    this.#cancel?.();
    await Promise.all([...this.#places.values()].map(({ recording }) => recording.stop()));
    this.#places.clear();
  }

  #archiveOf({ directory }: RecordingSettings): Archive {
    const { stream, events } = this.#options;
    return new Archive(join(directory, stream), this.#disk, (reason) =>
      events.emit({ type: 'recording-removed', stream, reason }),
    );
  }

  /** Deletes what is too old or too much, keeps room, and tries again what stands still. */
  #tend(): void {
    const { clock } = this.#options;
    this.#cancel = clock.at(plus(clock.now(), TEND_INTERVAL), () => {
      void this.#turns.run(async () => {
        if (this.#closed || this.#places.size === 0) return;
        await this.#tidy();
        this.#tellKept();
        const now = clock.now();
        for (const place of this.#places.values()) {
          if (place.retryAt === undefined || now < place.retryAt) continue;
          if (place.full && !(await this.#hasRoom())) continue;
          place.retryAt = undefined;
          place.recording.start();
        }
        this.#tend();
      });
    });
  }

  async #tidy(): Promise<void> {
    const { stream, clock, log } = this.#options;
    try {
      await this.#archive.expire(clock.wall(), this.#rule);
      // Where there is nothing yet there is nothing to give up.
      if (this.#archive.count > 0) await this.#archive.makeRoom(false);
    } catch (error) {
      log.debug({ stream, folder: this.#archive.folder, cause: error }, 'recordings cannot be tidied');
    }
  }

  async #hasRoom(): Promise<boolean> {
    return await this.#archive.makeRoom(false).catch(() => false);
  }

  get #rule(): { keep: Micros; maxBytes: number | undefined } {
    const { keep, maxBytes } = this.#settings;
    return { keep, maxBytes };
  }

  #judge(variant: Variant, fault: Fault | undefined): void {
    const { stream, clock, log } = this.#options;
    const place = this.#places.get(variant);
    if (!place) return;
    if (!fault) {
      if (place.fault !== undefined) log.info({ stream, variant }, 'recording again');
      place.fault = undefined;
      place.wait = FIRST_RETRY;
      return;
    }
    if (place.fault !== fault.message) log.error({ stream, variant }, `recording stands still: ${fault.message}`);
    place.fault = fault.message;
    place.full = fault.full;
    place.retryAt = plus(clock.now(), place.wait);
    place.wait = micros(Math.min(2 * place.wait, MAX_RETRY));
  }

  #tellKept(): void {
    const { stream, events } = this.#options;
    const { bytes, count: segments } = this.#archive;
    events.emit({ type: 'recordings-kept', stream, bytes, segments });
  }
}

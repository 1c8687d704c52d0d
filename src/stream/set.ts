/** The streams of a process: those of the configuration and those that were added since, changed one request after the other. */
import { parse } from 'node:path';
import { appliesLive, differingKeys, isRecording, type StreamChange } from '../config/diff.ts';
import { minConfidenceOf, profileOf, targetOf } from '../config/profile.ts';
import type { StreamConfig } from '../config/schema.ts';
import { jpegOf } from '../egress/codec/jpeg.ts';
import type { Publication } from '../egress/publication.ts';
import type { Recordings } from '../egress/recording/recordings.ts';
import { changedChoice, recordingSettings } from '../egress/recording/settings.ts';
import { FrameliftError } from '../errors.ts';
import type { SourceInfo } from '../ingest/source.ts';
import { WhipSource } from '../ingest/whip/source.ts';
import type { EngineFault } from '../interp/engine/pool.ts';
import { HALF } from '../interp/models/manifest.ts';
import { displayWidth } from '../media/picture-traits.ts';
import type { EventSink, Variant } from '../metrics/events.ts';
import { Mutex } from '../mutex.ts';
import type { Snapshot, StreamControl, StreamDirectory, StreamEntry } from '../server/contract.ts';
import { type Clock, fromMs, type Micros, minus, plus, toMs } from '../time.ts';
import type { TransportSettings } from '../webrtc/transport.ts';
import { Intake } from './intake.ts';
import { makeOutputs } from './make-outputs.ts';
import { makeSource, type SourceOrigin, type SourceRules } from './make-source.ts';
import { describeTarget } from './messages.ts';
import type { StreamContext } from './settings.ts';
import { Snapshots } from './snapshots.ts';
import { Stream } from './stream.ts';

/** What a {@link StreamSet} works with. */
export interface StreamSetOptions extends StreamContext {
  /** Also forgets streams, so that nothing is told of one that is gone. */
  readonly events: EventSink & { forget(stream: string): void };
  readonly transport: TransportSettings;
  /** What sources may be, by who wrote them down. */
  readonly sourceRules: Readonly<Record<SourceOrigin, SourceRules>>;
  /** Where FFMPEG_PATH and PATH are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Most viewers of each stream and variant. */
  readonly maxViewers: number;
  readonly maxStreams: number;
  /** Where streams are recorded to that name no directory. */
  readonly recordings: string;
  /** Model of streams that name none. */
  readonly model: string;
}

/** What a reload makes of the streams. */
export interface StreamPlan {
  readonly added: readonly StreamConfig[];
  readonly removed: readonly string[];
  readonly changed: readonly StreamChange[];
  /** As in {@link StreamSetOptions}, from then on. */
  readonly model: string;
  readonly maxStreams: number;
}

/** A stream and what it was made of. */
interface Member {
  readonly settings: StreamConfig;
  /** Who wrote its source down. */
  readonly origin: SourceOrigin;
  readonly stream: Stream;
  /** Where publishers come in; undefined where none can. */
  readonly gate: WhipSource | undefined;
}

/** Streams by name. Whatever fails leaves all of them as they were. */
export class StreamSet implements StreamDirectory, StreamControl, AsyncDisposable {
  readonly #options: StreamSetOptions;
  readonly #members = new Map<string, Member>();
  readonly #changes = new Mutex();
  readonly #snapshots = new Snapshots(jpegOf);
  #model: string;
  #maxStreams: number;
  #started = false;
  #closed = false;

  constructor(options: StreamSetOptions) {
    this.#options = options;
    this.#model = options.model;
    this.#maxStreams = options.maxStreams;
  }

  /** Starts the streams that there are, and from then on each that comes. */
  start(): void {
    this.#started = true;
    for (const { stream } of this.#members.values()) stream.start();
  }

  /** What runs, as it was configured or changed since. */
  get settings(): readonly StreamConfig[] {
    return [...this.#members.values()].map(({ settings }) => settings);
  }

  /** Where viewers of a stream come in. */
  publication(name: string, variant: Variant): Publication | undefined {
    return this.#members.get(name)?.stream.publication(variant);
  }

  /** Where publishers of a stream come in; undefined where none can. */
  gate(name: string): WhipSource | undefined {
    return this.#members.get(name)?.gate;
  }

  /** The frame of a stream that is shown now. @throws FrameliftError as {@link SnapshotControl}. */
  async snapshot(name: string, variant: Variant): Promise<Snapshot> {
    const { stream } = this.#member(name);
    return this.#snapshots.take(`${variant} of ${name}`, () => stream.shown(variant));
  }

  /** What is recorded of a stream. */
  recordings(name: string): Recordings | undefined {
    return this.#members.get(name)?.stream.recordings;
  }

  list(): readonly StreamEntry[] {
    return [...this.#members.values()].map((member) => entryOf(member, this.#options.clock));
  }

  engineWarm(): boolean {
    return [...this.#members.values()].every(({ stream }) => stream.warm || !stream.ready);
  }

  engineFaults(): readonly EngineFault[] {
    return this.#options.pool.faults;
  }

  async add(settings: StreamConfig): Promise<void> {
    await this.#change(() => {
      if (this.#members.has(settings.name)) {
        throw new FrameliftError('server.stream-exists', `there is a stream "${settings.name}" already`, {
          remedy: `Change it by POST /api/streams/${settings.name}, or choose another name.`,
        });
      }
      return { added: [settings], origin: 'api' };
    });
  }

  async change(name: string, patch: Partial<StreamConfig>): Promise<void> {
    await this.#change(() => {
      const member = this.#member(name);
      const settings = patched(member.settings, patch);
      const keys = differingKeys(member.settings, settings);
      return { changed: [{ settings, keys }], origin: keys.includes('source') ? 'api' : member.origin };
    });
  }

  async remove(name: string): Promise<void> {
    await this.#change(() => ({ removed: [this.#member(name).settings.name] }));
  }

  /** Carries out a reload, all of it or nothing. @throws FrameliftError as {@link StreamControl.add}. */
  async apply(plan: StreamPlan): Promise<void> {
    await this.#change(() => plan);
  }

  /** Ends all streams at once: a source that hangs must not keep the others from being stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#changes.run(async () => {
      const members = [...this.#members.values()];
      this.#members.clear();
      await Promise.all(members.map(({ stream }) => stream[Symbol.asyncDispose]()));
    });
  }

  #member(name: string): Member {
    const found = this.#members.get(name);
    if (!found) throw new FrameliftError('server.no-stream', `there is no stream "${name}"`);
    return found;
  }

  /** First everything that may fail, beside the streams that run; then the exchange, which cannot. */
  #change(decide: () => Partial<StreamPlan> & { readonly origin?: SourceOrigin }): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#closed) throw new FrameliftError('server.failed', 'framelift is closing', { recoverable: true });
      const { model = this.#model, maxStreams = this.#maxStreams, origin = 'operator', ...plan } = decide();
      const { added = [], removed = [], changed = [] } = plan;
      const live = changed.filter((change) => appliesLive(change) && this.#members.has(change.settings.name));
      const anew = changed.filter((change) => !live.includes(change)).map(({ settings }) => settings);
      await using undo = new AsyncDisposableStack();
      const fresh: Member[] = [];
      this.#checkRoom([...added, ...anew], removed, maxStreams);
      for (const settings of [...added, ...anew]) {
        const member = await this.#prepare(settings, model, origin);
        undo.defer(() => member.stream[Symbol.asyncDispose]());
        fresh.push(member);
      }
      const going = [...removed, ...anew.map(({ name }) => name)];
      for (const [name, wanted] of this.#modelChanges(live, going, model)) {
        const { settings, stream } = this.#member(name);
        const before = modelOf(settings, this.#model);
        await stream.useModel(this.#fileOf(wanted));
        undo.defer(() => stream.useModel(this.#fileOf(before)));
      }
      undo.move();
      this.#model = model;
      this.#maxStreams = maxStreams;
      for (const change of live) this.#adjust(change);
      await Promise.all([...fresh.map((member) => this.#install(member)), ...removed.map((name) => this.#end(name))]);
    });
  }

  #checkRoom(coming: readonly StreamConfig[], going: readonly string[], most: number): void {
    const names = new Set([...this.#members.keys(), ...coming.map(({ name }) => name)]);
    for (const name of going) names.delete(name);
    if (names.size <= most) return;
    throw new FrameliftError('server.stream-limit', `there would be ${names.size} streams, and ${most} are allowed`, {
      remedy: 'Remove a stream, or raise server.maxStreams (64 at most).',
    });
  }

  /** Streams that stay whose model is to be another one, and which. `going`: names of those that do not, or whose place another one takes. */
  #modelChanges(live: readonly StreamChange[], going: readonly string[], model: string): Map<string, string> {
    const wanted = new Map<string, string>();
    if (model !== this.#model) {
      const followers = [...this.#members.values()].filter(({ settings }) => modelOf(settings, '') === '');
      for (const { settings } of followers) if (!going.includes(settings.name)) wanted.set(settings.name, model);
    }
    for (const { settings, keys } of live) {
      if (keys.includes('model')) wanted.set(settings.name, modelOf(settings, model));
    }
    return wanted;
  }

  async #prepare(settings: StreamConfig, model: string, origin: SourceOrigin): Promise<Member> {
    const { arena, clock, events, pool, log, env, transport, maxViewers } = this.#options;
    const rules = this.#options.sourceRules[origin];
    const intake = new Intake(events);
    const source = makeSource(settings, { arena, clock, events: intake, env, transport, log, rules });
    const { name, latencyBudgetMs, bitrateKbps } = settings;
    const outputs = makeOutputs(settings.outputs, { stream: name, clock, log, env, transport });
    const profile = profileOf(settings.profile);
    const stream = new Stream(
      {
        name,
        source,
        intake,
        outputs,
        target: targetOf(settings, profile),
        cadence: settings.cadence,
        delay: settings.delay,
        sourceVariant: settings.sourceVariant,
        onDemand: settings.onDemand,
        recording: recordingSettings(settings.record, this.#options.recordings),
        ...(profile === undefined ? {} : { profile }),
        ...(latencyBudgetMs === undefined ? {} : { latencyBudget: fromMs(latencyBudgetMs) }),
        minConfidence: minConfidenceOf(undefined, profile),
        maxViewers,
        ...(bitrateKbps === undefined ? {} : { bitrate: bitrateKbps * 1000 }),
        peer: transport,
      },
      { arena, clock, events, pool, log },
    );
    try {
      await stream.useModel(this.#fileOf(modelOf(settings, model)));
    } catch (error) {
      await stream[Symbol.asyncDispose]();
      throw error;
    }
    return { settings, origin, stream, gate: source instanceof WhipSource ? source : undefined };
  }

  /** A file that the configuration names goes by its id as well; each at full size, or at half of it. */
  #fileOf(model: string): string {
    const half = model.endsWith(HALF) ? HALF : '';
    const id = wholeOf(model);
    const given = [this.#model, ...this.settings.flatMap((settings) => settings.model ?? [])].map(wholeOf);
    const file = given.find((path) => isFile(path) && parse(path).name === id);
    return file === undefined ? model : `${file}${half}`;
  }

  /** Puts a stream in its place and starts it when the one that was there has ended: a camera may have room for one reader only. */
  async #install(member: Member): Promise<void> {
    const { name } = member.settings;
    const before = this.#members.get(name);
    this.#members.set(name, member);
    await before?.stream[Symbol.asyncDispose]();
    if (this.#started && !this.#closed) member.stream.start();
  }

  async #end(name: string): Promise<void> {
    const gone = this.#members.get(name);
    this.#members.delete(name);
    await gone?.stream[Symbol.asyncDispose]();
    this.#options.events.forget(name);
  }

  #adjust({ settings, keys }: StreamChange): void {
    const member = this.#member(settings.name);
    const { stream } = member;
    this.#members.set(settings.name, { ...member, settings });
    if (keys.some(isRecording)) stream.record(recordingSettings(settings.record, this.#options.recordings));
    if (!keys.includes('bitrateKbps') || settings.bitrateKbps === undefined) return;
    for (const variant of ['upconverted', 'source'] as const) {
      stream.publication(variant).setBitrate(settings.bitrateKbps * 1000);
    }
  }
}

/** The stream's own model, else its profile's, else that of all. */
function modelOf({ model, profile }: StreamConfig, ofAll: string): string {
  return model ?? profileOf(profile)?.model ?? ofAll;
}

function wholeOf(model: string): string {
  return model.endsWith(HALF) ? model.slice(0, -HALF.length) : model;
}

function isFile(model: string): boolean {
  return parse(model).ext.toLowerCase() === '.onnx';
}

/** Of the exact rate and the factor the newer one counts. */
function patched(before: StreamConfig, patch: Partial<StreamConfig>): StreamConfig {
  const { fps, factor, record: recorded, ...rest } = before;
  const record = patch.record === undefined ? recorded : changedChoice(recorded, patch.record);
  const rate = patch.fps === undefined && patch.factor === undefined;
  const kept = { ...(fps === undefined ? {} : { fps }), ...(factor === undefined ? {} : { factor }) };
  return { ...rest, ...(rate ? kept : {}), ...patch, record };
}

function entryOf({ stream, gate }: Member, clock: Clock): StreamEntry {
  const {
    state,
    reason,
    phase,
    info,
    lastError,
    ladder,
    latencyBudget,
    latencyFloor,
    badge,
    notice,
    timing,
    sourceVariant,
    recording,
    outputs,
  } = stream.status;
  return {
    name: stream.name,
    label: stream.label,
    target: describeTarget(stream.target),
    model: stream.model,
    ready: stream.ready,
    awaitsPublisher: gate !== undefined,
    ...{ state, reason, phase, source: info && sourceReport(info), error: lastError?.message },
    ladder: ladder && { ...ladder, since: isoTime(plus(clock.wall(), minus(ladder.since, clock.now()))) },
    latencyBudgetMs: toMs(latencyBudget),
    latencyFloorMs: toMs(latencyFloor),
    badge,
    notice,
    sourceVariant,
    ...(recording && { recording }),
    outputs: outputs.map(({ error, ...output }) => ({ ...output, ...(error && { error: error.message }) })),
    timing: timing.map(({ cause, delay, text }) => ({ cause, delayMs: toMs(delay), text })),
  };
}

function isoTime(wall: Micros): string {
  return new Date(toMs(wall)).toISOString();
}

function sourceReport({ codec, width, height, fps, traits, sound }: SourceInfo): NonNullable<StreamEntry['source']> {
  const { colour, sampleAspect, interlaced, deinterlaced } = traits ?? {};
  return {
    ...{ codec, width, height, ...(fps !== undefined && { fps }) },
    ...(sampleAspect && {
      sampleAspectRatio: `${sampleAspect.num}:${sampleAspect.den}`,
      displayWidth: displayWidth(width, sampleAspect),
    }),
    ...(interlaced && { interlaced }),
    ...(deinterlaced && { deinterlaced }),
    ...(sound && { sound: sound.codec }),
    ...colour,
  };
}

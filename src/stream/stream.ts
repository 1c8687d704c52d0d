/** One stream: its source, its model, its chain, its two publications, and what is said of it. */

import type { Subscription } from 'rxjs';
import type { Publication } from '../egress/publication.ts';
import { Recordings, type RecordingsStatus } from '../egress/recording/recordings.ts';
import { NOT_RECORDED, type RecordingSettings } from '../egress/recording/settings.ts';
import type { FrameliftError } from '../errors.ts';
import type { SourceInfo } from '../ingest/source.ts';
import { lumaOnlyPool } from '../interp/engine/luma-only.ts';
import { withinAreaPool } from '../interp/engine/within-area.ts';
import type { LadderChange } from '../interp/ladder.ts';
import type { FrameSize } from '../media/size.ts';
import type { StreamState } from '../media/stream-state.ts';
import type { EventSink, Variant } from '../metrics/events.ts';
import { DEFAULT_HEADROOM, DelayControl } from '../pacing/delay-control.ts';
import { AheadScheduler } from '../pairing/ahead.ts';
import { type RateTarget, Scheduler } from '../pairing/scheduler.ts';
import { upconvert } from '../pipeline.ts';
import { fromMs, type Micros, micros, plus, stoodStill, toMs, ZERO } from '../time.ts';
import { Demand } from './demand.ts';
import { StreamHealth } from './health.ts';
import {
  budgetWarning,
  describeCadence,
  describeDecision,
  describePulses,
  describeSourceVariant,
  fieldsNotice,
  floorWarning,
  timesWarning,
} from './messages.ts';
import { type LadderStatus, StreamModel } from './model.ts';
import { type OutputStatus, Outputs } from './outputs.ts';
import { publicationsOf } from './publications.ts';
import type { StreamContext, StreamSettings } from './settings.ts';
import type { ShownFrame } from './snapshots.ts';
import { SourceTiming } from './source-timing.ts';
import { type SupervisionStatus, Supervisor } from './supervisor.ts';
import { describeLag, type TimingNote } from './timing.ts';

/** What the page and the API show of a stream. */
export interface StreamStatus extends Omit<SupervisionStatus, 'phase'> {
  readonly phase: SupervisionStatus['phase'] | 'asleep';
  readonly state: StreamState;
  readonly reason: string | undefined;
  /** Undefined while the model is being prepared. */
  readonly ladder: LadderStatus | undefined;
  /** The most that a source frame may be held back, and the part of it that is arithmetic. */
  readonly latencyBudget: Micros;
  readonly latencyFloor: Micros;
  /** Players mark interpolated frames unless their viewer says otherwise. */
  readonly badge: boolean;
  /** What viewers have to be told, always. */
  readonly notice: string | undefined;
  /** What viewers of the source variant are sent at present, and why it is encoded. */
  readonly sourceVariant: { readonly form: 'pass' | 'encode'; readonly reason?: string };
  /** Where the recordings stand. */
  readonly recording: RecordingsStatus | undefined;
  readonly outputs: readonly OutputStatus[];
  /** What the source's timing costs. */
  readonly timing: readonly TimingNote[];
}

/** Output slots that may wait for their time: what arithmetic and budget hold back at 240 fps, and a quarter of a second. */
const pacerCapacity = (budget: Micros = DEFAULT_HEADROOM): number => Math.ceil(((budget + 750_000) / 1e6) * 240);
/** Where nothing is to be held back: what the smoothing of arrivals may still take. */
const SMOOTHED = fromMs(8);
/** How often the stream's state is judged anew. */
const HEALTH_INTERVAL = fromMs(1000);

/** A running stream. */
export class Stream implements AsyncDisposable {
  readonly name: string;
  readonly label: string;
  /** What is kept of it on disk. */
  readonly recordings: Recordings;
  readonly #settings: StreamSettings;
  readonly #context: StreamContext;
  readonly #publications: Record<Variant, Publication>;
  readonly #supervisor: Supervisor;
  readonly #outputs: Outputs;
  readonly #health: StreamHealth;
  readonly #demand: Demand;
  readonly #scheduler: Scheduler;
  readonly #delay: DelayControl;
  readonly #model: StreamModel;
  /** Pairs that are being worked on. */
  readonly #work = new Set<Promise<void>>();
  #subscription: Subscription | undefined;
  #cancelCheck: (() => void) | undefined;
  #held: string | undefined;
  readonly #warned = new Set<string>();
  readonly #timing: SourceTiming;
  #size: FrameSize | undefined;
  #lastPhase = '';
  #reconnects = 0;
  #lastInfo: SourceInfo | undefined;

  constructor(settings: StreamSettings, context: StreamContext) {
    this.#settings = settings;
    this.#context = context;
    this.name = settings.name;
    this.label = settings.source.label;
    this.#health = new StreamHealth(context.clock.now());
    const { target, delay, onDemand = false } = settings;
    this.#demand = new Demand({ onDemand, now: context.clock.now() });
    this.#scheduler = delay === 'none' ? new AheadScheduler(target) : new Scheduler(target);
    const budget = delay === 'none' ? ZERO : settings.latencyBudget;
    this.#delay = new DelayControl(budget === undefined ? {} : { budget });
    this.#model = this.#makeModel();
    this.#publications = publicationsOf(settings, context, (variant, present) => this.#watched(variant, present));
    const { clock, events, log } = context;
    const recorded = { stream: settings.name, publications: this.#publications, clock, events, log };
    this.recordings = new Recordings(settings.recording ?? NOT_RECORDED, recorded);
    const publication = (variant: Variant): Publication => this.#publications[variant];
    this.#outputs = new Outputs(settings.outputs ?? [], { ...context, stream: settings.name, publication });
    this.#timing = new SourceTiming({
      ...{ stream: settings.name, clock: context.clock, events: context.events, log: context.log },
      info: () => this.#supervisor.status.info,
      interval: () => this.#scheduler.sourceInterval,
    });
    this.#supervisor = new Supervisor(settings.source, {
      stream: settings.name,
      clock: context.clock,
      events: context.events,
      onStatus: (status) => this.#report(status),
      onSound: (packet) => {
        for (const { sound } of Object.values(this.#publications)) sound.push(packet);
      },
      onRetry: ({ code, cause }, wait) =>
        context.log.debug({ stream: settings.name, code, inMs: toMs(wait), cause }, 'trying the source again'),
    });
  }

  /**
   * Changes the model; the present one goes on until the new one is ready. Call it before {@link start}, too.
   * @throws FrameliftError `model.*`, `engine.failed`, `config.invalid`; then nothing has changed.
   */
  async useModel(name: string): Promise<void> {
    await this.#model.use(name);
  }

  /** Starts the source and the chain. */
  start(): void {
    const { name } = this.#settings;
    const { clock, log } = this.#context;
    const observed: EventSink = {
      emit: (event) => {
        this.#health.observe(event);
        this.#context.events.emit(event);
      },
    };
    const { profile } = this.#settings;
    if (profile) log.warn({ stream: name }, profile.notice);
    this.#subscription = upconvert(this.#demand.whileAwake(this.#supervisor.frames), {
      stream: name,
      lineup: () => this.#model.lineup,
      watched: () => this.#demand.watched,
      scheduler: this.#scheduler,
      capacity: pacerCapacity(this.#settings.latencyBudget),
      delay: this.#delay,
      clock,
      events: observed,
      minConfidence: this.#settings.minConfidence,
      onSourceFrame: (frame) => this.#publishSource(frame),
      onPulseInterval: profile?.pulses ? (interval) => log.info({ stream: name }, describePulses(interval)) : undefined,
      // A profile that knows of pulses looks for them by itself.
      onCadence:
        this.#settings.cadence === 'auto' && !profile?.pulses
          ? (interval) => log.info({ stream: name }, describeCadence(interval))
          : undefined,
      onEngineError: (error) => this.#engineFailed(error),
      onLatencyCut: (latency) => this.#timing.cut(latency),
      onLadder: (change) => this.#ladderChanged(change),
      onDecision: (decision) => log.debug({ stream: name, ...describeDecision(decision) }, `ladder: ${decision.kind}`),
      onWork: (done) => {
        this.#work.add(done);
        void done.then(() => this.#work.delete(done));
      },
    }).subscribe({
      next: ({ frame, pts, due }) => {
        // What waited when the source was stopped is not for those who come later.
        if (!this.#demand.awake) {
          frame.release();
          return;
        }
        this.#publications.upconverted.sound.picture(pts, due);
        this.#publications.upconverted.push(frame, due);
      },
      error: (error: unknown) => log.error({ stream: name, err: error }, 'stream failed'),
    });
    this.#outputs.start();
    this.#checkHealth();
    void this.recordings.start();
  }

  /** Records in another way from now on, or not at all. */
  record(settings: RecordingSettings): void {
    void this.recordings.change(settings);
  }

  /** The newest frame of a variant, the caller's to release. */
  shown(variant: Variant): ShownFrame | undefined {
    const frame = this.#publications[variant].shown();
    return frame && { frame, traits: this.#lastInfo?.traits };
  }

  /** The publication behind `/whep/<name>?variant=…`. */
  publication(variant: Variant): Publication {
    return this.#publications[variant];
  }

  /** True once a frame has come through. */
  get ready(): boolean {
    return this.#size !== undefined;
  }

  /** True once the model has run at the stream's size. */
  get warm(): boolean {
    return this.#model.warm;
  }

  /** Id of the model that was asked for. */
  get model(): string {
    return this.#model.model;
  }

  get target(): RateTarget {
    return this.#settings.target;
  }

  get status(): StreamStatus {
    const { state, reason } = this.#health;
    const latencyFloor = micros(Math.max(0, this.#scheduler.floor));
    const latencyBudget = this.#scheduler.ahead ? SMOOTHED : this.#delay.budget(latencyFloor);
    const { badge = false, notice: profileNotice } = this.#settings.profile ?? {};
    const fields = fieldsNotice(this.#supervisor.status.info?.traits);
    const notice = [profileNotice, fields].filter(Boolean).join(' ') || undefined;
    const { ladder } = this.#model;
    const sourceVariant = describeSourceVariant(this.#publications.source.passing, this.#supervisor.status.info);
    const told = { state, reason, ladder, latencyBudget, latencyFloor, badge, notice, timing: this.#timing.notes };
    const { phase } = this.#supervisor.status;
    const made = { sourceVariant, recording: this.recordings.status, outputs: this.#outputs.status };
    return { ...this.#supervisor.status, ...told, ...made, phase: this.#demand.awake ? phase : 'asleep' };
  }

  /** Stops the source, then the chain, then the viewers. Resolves when all of it is closed: no event is told of the stream any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelCheck?.();
    await this.#outputs[Symbol.asyncDispose]();
    this.#subscription?.unsubscribe();
    await this.#supervisor.stopped;
    await this.#model[Symbol.asyncDispose]();
    await Promise.all(this.#work);
    await this.recordings[Symbol.asyncDispose]();
    await Promise.all(Object.values(this.#publications).map((publication) => publication[Symbol.asyncDispose]()));
  }

  #makeModel(): StreamModel {
    const { arena, pool, clock, events, log } = this.#context;
    const { name: stream, target, profile } = this.#settings;
    const scheduler = this.#scheduler;
    const inner = withinAreaPool(pool, arena);
    return new StreamModel({
      pool: profile?.lumaOnly ? lumaOnlyPool(inner) : inner,
      clock,
      target,
      ahead: scheduler.ahead,
      arena,
      stream,
      // At 25 → 60 fps pairs have one timestep or two.
      timesteps: () => Math.max(1, Math.ceil(scheduler.sourceInterval / scheduler.outputInterval - 0.1) - 1),
      limits: () => ({ headroom: this.#delay.headroom(scheduler.floor), period: scheduler.sourceInterval }),
      onChoice: ({ lease: { model }, measured }, size) =>
        log.info({ stream, size, model, measured }, `auto chose ${model}`),
      onHeld: (reason) => {
        this.#held = reason;
      },
      onReady: (model, rungs) => {
        events.emit({ type: 'ladder', stream, depth: 0 });
        log.info({ stream, model, rungs }, `interpolating with ${model}`);
      },
      onError: (error) => this.#engineFailed(error),
    });
  }

  #ladderChanged(change: LadderChange): void {
    const { events, log } = this.#context;
    const { to, reason } = change;
    this.#model.changed(change);
    events.emit({
      type: 'ladder',
      stream: this.name,
      depth: this.#model.lineup?.ladder.depth ?? 0,
      change: { to, reason },
    });
    log.info({ stream: this.name, ...change }, `ladder ${change.from} → ${to}`);
  }

  #publishSource(frame: Parameters<Publication['push']>[0]): void {
    const { width, height } = frame;
    if (this.#size?.width !== width || this.#size.height !== height) {
      this.#size = { width, height };
      this.#model.resize(this.#size);
    }
    this.#publications.source.sound.picture(frame.pts, this.#context.clock.now());
    this.#publications.source.push(frame.share());
  }

  #checkHealth(): void {
    const { clock, events, log } = this.#context;
    const before = this.#health.state;
    const below = budgetWarning(this.#delay, this.#scheduler);
    const slow = this.#settings.intake?.judge() ?? describeLag(this.#supervisor.status.info);
    if (below === undefined) this.#health.held(slow ?? this.#timing.lastCut ?? this.#held);
    else this.#health.held(below, 'pass-through');
    this.#rest();
    const state = this.#health.judge(clock.now(), this.#supervisor.status.lastError !== undefined);
    const { latencyBudget: budget, latencyFloor: floor } = this.status;
    events.emit({ type: 'budget', stream: this.name, budget, floor });
    events.emit({ type: 'state', stream: this.name, state });
    if (state !== before)
      log.info({ stream: this.name, state, reason: this.#health.reason }, `state ${before} → ${state}`);
    this.#timing.tell();
    this.#warnOnce('floor', floorWarning(this.#scheduler.floor));
    this.#warnOnce('budget', below);
    this.#warnOnce('times', timesWarning(this.#scheduler, this.#model.top?.times));
    const due = plus(clock.now(), HEALTH_INTERVAL);
    this.#cancelCheck = clock.at(due, () => {
      this.#health.stoodStill(stoodStill(due, clock.now()));
      this.#checkHealth();
    });
  }

  #watched(variant: Variant, present: boolean): void {
    const { clock, log } = this.#context;
    if (!this.#demand.change(variant, present, clock.now())) return;
    this.#health.wake(clock.now());
    log.info({ stream: this.name, source: this.label }, 'somebody watches: the source is started');
  }

  /** Puts the source to sleep where nobody watches. */
  #rest(): void {
    const { clock, log } = this.#context;
    if (!this.#demand.rest(clock.now())) return;
    this.#health.sleep();
    for (const publication of Object.values(this.#publications)) publication.rest();
    log.info({ stream: this.name, source: this.label }, 'nobody watches: the source is stopped until somebody does');
  }

  /** Says one warning of a kind, once it is known what the source sends. */
  #warnOnce(kind: 'floor' | 'budget' | 'times', warning: string | undefined): void {
    if (!this.ready || warning === undefined || this.#warned.has(kind)) return;
    this.#warned.add(kind);
    this.#context.log.warn({ stream: this.name, model: this.model }, warning);
  }

  #report(status: SupervisionStatus): void {
    const { log } = this.#context;
    const { phase, info, lastError, reconnects } = status;
    if (info && info !== this.#lastInfo) {
      this.#lastInfo = info;
      const { codec, width, height, fps, traits } = info;
      this.#scheduler.assume(fps);
      for (const publication of Object.values(this.#publications)) {
        publication.setTraits(traits);
        publication.sound.announce(info.sound?.sent);
      }
      const interlaced = traits?.interlaced;
      this.#context.events.emit({ type: 'source-info', stream: this.name, codec, width, height, fps, interlaced });
      const notice = fieldsNotice(traits);
      if (notice !== undefined) log[interlaced ? 'warn' : 'info']({ stream: this.name, source: this.label }, notice);
    }
    if (reconnects !== this.#reconnects) this.recordings.sourceRestarted();
    this.#reconnects = reconnects;
    const key = `${phase} ${lastError?.code} ${info?.codec} ${info?.width}x${info?.height}`;
    if (key === this.#lastPhase) return;
    this.#lastPhase = key;
    const fields = { stream: this.name, source: this.label, reconnects, ...(info ? { info } : {}) };
    if (lastError) {
      log.warn({ ...fields, code: lastError.code, remedy: lastError.remedy }, `source ${phase}: ${lastError.message}`);
    } else if (phase !== 'live' || info) log.info(fields, `source ${phase}`);
  }

  #engineFailed(error: FrameliftError): void {
    this.#health.engineFailed(error.message);
    this.#context.log.warn({ stream: this.name, code: error.code }, `interpolation failed: ${error.message}`);
  }
}

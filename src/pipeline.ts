/** One stream, from its source to its two publications, as one chain of operators. */
import { type Subscription, tap } from 'rxjs';
import type { Arena } from './arena.ts';
import { DelayControl } from './delay.ts';
import { Publication } from './egress/publication.ts';
import type { PeerSettings } from './egress/viewer.ts';
import { asFrameliftError, type FrameliftError } from './errors.ts';
import type { Source, SourceInfo } from './ingest/source.ts';
import type { InterpEngine } from './interp/engine.ts';
import { Pairing } from './interp/pair.ts';
import { type RateTarget, Scheduler } from './interp/schedule.ts';
import { standsAtEighths } from './interp/times.ts';
import type { EventSink, StreamState, Variant } from './metrics/events.ts';
import { StateJudge } from './state.ts';
import { interpolateAndPace, pairUp, planOutput } from './steps.ts';
import { type SupervisionStatus, Supervisor } from './supervise.ts';
import { type Clock, fromMs, type Micros, plus, toMs } from './time.ts';

/** Where a stream reports to people. Structured, one call a line. */
export interface StreamLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What all streams of a process share. */
export interface StreamContext {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly engine: InterpEngine;
  readonly log: StreamLog;
}

/** Settings of one {@link Stream}. */
export interface StreamSettings {
  readonly name: string;
  readonly source: Source;
  readonly target: RateTarget;
  /** Delay allowed beyond the arithmetic floor. */
  readonly latencyBudget: Micros;
  /** Below this confidence the nearer source frame is repeated. */
  readonly minConfidence: number;
  readonly bitrate?: number;
  readonly maxViewers?: number;
  readonly peer?: PeerSettings;
}

/** What the page and the API show of a stream. */
export interface StreamStatus extends SupervisionStatus {
  readonly state: StreamState;
  readonly reason: string | undefined;
}

/** Output slots that may wait for their time: what arithmetic and budget hold back at 240 fps, and a quarter of a second. */
const pacerCapacity = (budget: Micros): number => Math.ceil(((budget + 750_000) / 1e6) * 240);
/** How often the state is judged. */
const JUDGE_EVERY = fromMs(1000);

/** A running stream. */
export class Stream implements AsyncDisposable {
  readonly name: string;
  readonly label: string;
  readonly #settings: StreamSettings;
  readonly #context: StreamContext;
  readonly #publications: Record<Variant, Publication>;
  readonly #supervisor: Supervisor;
  readonly #judge: StateJudge;
  #subscription: Subscription | undefined;
  #cancelJudge: (() => void) | undefined;
  #scheduler: Scheduler | undefined;
  #warnedFloor = false;
  #warnedTimes = false;
  #warm = false;
  #seenFrame = false;
  #lastPhase = '';
  #lastInfo: SourceInfo | undefined;

  constructor(settings: StreamSettings, context: StreamContext) {
    this.#settings = settings;
    this.#context = context;
    this.name = settings.name;
    this.label = settings.source.label;
    this.#judge = new StateJudge(context.clock.now());
    const publish = (variant: Variant): Publication =>
      new Publication({
        stream: settings.name,
        variant,
        clock: context.clock,
        events: context.events,
        even: variant === 'upconverted',
        onError: (error) =>
          context.log.warn({ stream: settings.name, variant, code: error.code }, `encoding failed: ${error.message}`),
        fps: variant === 'source' || settings.target.kind === 'factor' ? 30 : settings.target.fps,
        ...(settings.bitrate === undefined ? {} : { bitrate: settings.bitrate }),
        ...(settings.maxViewers === undefined ? {} : { maxViewers: settings.maxViewers }),
        ...(settings.peer === undefined ? {} : { peer: settings.peer }),
      });
    this.#publications = { upconverted: publish('upconverted'), source: publish('source') };
    this.#supervisor = new Supervisor(settings.source, {
      stream: settings.name,
      clock: context.clock,
      events: context.events,
      onStatus: (status) => this.#report(status),
    });
  }

  /** Starts the source and the chain. */
  start(): void {
    const { name, target } = this.#settings;
    const { engine, clock } = this.#context;
    const judged: EventSink = {
      emit: (event) => {
        this.#judge.observe(event);
        this.#context.events.emit(event);
      },
    };
    const scheduler = new Scheduler(target);
    this.#scheduler = scheduler;
    this.#subscription = this.#supervisor.frames
      .pipe(
        tap((frame) => this.#publishSource(frame)),
        pairUp(new Pairing(), name, judged),
        planOutput(scheduler),
        interpolateAndPace({
          stream: name,
          engine,
          scheduler,
          capacity: pacerCapacity(this.#settings.latencyBudget),
          delay: new DelayControl({ budget: this.#settings.latencyBudget }),
          clock,
          events: judged,
          minConfidence: this.#settings.minConfidence,
          onEngineError: (error) => this.#engineFailed(error),
        }),
      )
      .subscribe({
        next: (paced) => this.#publications.upconverted.push(paced.frame, paced.due),
        error: (error: unknown) => this.#context.log.warn({ stream: name, err: error }, 'stream failed'),
      });
    this.#judgeState();
  }

  /** The publication behind `/whep/<name>?variant=…`. */
  publication(variant: Variant): Publication {
    return this.#publications[variant];
  }

  /** True once a frame has come through. */
  get ready(): boolean {
    return this.#seenFrame;
  }

  /** True once the model has run at the stream's size. */
  get warm(): boolean {
    return this.#warm;
  }

  get target(): RateTarget {
    return this.#settings.target;
  }

  get status(): StreamStatus {
    return { ...this.#supervisor.status, state: this.#judge.state, reason: this.#judge.reason };
  }

  /** Stops the source, then the chain, then the viewers. Resolves when all of it is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelJudge?.();
    this.#subscription?.unsubscribe();
    await this.#supervisor.stopped;
    await Promise.all(Object.values(this.#publications).map((publication) => publication[Symbol.asyncDispose]()));
  }

  #publishSource(frame: Parameters<Publication['push']>[0]): void {
    this.#seenFrame = true;
    this.#publications.source.push(frame.share());
  }

  #judgeState(): void {
    const { clock, events, log } = this.#context;
    const before = this.#judge.state;
    const state = this.#judge.judge(clock.now());
    events.emit({ type: 'state', stream: this.name, state });
    if (state !== before)
      log.info({ stream: this.name, state, reason: this.#judge.reason }, `state ${before} → ${state}`);
    this.#warnOfFloor();
    this.#warnOfTimes();
    this.#cancelJudge = clock.at(plus(clock.now(), JUDGE_EVERY), () => this.#judgeState());
  }

  /** Loads and tries the model at the stream's size, so that the first gap does not pay for it. */
  async #warmUp(width: number, height: number): Promise<void> {
    try {
      await this.#context.engine.warmUp(width, height);
      this.#warm = true;
    } catch (thrown) {
      this.#engineFailed(asFrameliftError(thrown, 'engine.failed'));
    }
  }

  #warnOfFloor(): void {
    if (this.#warnedFloor || !this.#seenFrame || !this.#scheduler) return;
    const warning = floorWarning(this.#scheduler.floor);
    if (!warning) return;
    this.#warnedFloor = true;
    this.#context.log.warn({ stream: this.name }, warning);
  }

  /** A rate that turned out to be no multiple of the source's has times that a model which only halves cannot make. */
  #warnOfTimes(): void {
    const multiple = this.#scheduler?.multiple;
    const { engine, log } = this.#context;
    if (this.#warnedTimes || engine.times === 'any' || multiple === undefined || standsAtEighths(multiple)) return;
    this.#warnedTimes = true;
    log.warn(
      { stream: this.name, model: engine.model },
      'the model only makes eighths of a source interval: frames show the nearest one, up to a sixteenth off; for even motion use another model or a factor of 2, 4 or 8',
    );
  }

  #report(status: SupervisionStatus): void {
    const { log } = this.#context;
    const { phase, info, lastError, reconnects } = status;
    if (info && info !== this.#lastInfo) {
      this.#lastInfo = info;
      const { codec, width, height, fps, colour } = info;
      this.#scheduler?.assume(fps);
      if (width > 0 && height > 0) void this.#warmUp(width, height);
      for (const publication of Object.values(this.#publications)) publication.setColour(colour);
      this.#context.events.emit({ type: 'source-info', stream: this.name, codec, width, height, fps });
    }
    const key = `${phase} ${lastError?.code} ${info?.codec} ${info?.width}x${info?.height}`;
    if (key === this.#lastPhase) return;
    this.#lastPhase = key;
    const fields = { stream: this.name, source: this.label, reconnects, ...(info ? { info } : {}) };
    if (lastError) {
      log.warn({ ...fields, code: lastError.code, remedy: lastError.remedy }, `source ${phase}: ${lastError.message}`);
    } else if (phase !== 'live' || info) log.info(fields, `source ${phase}`);
  }

  #engineFailed(error: FrameliftError): void {
    this.#judge.engineFailed(error.message);
    this.#context.log.warn({ stream: this.name, code: error.code }, `interpolation failed: ${error.message}`);
  }
}

/** For people: `×2` or `60 fps`. */
export function describeTarget(target: RateTarget): string {
  return target.kind === 'factor' ? `×${target.factor}` : `${target.fps} fps`;
}

/** Above this much delay manual work under the picture suffers. */
const FLOOR_LIMIT = fromMs(60);

/** A warning when arithmetic alone costs more than {@link FLOOR_LIMIT}. */
function floorWarning(floor: Micros): string | undefined {
  return floor > FLOOR_LIMIT
    ? `at this source rate, waiting for the next frame alone adds ${toMs(floor).toFixed(0)} ms; a smaller factor adds less`
    : undefined;
}

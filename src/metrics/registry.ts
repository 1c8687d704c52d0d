/** Events become Prometheus metrics here, and only here. */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { StreamState } from '../media/stream-state.ts';
import type { Clock } from '../time.ts';
import { toSeconds } from '../time.ts';
import { CATALOGUE, type MetricDefinition } from './catalogue.ts';
import type { EventSink, MetricEvent, Variant } from './events.ts';
import { type Admitted, admitted, Family, LabelValues } from './family.ts';
import { LoopLagProbe, nodeVersion, processMemory, processorSeconds, uptimeSeconds } from './process.ts';
import { type StreamStats, StreamWindow } from './stats.ts';

/** Options of {@link MetricsRegistry}. */
export interface MetricsOptions {
  readonly clock: Clock;
  /** Version of framelift, for `framelift_build_info` and the API. */
  readonly version?: string;
  /** The frame arena, if its use shall be shown. */
  readonly arena?: { readonly usedBytes: number; readonly liveFrames: number };
  /** Streams that are configured: their series exist from the start, at zero. */
  readonly streams?: readonly string[];
}

const VARIANTS: readonly Variant[] = ['upconverted', 'source'];
const STATES: readonly StreamState[] = ['waiting', 'full', 'degraded', 'pass-through'];
/** Streams that get statistics of their own; the same bound as the label's. */
const MOST_STREAMS = 64;

/** A counter's child between two scrapes: events add to a number, a scrape hands the difference over. */
class Tally {
  #total = 0;
  #shown = 0;
  readonly #hand: (more: number) => void;

  constructor(hand: (more: number) => void) {
    this.#hand = hand;
  }

  add(more: number): void {
    if (more > 0 && Number.isFinite(more)) this.#total += more;
  }

  /** For counters that the system keeps. */
  raise(total: number): void {
    this.#total = Math.max(this.#total, total);
  }

  flush(): void {
    this.#hand(this.#total - this.#shown);
    this.#shown = this.#total;
  }
}

/** A gauge's child: the newest value, handed over by a scrape. */
class Level {
  value = 0;
  readonly #hand: (value: number) => void;

  constructor(hand: (value: number) => void) {
    this.#hand = hand;
  }

  flush(): void {
    if (Number.isFinite(this.value)) this.#hand(this.value);
  }
}

/** A gauge's child that tells the greatest value since the last scrape: what comes and goes between two is seen. */
class Peak {
  #now = 0;
  #peak = 0;
  readonly #hand: (value: number) => void;

  constructor(hand: (value: number) => void) {
    this.#hand = hand;
  }

  see(value: number): void {
    if (!Number.isFinite(value)) return;
    this.#now = value;
    this.#peak = Math.max(this.#peak, value);
  }

  flush(): void {
    this.#hand(this.#peak);
    this.#peak = this.#now;
  }
}

/**
 * Counts every event, for Prometheus ({@link MetricsRegistry.text}) and for the page ({@link MetricsRegistry.snapshot}).
 * Counting neither throws nor blocks; counters and gauges allocate nothing once their label values are known.
 */
export class MetricsRegistry implements EventSink, Disposable {
  /** Version of framelift; `unknown` when it was not given. */
  readonly version: string;
  readonly #clock: Clock;
  readonly #arena: MetricsOptions['arena'];
  readonly #prometheus = new Registry();
  readonly #admitted: Admitted = admitted();
  readonly #flushes: (() => void)[] = [];
  readonly #families: Pick<Family<unknown>, 'forget'>[] = [];
  readonly #loopLag: LoopLagProbe;
  readonly #windows = new Map<string, StreamWindow>();
  readonly #windowNames = new LabelValues(MOST_STREAMS);

  readonly #frames = this.#counter(CATALOGUE.frames);
  readonly #lateness = this.#histogram(CATALOGUE.lateness);
  readonly #addedLatency = this.#histogram(CATALOGUE.addedLatency);
  readonly #latencyBudget = this.#gauge(CATALOGUE.latencyBudget);
  readonly #latencyFloor = this.#gauge(CATALOGUE.latencyFloor);
  readonly #repeats = this.#counter(CATALOGUE.repeats);
  readonly #drops = this.#counter(CATALOGUE.drops);
  readonly #stageTime = this.#histogram(CATALOGUE.stageTime);
  readonly #latency = this.#histogram(CATALOGUE.latency);
  readonly #fps = this.#gauge(CATALOGUE.fps);
  readonly #deadlineMisses = this.#counter(CATALOGUE.deadlineMisses);
  readonly #queueDepth = this.#peaks(CATALOGUE.queueDepth);
  readonly #queueCapacity = this.#gauge(CATALOGUE.queueCapacity);
  readonly #viewers = this.#gauge(CATALOGUE.viewers);
  readonly #sentBytes = this.#counter(CATALOGUE.sentBytes);
  readonly #sentPackets = this.#counter(CATALOGUE.sentPackets);
  readonly #bitrate = this.#gauge(CATALOGUE.bitrate);
  readonly #encoderTarget = this.#gauge(CATALOGUE.encoderTarget);
  readonly #keyframeRequests = this.#counter(CATALOGUE.keyframeRequests);
  readonly #keyframes = this.#counter(CATALOGUE.keyframes);
  readonly #retransmits = this.#counter(CATALOGUE.retransmits);
  readonly #ingestLoss = this.#counter(CATALOGUE.ingestLoss);
  readonly #reconnects = this.#counter(CATALOGUE.reconnects);
  readonly #pairs = this.#counter(CATALOGUE.pairs);
  readonly #providerInfo = this.#gauge(CATALOGUE.providerInfo);
  readonly #inferenceTime = this.#histogram(CATALOGUE.inferenceTime);
  readonly #inferenceJobs = this.#counter(CATALOGUE.inferenceJobs);
  readonly #inferenceBatch = this.#histogram(CATALOGUE.inferenceBatch);
  readonly #confidence = this.#histogram(CATALOGUE.confidence);
  readonly #ladderDepth = this.#gauge(CATALOGUE.ladderDepth);
  readonly #ladderChanges = this.#counter(CATALOGUE.ladderChanges);
  readonly #state = this.#gauge(CATALOGUE.state);
  readonly #sourceInfo = this.#gauge(CATALOGUE.sourceInfo);
  readonly #sourceWidth = this.#gauge(CATALOGUE.sourceWidth);
  readonly #sourceHeight = this.#gauge(CATALOGUE.sourceHeight);
  readonly #lag = this.#gauge(CATALOGUE.loopLag);
  readonly #memory = this.#gauge(CATALOGUE.memory);
  readonly #liveFrames = this.#gauge(CATALOGUE.liveFrames);
  readonly #cpu = this.#counter(CATALOGUE.cpu);
  readonly #startTime = this.#gauge(CATALOGUE.startTime);
  readonly #buildInfo = this.#gauge(CATALOGUE.buildInfo);
  readonly #codecs = new Map<string, string>();

  constructor(options: MetricsOptions) {
    this.version = options.version ?? 'unknown';
    this.#clock = options.clock;
    this.#arena = options.arena;
    this.#loopLag = new LoopLagProbe(options.clock);
    this.#buildInfo.of(this.version, nodeVersion).value = 1;
    this.#startTime.of().value = toSeconds(options.clock.wall()) - uptimeSeconds();
    for (const stream of options.streams ?? []) this.#window(stream);
  }

  /** What `text` is, for the Content-Type header. */
  get contentType(): string {
    return this.#prometheus.contentType;
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    this.#sampleStreams();
    this.#sampleProcess();
    for (const flush of this.#flushes) flush();
    return this.#prometheus.metrics();
  }

  /** The last seconds of `stream`; zeros for one that has not reported. */
  snapshot(stream: string): StreamStats {
    const window = this.#windows.get(stream) ?? new StreamWindow(stream);
    return window.stats(this.#clock.now());
  }

  /** Ends the series and statistics of a stream that is gone, so that no alert waits for it. What it reports later begins anew. */
  forget(stream: string): void {
    this.#windows.delete(stream);
    this.#windowNames.forget(stream);
    this.#codecs.delete(stream);
    if (!this.#admitted.stream.forget(stream)) return;
    for (const family of this.#families) family.forget('stream', stream);
  }

  /** Stops sampling the event loop. Counting goes on. */
  [Symbol.dispose](): void {
    this.#loopLag.stop();
  }

  emit(event: MetricEvent): void {
    if (event.type === 'inference') {
      observe(this.#inferenceTime.of(event.model, event.provider), toSeconds(event.span));
      this.#inferenceJobs.of(event.model, event.provider).add(event.jobs);
      observe(this.#inferenceBatch.of(event.model, event.provider), event.jobs);
      return;
    }
    if (event.type === 'provider') {
      this.#providerInfo.of(event.model, event.provider).value = 1;
      return;
    }
    const { stream } = event;
    this.#window(stream)?.observe(event, this.#clock.now());
    switch (event.type) {
      case 'frame':
        this.#frames.of(stream, event.fate).add(1);
        if (event.fate === 'repeated') this.#repeats.of(stream, event.reason ?? 'other').add(1);
        break;
      case 'release':
        observe(this.#lateness.of(stream), toSeconds(event.late));
        if (event.added !== undefined) observe(this.#addedLatency.of(stream), toSeconds(event.added));
        break;
      case 'budget':
        this.#latencyBudget.of(stream).value = toSeconds(event.budget);
        this.#latencyFloor.of(stream).value = toSeconds(event.floor);
        break;
      case 'drop':
        this.#drops.of(stream, event.stage, event.reason).add(event.count ?? 1);
        break;
      case 'stage':
        observe(this.#stageTime.of(stream, event.stage), toSeconds(event.span));
        break;
      case 'latency':
        observe(this.#latency.of(stream, event.variant), toSeconds(event.span));
        break;
      case 'deadline-miss':
        this.#deadlineMisses.of(stream).add(1);
        break;
      case 'queue':
        this.#queueDepth.of(stream, event.stage, event.variant).see(event.depth);
        this.#queueCapacity.of(stream, event.stage, event.variant).value = event.capacity;
        break;
      case 'viewers':
        this.#viewers.of(stream, event.variant).value = event.count;
        break;
      case 'sent':
        this.#sentBytes.of(stream, event.variant).add(event.bytes);
        this.#sentPackets.of(stream, event.variant).add(event.packets);
        break;
      case 'keyframe-request':
        this.#keyframeRequests.of(stream, event.variant, event.cause).add(1);
        break;
      case 'keyframe':
        this.#keyframes.of(stream, event.variant).add(1);
        break;
      case 'retransmit':
        this.#retransmits.of(stream, event.variant).add(event.packets);
        break;
      case 'encoder-bitrate':
        this.#encoderTarget.of(stream, event.variant).value = event.bitsPerSecond / 8;
        break;
      case 'ingest-loss':
        this.#ingestLoss.of(stream).add(event.packets);
        break;
      case 'reconnect':
        this.#reconnects.of(stream, event.reason).add(1);
        break;
      case 'pair':
        this.#pairs.of(stream, event.decision).add(1);
        break;
      case 'confidence':
        observe(this.#confidence.of(stream, event.model), event.value);
        break;
      case 'ladder':
        this.#ladderDepth.of(stream).value = event.depth;
        if (event.change) this.#ladderChanges.of(stream, event.change.to, event.change.reason).add(1);
        break;
      case 'state':
        for (const state of STATES) this.#state.of(stream, state).value = state === event.state ? 1 : 0;
        break;
      case 'source-info':
        this.#describeSource(event);
        break;
    }
  }

  #describeSource(event: MetricEvent & { readonly type: 'source-info' }): void {
    const { stream, codec } = event;
    const before = this.#codecs.get(stream);
    if (before !== undefined) this.#sourceInfo.of(stream, before).value = 0;
    if (before !== undefined || this.#codecs.size < MOST_STREAMS) this.#codecs.set(stream, codec);
    this.#sourceInfo.of(stream, codec).value = 1;
    this.#sourceWidth.of(stream).value = event.width;
    this.#sourceHeight.of(stream).value = event.height;
  }

  /** The window of `stream`; undefined for streams beyond the bound and for what all streams share. A new stream's series start at zero. */
  #window(stream: string): StreamWindow | undefined {
    const known = this.#windows.get(stream);
    if (known || stream === '' || this.#windowNames.admit(stream) !== stream) return known;
    const window = new StreamWindow(stream);
    this.#windows.set(stream, window);
    for (const fate of ['source', 'interpolated', 'repeated']) this.#frames.of(stream, fate);
    for (const state of STATES) this.#state.of(stream, state).value = state === 'waiting' ? 1 : 0;
    for (const variant of VARIANTS) {
      this.#viewers.of(stream, variant);
      this.#sentBytes.of(stream, variant);
    }
    this.#deadlineMisses.of(stream);
    this.#ingestLoss.of(stream);
    return window;
  }

  #sampleStreams(): void {
    const now = this.#clock.now();
    for (const [stream, window] of this.#windows) {
      for (const variant of VARIANTS) {
        this.#fps.of(stream, variant).value = window.fps(variant, now);
        this.#bitrate.of(stream, variant).value = window.bytesPerSecond(variant, now);
      }
    }
  }

  #sampleProcess(): void {
    const lag = this.#loopLag.read();
    this.#lag.of('50').value = lag.p50;
    this.#lag.of('90').value = lag.p90;
    this.#lag.of('99').value = lag.p99;
    this.#lag.of('100').value = lag.max;
    const memory = processMemory();
    this.#memory.of('rss').value = memory.rss;
    this.#memory.of('heap').value = memory.heap;
    this.#memory.of('external').value = memory.external;
    this.#cpu.of().raise(processorSeconds());
    if (!this.#arena) return;
    this.#memory.of('arena').value = this.#arena.usedBytes;
    this.#liveFrames.of().value = this.#arena.liveFrames;
  }

  #counter(definition: MetricDefinition): Family<Tally> {
    const { name, help, labels } = definition;
    const metric = new Counter({ name, help, labelNames: [...labels], registers: [this.#prometheus] });
    return this.#flushed(definition, metric, (values) => new Tally((more) => metric.inc(values, more)));
  }

  #gauge(definition: MetricDefinition): Family<Level> {
    const metric = this.#plainGauge(definition);
    return this.#flushed(definition, metric, (values) => new Level((value) => metric.set(values, value)));
  }

  #peaks(definition: MetricDefinition): Family<Peak> {
    const metric = this.#plainGauge(definition);
    return this.#flushed(definition, metric, (values) => new Peak((value) => metric.set(values, value)));
  }

  #plainGauge({ name, help, labels }: MetricDefinition): Gauge {
    return new Gauge({ name, help, labelNames: [...labels], registers: [this.#prometheus] });
  }

  #histogram(definition: MetricDefinition): Family<Histogram.Internal<string>> {
    const { name, help, labels, buckets } = definition;
    const registers = [this.#prometheus];
    const metric = new Histogram({ name, help, labelNames: [...labels], buckets: [...(buckets ?? [])], registers });
    return this.#family(definition, metric, (values) => metric.labels(values));
  }

  #flushed<C extends { flush(): void }>(
    definition: MetricDefinition,
    metric: Removable,
    make: (values: Readonly<Record<string, string>>) => C,
  ): Family<C> {
    const family = this.#family(definition, metric, make);
    this.#flushes.push(() => family.each((child) => child.flush()));
    return family;
  }

  #family<C>(
    { labels }: MetricDefinition,
    metric: Removable,
    make: (values: Readonly<Record<string, string>>) => C,
  ): Family<C> {
    const family = new Family<C>(labels, this.#admitted, make, (values) => metric.remove(values));
    this.#families.push(family);
    return family;
  }
}

/** A metric of prom-client, as far as series are taken out of it. */
interface Removable {
  remove(labels: Readonly<Record<string, string>>): void;
}

/** prom-client throws on values that are no numbers; an event sink must not. */
function observe(child: Histogram.Internal<string>, value: number): void {
  if (Number.isFinite(value)) child.observe(value);
}

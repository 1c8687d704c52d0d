/** Events become Prometheus metrics and the page's statistics here, and only here. */
import type { Clock } from '../time.ts';
import { toSeconds } from '../time.ts';
import { LABEL_LIMITS } from './catalogue/definition.ts';
import { CATALOGUE } from './catalogue.ts';
import type { EventSink, MetricEvent } from './events.ts';
import { LabelValues } from './family.ts';
import { Instruments } from './instruments.ts';
import { LoopLagProbe, nodeVersion, processMemory, processorSeconds, uptimeSeconds } from './process.ts';
import { Recorder, VARIANTS } from './recorder.ts';
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

/**
 * Counts every event, for Prometheus ({@link MetricsRegistry.text}) and for the page ({@link MetricsRegistry.snapshot}).
 * Counting neither throws nor blocks.
 */
export class MetricsRegistry implements EventSink, Disposable {
  /** Version of framelift; `unknown` when it was not given. */
  readonly version: string;
  readonly #clock: Clock;
  readonly #instruments = new Instruments();
  readonly #recorder = new Recorder(this.#instruments);
  readonly #loopLag: LoopLagProbe;
  readonly #windows = new Map<string, StreamWindow>();
  readonly #windowNames = new LabelValues(LABEL_LIMITS.stream);

  constructor({ clock, version = 'unknown', arena, streams = [] }: MetricsOptions) {
    this.version = version;
    this.#clock = clock;
    this.#loopLag = new LoopLagProbe(clock);
    this.#sampleStreams();
    this.#sampleProcess(arena);
    this.#instruments.gauge(CATALOGUE.buildInfo).of(version, nodeVersion).set(1);
    this.#instruments
      .gauge(CATALOGUE.startTime)
      .of()
      .set(toSeconds(clock.wall()) - uptimeSeconds());
    for (const stream of streams) this.#window(stream);
  }

  /** What `text` is, for the Content-Type header. */
  get contentType(): string {
    return this.#instruments.contentType;
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#instruments.text();
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
    this.#recorder.forget(stream);
    this.#instruments.forget(stream);
  }

  /** Stops sampling the event loop. Counting goes on. */
  [Symbol.dispose](): void {
    this.#loopLag.stop();
  }

  emit(event: MetricEvent): void {
    if ('stream' in event) this.#window(event.stream)?.observe(event, this.#clock.now());
    this.#recorder.record(event);
  }

  /** The window of `stream`; undefined for streams beyond the bound and for what all streams share. A new stream's series start at zero. */
  #window(stream: string): StreamWindow | undefined {
    const known = this.#windows.get(stream);
    if (known || stream === '' || this.#windowNames.admit(stream) !== stream) return known;
    const window = new StreamWindow(stream);
    this.#windows.set(stream, window);
    this.#recorder.startStream(stream);
    return window;
  }

  /** Rates, which only windows know. */
  #sampleStreams(): void {
    const sample =
      (read: (window: StreamWindow, variant: (typeof VARIANTS)[number]) => number) =>
      (family: ReturnType<Instruments['gauge']>): void => {
        for (const [stream, window] of this.#windows) {
          for (const variant of VARIANTS) family.of(stream, variant).set(read(window, variant));
        }
      };
    const fps = sample((window, variant) => window.fps(variant, this.#clock.now()));
    const bitrate = sample((window, variant) => window.bytesPerSecond(variant, this.#clock.now()));
    this.#instruments.gauge(CATALOGUE.fps, fps);
    this.#instruments.gauge(CATALOGUE.bitrate, bitrate);
  }

  #sampleProcess(arena: MetricsOptions['arena']): void {
    this.#instruments.gauge(CATALOGUE.loopLag, (family) => {
      const lag = this.#loopLag.read();
      family.of('50').set(lag.p50);
      family.of('90').set(lag.p90);
      family.of('99').set(lag.p99);
      family.of('100').set(lag.max);
    });
    this.#instruments.gauge(CATALOGUE.memory, (family) => {
      for (const [space, bytes] of Object.entries(processMemory())) family.of(space).set(bytes);
      if (arena) family.of('arena').set(arena.usedBytes);
    });
    this.#instruments.gauge(CATALOGUE.liveFrames, (family) => {
      if (arena) family.of().set(arena.liveFrames);
    });
    this.#instruments.total(CATALOGUE.cpu, processorSeconds);
  }
}

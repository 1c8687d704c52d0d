/** What the page and the API show of one stream: the last seconds, from its events. Pure; `now` is passed in. */
import type { StreamState } from '../media/stream-state.ts';
import { fromMs, type Micros, toMs } from '../time.ts';
import type { MetricEvent, StageName, Variant } from './events.ts';
import { Cadence, RecentValues, SlidingSum } from './window.ts';

/** Median and 95th percentile in milliseconds. */
interface Percentiles {
  readonly p50: number;
  readonly p95: number;
}

/** The source as it was last announced. */
export interface SourceDescription {
  /** FFmpeg's name of the codec. */
  readonly codec: string;
  /** Luma samples; 0 while unknown. */
  readonly width: number;
  readonly height: number;
  /** Nominal frames per second, if the source declares them. */
  readonly fps: number | undefined;
}

/** One stream over the last five seconds. Plain JSON. */
export interface StreamStats {
  readonly stream: string;
  readonly state: StreamState;
  /** Frames per second given to each published variant. */
  readonly fps: Readonly<Record<Variant, number>>;
  /** Source arrival to first packet sent; absent without viewers. */
  readonly latencyMs: Readonly<Partial<Record<Variant, Percentiles>>>;
  /** Time in each stage that has reported. */
  readonly stageMs: Readonly<Partial<Record<StageName, Percentiles>>>;
  /** Frames of the upconverted stream by fate. */
  readonly frames: {
    readonly source: number;
    readonly interpolated: number;
    readonly extrapolated: number;
    readonly repeated: number;
  };
  /** interpolated and extrapolated of all, 0…1; undefined when nothing was released. */
  readonly syntheticShare: number | undefined;
  /** Repeated frames by reason. */
  readonly repeats: Readonly<Record<string, number>>;
  /** Frames or packets dropped, at all stages. */
  readonly drops: number;
  readonly deadlineMisses: number;
  /** Mean confidence of interpolated and extrapolated frames, 0…1; undefined while there are none, or where the model does not judge itself. */
  readonly confidence: number | undefined;
  readonly viewers: Readonly<Record<Variant, number>>;
  /** RTP bits sent to all viewers. */
  readonly bitsPerSecond: Readonly<Record<Variant, number>>;
  /** Undefined until announced. */
  readonly source: SourceDescription | undefined;
}

/** How far back {@link StreamStats} looks. */
const STATS_WINDOW = fromMs(5000);
/** Different reasons that are kept apart. */
const MAX_REASONS = 16;
const P50_P95 = [0.5, 0.95] as const;

/** Folds the events of one stream into {@link StreamStats}. Bounded and, once warm, free of allocation. */
export class StreamWindow {
  readonly #stream: string;
  #state: StreamState = 'waiting';
  #source: SourceDescription | undefined;
  readonly #cadence = { upconverted: new Cadence(STATS_WINDOW), source: new Cadence(STATS_WINDOW) };
  readonly #latency = { upconverted: new RecentValues(STATS_WINDOW), source: new RecentValues(STATS_WINDOW) };
  readonly #stages = new Map<StageName, RecentValues>();
  readonly #fates = { source: sum(), interpolated: sum(), extrapolated: sum(), repeated: sum() };
  readonly #repeats = new Map<string, SlidingSum>();
  readonly #drops = sum();
  readonly #misses = sum();
  readonly #confidence = { total: sum(), count: sum() };
  readonly #viewers = { upconverted: 0, source: 0 };
  readonly #bytes = { upconverted: sum(), source: sum() };

  constructor(stream: string) {
    this.#stream = stream;
  }

  /** Takes one event of this stream. */
  observe(event: MetricEvent, now: Micros): void {
    switch (event.type) {
      case 'frame':
        this.#cadence.upconverted.mark(now);
        this.#fates[event.fate].add(1, now);
        if (event.fate === 'repeated') this.#repeat(event.reason ?? 'other').add(1, now);
        break;
      case 'pair':
        // Every source frame but the first of a run is the later one of a pair.
        this.#cadence.source.mark(now);
        break;
      case 'stage':
        this.#stage(event.stage).add(event.span, now);
        break;
      case 'latency':
        this.#latency[event.variant].add(event.span, now);
        break;
      case 'drop':
        this.#drops.add(event.count ?? 1, now);
        break;
      case 'deadline-miss':
        this.#misses.add(1, now);
        break;
      case 'confidence':
        this.#confidence.total.add(event.value, now);
        this.#confidence.count.add(1, now);
        break;
      case 'viewers':
        this.#viewers[event.variant] = event.count;
        break;
      case 'sent':
        this.#bytes[event.variant].add(event.bytes, now);
        break;
      case 'state':
        this.#state = event.state;
        break;
      case 'source-info':
        this.#source = { codec: event.codec, width: event.width, height: event.height, fps: event.fps };
        break;
      default:
        break;
    }
  }

  /** Frames per second given to `variant`. */
  fps(variant: Variant, now: Micros): number {
    return this.#cadence[variant].perSecond(now);
  }

  /** Bytes sent each second to all viewers of `variant`. */
  bytesPerSecond(variant: Variant, now: Micros): number {
    return this.#bytes[variant].perSecond(now);
  }

  /** The window that ends at `now`. */
  stats(now: Micros): StreamStats {
    const source = this.#fates.source.sum(now);
    const interpolated = this.#fates.interpolated.sum(now);
    const extrapolated = this.#fates.extrapolated.sum(now);
    const repeated = this.#fates.repeated.sum(now);
    const all = source + interpolated + extrapolated + repeated;
    const judged = this.#confidence.count.sum(now);
    const repeats: Record<string, number> = {};
    for (const [reason, counted] of this.#repeats) {
      const count = counted.sum(now);
      if (count > 0) repeats[reason] = count;
    }
    const stageMs: Partial<Record<StageName, Percentiles>> = {};
    for (const [stage, values] of this.#stages) {
      const found = percentiles(values, now);
      if (found) stageMs[stage] = found;
    }
    const upconvertedMs = percentiles(this.#latency.upconverted, now);
    const sourceMs = percentiles(this.#latency.source, now);
    return {
      stream: this.#stream,
      state: this.#state,
      fps: { upconverted: this.fps('upconverted', now), source: this.fps('source', now) },
      latencyMs: {
        ...(upconvertedMs ? { upconverted: upconvertedMs } : {}),
        ...(sourceMs ? { source: sourceMs } : {}),
      },
      stageMs,
      frames: { source, interpolated, extrapolated, repeated },
      syntheticShare: all > 0 ? (interpolated + extrapolated) / all : undefined,
      repeats,
      drops: this.#drops.sum(now),
      deadlineMisses: this.#misses.sum(now),
      confidence: judged > 0 ? this.#confidence.total.sum(now) / judged : undefined,
      viewers: { ...this.#viewers },
      bitsPerSecond: {
        upconverted: 8 * this.bytesPerSecond('upconverted', now),
        source: 8 * this.bytesPerSecond('source', now),
      },
      source: this.#source,
    };
  }

  #repeat(reason: string): SlidingSum {
    const key = this.#repeats.has(reason) || this.#repeats.size < MAX_REASONS ? reason : 'other';
    const known = this.#repeats.get(key);
    if (known) return known;
    const fresh = sum();
    this.#repeats.set(key, fresh);
    return fresh;
  }

  #stage(stage: StageName): RecentValues {
    const known = this.#stages.get(stage);
    if (known) return known;
    const fresh = new RecentValues(STATS_WINDOW);
    this.#stages.set(stage, fresh);
    return fresh;
  }
}

function sum(): SlidingSum {
  return new SlidingSum(STATS_WINDOW);
}

function percentiles(values: RecentValues, now: Micros): Percentiles | undefined {
  const [p50, p95] = values.quantiles(now, P50_P95) ?? [];
  if (p50 === undefined || p95 === undefined) return undefined;
  // Values were spans in microseconds when they were added.
  return { p50: toMs(p50 as Micros), p95: toMs(p95 as Micros) };
}

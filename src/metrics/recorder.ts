/** Which metric each event counts in. */
import type { StreamState } from '../media/stream-state.ts';
import { toSeconds } from '../time.ts';
import { LABEL_LIMITS } from './catalogue/definition.ts';
import { CATALOGUE } from './catalogue.ts';
import type { MetricEvent, RecordingState, Variant } from './events.ts';
import type { Instruments } from './instruments.ts';

/** Both published streams. */
export const VARIANTS: readonly Variant[] = ['upconverted', 'source'];
const FATES = ['source', 'interpolated', 'extrapolated', 'repeated'] as const;
const STATES: readonly StreamState[] = ['waiting', 'full', 'degraded', 'pass-through', 'asleep'];

const RECORDING_STATES: readonly RecordingState[] = ['off', 'waiting', 'recording', 'disk-full', 'failed'];
/** Why segments are deleted. */
const REMOVALS = ['age', 'size', 'disk-full', 'asked'];

type EventOf<Type> = Extract<MetricEvent, { readonly type: Type }>;
/** What each type of event does. */
type Handlers = { readonly [Type in MetricEvent['type']]: (event: EventOf<Type>) => void };

/** Counts events in Prometheus metrics; allocates nothing once the label values are known. */
export class Recorder {
  readonly #instruments: Instruments;
  readonly #handlers: Handlers;
  readonly #startStream: (stream: string) => void;
  /** The codec that the source of each stream was last said to have. */
  readonly #codecs = new Map<string, string>();

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
    const frames = this.#frames();
    const publishing = this.#publishing();
    const seen = this.#seen();
    const source = this.#source();
    const standing = this.#standing();
    this.#handlers = {
      ...frames.handlers,
      ...publishing.handlers,
      ...this.#paths(),
      ...seen.handlers,
      ...this.#recordings(),
      ...this.#outputs(),
      ...source.handlers,
      ...standing.handlers,
      ...this.#network(),
      ...this.#engine(),
    };
    this.#startStream = (stream) => {
      for (const part of [frames, publishing, seen, source, standing]) part.start(stream);
    };
  }

  /** Counts an event. Neither throws nor blocks. */
  record(event: MetricEvent): void {
    // The handler of a type takes events of that type: TypeScript does not follow that through the lookup.
    (this.#handlers[event.type] as (event: MetricEvent) => void)(event);
  }

  /** Lets the series that alerts watch exist from the start, at zero. */
  startStream(stream: string): void {
    this.#startStream(stream);
  }

  /** Forgets a stream that is gone. */
  forget(stream: string): void {
    this.#codecs.delete(stream);
  }

  /** What became of frames on their way. */
  #frames() {
    const { counter, gauge, histogram, peak } = bound(this.#instruments);
    const frames = counter(CATALOGUE.frames);
    const repeats = counter(CATALOGUE.repeats);
    const lateness = histogram(CATALOGUE.lateness);
    const addedLatency = histogram(CATALOGUE.addedLatency);
    const drops = counter(CATALOGUE.drops);
    const stageTime = histogram(CATALOGUE.stageTime);
    const deadlineMisses = counter(CATALOGUE.deadlineMisses);
    const pairs = counter(CATALOGUE.pairs);
    const queueDepth = peak(CATALOGUE.queueDepth);
    const queueCapacity = gauge(CATALOGUE.queueCapacity);
    return {
      handlers: {
        frame: ({ stream, fate, reason = 'other' }: EventOf<'frame'>) => {
          frames.of(stream, fate).inc();
          if (fate === 'repeated') repeats.of(stream, reason).inc();
        },
        release: ({ stream, late, added }: EventOf<'release'>) => {
          lateness.of(stream).observe(toSeconds(late));
          if (added !== undefined) addedLatency.of(stream).observe(toSeconds(added));
        },
        drop: ({ stream, stage, reason, count = 1 }: EventOf<'drop'>) => drops.of(stream, stage, reason).inc(count),
        stage: ({ stream, stage, span }: EventOf<'stage'>) => stageTime.of(stream, stage).observe(toSeconds(span)),
        'deadline-miss': ({ stream }: EventOf<'deadline-miss'>) => deadlineMisses.of(stream).inc(),
        pair: ({ stream, decision }: EventOf<'pair'>) => pairs.of(stream, decision).inc(),
        queue: ({ stream, stage, variant, depth, capacity }: EventOf<'queue'>) => {
          queueDepth.of(stream, stage, variant).set(depth);
          queueCapacity.of(stream, stage, variant).set(capacity);
        },
      },
      start(stream: string): void {
        for (const fate of FATES) frames.of(stream, fate);
        deadlineMisses.of(stream);
      },
    };
  }

  /** What is encoded and sent, and to how many. */
  #publishing() {
    const { counter, gauge, histogram } = bound(this.#instruments);
    const latency = histogram(CATALOGUE.latency);
    const viewers = gauge(CATALOGUE.viewers);
    const passedViewers = gauge(CATALOGUE.passedViewers);
    const sentBytes = counter(CATALOGUE.sentBytes);
    const sentPackets = counter(CATALOGUE.sentPackets);
    const encoderTarget = gauge(CATALOGUE.encoderTarget);
    const keyframeRequests = counter(CATALOGUE.keyframeRequests);
    const keyframes = counter(CATALOGUE.keyframes);
    const retransmits = counter(CATALOGUE.retransmits);
    const soundPackets = counter(CATALOGUE.soundPackets);
    const soundSkew = gauge(CATALOGUE.soundSkew);
    return {
      handlers: {
        latency: ({ stream, variant, span }: EventOf<'latency'>) =>
          latency.of(stream, variant).observe(toSeconds(span)),
        viewers: ({ stream, variant, count }: EventOf<'viewers'>) => viewers.of(stream, variant).set(count),
        'passed-viewers': ({ stream, count }: EventOf<'passed-viewers'>) => passedViewers.of(stream).set(count),
        sent: ({ stream, variant, bytes, packets }: EventOf<'sent'>) => {
          sentBytes.of(stream, variant).inc(bytes);
          sentPackets.of(stream, variant).inc(packets);
        },
        'encoder-bitrate': ({ stream, variant, bitsPerSecond }: EventOf<'encoder-bitrate'>) =>
          encoderTarget.of(stream, variant).set(bitsPerSecond / 8),
        'keyframe-request': ({ stream, variant, cause }: EventOf<'keyframe-request'>) =>
          keyframeRequests.of(stream, variant, cause).inc(),
        keyframe: ({ stream, variant }: EventOf<'keyframe'>) => keyframes.of(stream, variant).inc(),
        retransmit: ({ stream, variant, packets }: EventOf<'retransmit'>) =>
          retransmits.of(stream, variant).inc(packets),
        sound: ({ stream, variant, skew }: EventOf<'sound'>) => {
          soundPackets.of(stream, variant).inc();
          soundSkew.of(stream, variant).set(toSeconds(skew));
        },
      },
      start(stream: string): void {
        for (const variant of VARIANTS) {
          viewers.of(stream, variant);
          sentBytes.of(stream, variant);
        }
      },
    };
  }

  /** What is handed on to other servers. */
  #outputs() {
    const { counter, gauge } = bound(this.#instruments);
    const live = gauge(CATALOGUE.outputLive);
    const bytes = counter(CATALOGUE.outputBytes);
    const restarts = counter(CATALOGUE.outputRestarts);
    const readers = gauge(CATALOGUE.rtspReaders);
    return {
      'rtsp-readers': ({ stream, variant, count }: EventOf<'rtsp-readers'>) => readers.of(stream, variant).set(count),
      'output-live': (event: EventOf<'output-live'>) => live.of(event.stream, event.output).set(event.live ? 1 : 0),
      'output-sent': (event: EventOf<'output-sent'>) => bytes.of(event.stream, event.output).inc(event.bytes),
      'output-restart': ({ stream, output, reason }: EventOf<'output-restart'>) =>
        restarts.of(stream, output, reason).inc(),
    };
  }

  /** What viewers' paths carry, and what they are sent for it. */
  #paths() {
    const { counter, gauge, histogram } = bound(this.#instruments);
    const rates = histogram(CATALOGUE.viewerPath);
    const losses = histogram(CATALOGUE.viewerLoss);
    const viewers = gauge(CATALOGUE.renditionViewers);
    const targets = gauge(CATALOGUE.renditionRate);
    const changes = counter(CATALOGUE.renditionChanges);
    return {
      'viewer-path': ({ stream, variant, bitsPerSecond, loss }: EventOf<'viewer-path'>) => {
        rates.of(stream, variant).observe(bitsPerSecond / 8);
        losses.of(stream, variant).observe(loss);
      },
      rendition: (event: EventOf<'rendition'>) => {
        viewers.of(event.stream, event.variant, event.rendition).set(event.viewers);
        targets.of(event.stream, event.variant, event.rendition).set(event.bitsPerSecond / 8);
      },
      'rendition-change': ({ stream, variant, rendition }: EventOf<'rendition-change'>) =>
        changes.of(stream, variant, rendition).inc(),
    };
  }

  /** What viewers see, by their players and by RTCP. */
  #seen() {
    const { counter, histogram } = bound(this.#instruments);
    const roundTrips = histogram(CATALOGUE.viewerRoundTrip);
    const asked = counter(CATALOGUE.viewerAsked);
    const rates = histogram(CATALOGUE.viewerRate);
    const freezes = counter(CATALOGUE.viewerFreezes);
    const frozen = counter(CATALOGUE.viewerFrozen);
    const latencies = histogram(CATALOGUE.viewerLatency);
    return {
      handlers: {
        'viewer-asked': (event: EventOf<'viewer-asked'>) => asked.of(event.stream, event.variant).inc(event.packets),
        'viewer-round-trip': ({ stream, variant, span }: EventOf<'viewer-round-trip'>) =>
          roundTrips.of(stream, variant).observe(toSeconds(span)),
        'viewer-seen': (event: EventOf<'viewer-seen'>) => {
          const { stream, variant, latency } = event;
          rates.of(stream, variant).observe(event.fps);
          freezes.of(stream, variant).inc(event.freezes);
          frozen.of(stream, variant).inc(toSeconds(event.frozen));
          if (latency !== undefined) latencies.of(stream, variant).observe(toSeconds(latency));
        },
      },
      start(stream: string): void {
        for (const variant of VARIANTS) for (const count of [asked, freezes, frozen]) count.of(stream, variant);
      },
    };
  }

  /** What is kept on disk. */
  #recordings() {
    const { counter, gauge } = bound(this.#instruments);
    const states = gauge(CATALOGUE.recordingState);
    const bytes = counter(CATALOGUE.recordingBytes);
    const segments = counter(CATALOGUE.recordingSegments);
    const drops = counter(CATALOGUE.recordingDrops);
    const removed = counter(CATALOGUE.recordingRemoved);
    const keptBytes = gauge(CATALOGUE.recordingKeptBytes);
    const keptSegments = gauge(CATALOGUE.recordingKeptSegments);
    return {
      'recording-state': ({ stream, variant, state: now }: EventOf<'recording-state'>) => {
        for (const state of RECORDING_STATES) states.of(stream, variant, state).set(state === now ? 1 : 0);
        bytes.of(stream, variant);
        drops.of(stream, variant);
        for (const reason of REMOVALS) removed.of(stream, reason);
      },
      'recording-segment': ({ stream, variant }: EventOf<'recording-segment'>) => segments.of(stream, variant).inc(),
      recorded: (event: EventOf<'recorded'>) => bytes.of(event.stream, event.variant).inc(event.bytes),
      'recording-drop': ({ stream, variant, count }: EventOf<'recording-drop'>) => drops.of(stream, variant).inc(count),
      'recording-removed': ({ stream, reason }: EventOf<'recording-removed'>) => removed.of(stream, reason).inc(),
      'recordings-kept': (event: EventOf<'recordings-kept'>) => {
        keptBytes.of(event.stream).set(event.bytes);
        keptSegments.of(event.stream).set(event.segments);
      },
    };
  }

  /** What comes in. */
  #source() {
    const { counter, gauge } = bound(this.#instruments);
    const loss = counter(CATALOGUE.ingestLoss);
    const reconnects = counter(CATALOGUE.reconnects);
    const info = gauge(CATALOGUE.sourceInfo);
    const widths = gauge(CATALOGUE.sourceWidth);
    const heights = gauge(CATALOGUE.sourceHeight);
    const fields = gauge(CATALOGUE.sourceInterlaced);
    const waits = gauge(CATALOGUE.sourceWait);
    const clocks = gauge(CATALOGUE.sourceClock);
    const cuts = counter(CATALOGUE.latencyCuts);
    const soundDrops = counter(CATALOGUE.soundDrops);
    return {
      handlers: {
        'ingest-loss': ({ stream, packets }: EventOf<'ingest-loss'>) => loss.of(stream).inc(packets),
        'source-timing': ({ stream, reordered, unmarked, speed }: EventOf<'source-timing'>) => {
          waits.of(stream, 'reordered').set(toSeconds(reordered));
          waits.of(stream, 'unmarked').set(toSeconds(unmarked));
          clocks.of(stream).set(speed);
        },
        'sound-drop': ({ stream, reason, count }: EventOf<'sound-drop'>) => soundDrops.of(stream, reason).inc(count),
        'latency-cut': ({ stream }: EventOf<'latency-cut'>) => cuts.of(stream).inc(),
        reconnect: ({ stream, reason }: EventOf<'reconnect'>) => reconnects.of(stream, reason).inc(),
        'source-info': ({ stream, codec, width, height, interlaced = false }: EventOf<'source-info'>) => {
          const before = this.#codecs.get(stream);
          if (before !== undefined) info.of(stream, before).set(0);
          if (before !== undefined || this.#codecs.size < LABEL_LIMITS.stream) this.#codecs.set(stream, codec);
          info.of(stream, codec).set(1);
          widths.of(stream).set(width);
          heights.of(stream).set(height);
          fields.of(stream).set(interlaced ? 1 : 0);
        },
      },
      start(stream: string): void {
        loss.of(stream);
        cuts.of(stream);
      },
    };
  }

  /** Where streams stand. */
  #standing() {
    const { counter, gauge, histogram } = bound(this.#instruments);
    const states = gauge(CATALOGUE.state);
    const budgets = gauge(CATALOGUE.latencyBudget);
    const floors = gauge(CATALOGUE.latencyFloor);
    const depths = gauge(CATALOGUE.ladderDepth);
    const changes = counter(CATALOGUE.ladderChanges);
    const confidence = histogram(CATALOGUE.confidence);
    const setState = (stream: string, now: StreamState): void => {
      for (const state of STATES) states.of(stream, state).set(state === now ? 1 : 0);
    };
    return {
      handlers: {
        state: ({ stream, state }: EventOf<'state'>) => setState(stream, state),
        budget: ({ stream, budget, floor }: EventOf<'budget'>) => {
          budgets.of(stream).set(toSeconds(budget));
          floors.of(stream).set(toSeconds(floor));
        },
        ladder: ({ stream, depth, change }: EventOf<'ladder'>) => {
          depths.of(stream).set(depth);
          if (change) changes.of(stream, change.to, change.reason).inc();
        },
        confidence: ({ stream, model, value }: EventOf<'confidence'>) => confidence.of(stream, model).observe(value),
      },
      start: (stream: string): void => setState(stream, 'waiting'),
    };
  }

  /** The port of WebRTC. */
  #network() {
    const { counter } = bound(this.#instruments);
    const drops = counter(CATALOGUE.webrtcDrops);
    const refused = counter(CATALOGUE.webrtcNoPort);
    refused.of();
    return {
      'webrtc-drop': ({ reason, count }: EventOf<'webrtc-drop'>) => drops.of(reason).inc(count),
      'webrtc-no-port': () => refused.of().inc(),
    };
  }

  /** What all streams share. */
  #engine() {
    const { counter, gauge, histogram } = bound(this.#instruments);
    const providers = gauge(CATALOGUE.providerInfo);
    const spans = histogram(CATALOGUE.inferenceTime);
    const jobCounts = counter(CATALOGUE.inferenceJobs);
    const batches = histogram(CATALOGUE.inferenceBatch);
    const refused = counter(CATALOGUE.webrtcRefused);
    return {
      'webrtc-refused': ({ reason }: EventOf<'webrtc-refused'>) => refused.of(reason).inc(),
      provider: ({ model, provider }: EventOf<'provider'>) => providers.of(model, provider).set(1),
      inference: ({ model, provider, span, jobs }: EventOf<'inference'>) => {
        spans.of(model, provider).observe(toSeconds(span));
        jobCounts.of(model, provider).inc(jobs);
        batches.of(model, provider).observe(jobs);
      },
    };
  }
}

/** The makers of instruments as plain functions. */
function bound(instruments: Instruments): Pick<Instruments, 'counter' | 'gauge' | 'histogram' | 'peak'> {
  return {
    counter: (definition) => instruments.counter(definition),
    gauge: (definition, sample) => instruments.gauge(definition, sample),
    histogram: (definition) => instruments.histogram(definition),
    peak: (definition) => instruments.peak(definition),
  };
}

/** What metrics are told of a publication's viewers, and of what they are sent. */
import type { EventSink, StageName, Variant } from '../metrics/events.ts';
import { type Clock, type Micros, minus } from '../time.ts';
import type { EncodedUnit, KeyframeCause, ViewerEvents } from './viewer.ts';

/** Options of {@link ViewerMetrics}. */
export interface ViewerMetricsOptions {
  readonly stream: string;
  readonly variant: Variant;
  readonly clock: Clock;
  readonly events: EventSink;
}

/** Turns what viewers' connections tell into events of a stream and variant, never of a viewer. */
export class ViewerMetrics {
  readonly #options: ViewerMetricsOptions;
  /** Of the unit whose latency was told last: the first viewer to be sent it counts. */
  #latencyOf: Micros | undefined;
  /** Of a frame that is sent once more: its age is no latency. */
  #againDue: Micros | undefined;

  constructor(options: ViewerMetricsOptions) {
    this.#options = options;
  }

  /** What a connection tells that goes into metrics and nowhere else. */
  get events(): Pick<ViewerEvents, 'sent' | 'asked' | 'roundTrip' | 'seen' | 'retransmitted' | 'dropped'> {
    const { stream, variant, events } = this.#options;
    return {
      sent: (unit, packets, bytes) => this.#sent(unit, packets, bytes),
      asked: (packets) => events.emit({ type: 'viewer-asked', stream, variant, packets }),
      roundTrip: (span) => events.emit({ type: 'viewer-round-trip', stream, variant, span }),
      seen: (report) => events.emit({ type: 'viewer-seen', stream, variant, ...report }),
      retransmitted: (packets) => events.emit({ type: 'retransmit', stream, variant, packets }),
      dropped: (count) => events.emit({ type: 'drop', stream, stage: 'peer', reason: 'viewer-slow', count }),
    };
  }

  /** The last frame is sent once more, due then. */
  again(due: Micros): void {
    this.#againDue = due;
  }

  /** Viewers that are connected. */
  viewers(count: number): void {
    const { stream, variant, events } = this.#options;
    events.emit({ type: 'viewers', stream, variant, count });
  }

  /** Access units in the fullest of the viewers' queues, of as many as it holds; nothing without viewers. */
  queues(depth: number, capacity: number): void {
    const { stream, variant, events } = this.#options;
    if (capacity > 0) events.emit({ type: 'queue', stream, variant, stage: 'peer', depth, capacity });
  }

  /** A keyframe was asked for. */
  keyframeAsked(cause: KeyframeCause): void {
    const { stream, variant, events } = this.#options;
    events.emit({ type: 'keyframe-request', stream, variant, cause: cause === 'slow' ? 'join' : cause });
  }

  /** Time that a unit took in a stage. */
  stage(stage: StageName, span: Micros): void {
    const { stream, events } = this.#options;
    events.emit({ type: 'stage', stream, stage, span });
  }

  #sent(unit: EncodedUnit, packets: number, bytes: number): void {
    const { stream, variant, clock, events } = this.#options;
    const now = clock.now();
    events.emit({ type: 'sent', stream, variant, bytes, packets });
    // What was kept is late for those alone who came later.
    if (unit.passed === 'kept') return;
    this.stage('peer', minus(now, unit.encoded));
    if (unit.due === this.#latencyOf || unit.due === this.#againDue) return;
    this.#latencyOf = unit.due;
    events.emit({ type: 'latency', stream, variant, span: minus(now, unit.arrival) });
  }
}

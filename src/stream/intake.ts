/** Whether a source's frames are taken as fast as they come: counts what is decoded and what is thrown away for lack of time. */
import type { EventSink, MetricEvent } from '../metrics/events.ts';

/** Looks, one a second, that a judgement spans: frames up to a keyframe are thrown away at once. */
const WINDOW = 10;
/** More than this share thrown away is too much for the machine. */
const TOLERATED = 0.03;

/** Frames of a second. */
interface Counts {
  taken: number;
  dropped: number;
}

/** Between a source and the metrics: passes every event on. Capacity: ten seconds; policy: the oldest is forgotten. */
export class Intake implements EventSink {
  readonly #events: EventSink;
  readonly #seconds: Counts[] = [];
  #now: Counts = { taken: 0, dropped: 0 };

  constructor(events: EventSink) {
    this.#events = events;
  }

  emit(event: MetricEvent): void {
    if (event.type === 'stage' && event.stage === 'decode') this.#now.taken += 1;
    if (event.type === 'drop' && (event.stage === 'decode' || event.stage === 'ingest')) {
      // Whatever else is dropped was damaged, or not wanted.
      if (event.reason === 'queue-full' || event.reason === 'arena-full') this.#now.dropped += event.count ?? 1;
    }
    this.#events.emit(event);
  }

  /** Ends a second. What is wrong, in words; undefined where the frames are taken as they come. */
  judge(): string | undefined {
    this.#seconds.push(this.#now);
    this.#now = { taken: 0, dropped: 0 };
    if (this.#seconds.length > WINDOW) this.#seconds.shift();
    const taken = this.#seconds.reduce((sum, second) => sum + second.taken, 0);
    const dropped = this.#seconds.reduce((sum, second) => sum + second.dropped, 0);
    const rate = (frames: number): string => (frames / this.#seconds.length).toFixed(0);
    if (dropped <= TOLERATED * (taken + dropped)) return undefined;
    return `this machine decodes ${rate(taken)} of ${rate(taken + dropped)} frames a second: the source is too large or too fast for it`;
  }
}

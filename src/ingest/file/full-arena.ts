/** Noticing that there is no memory for frames. */
import type { EventSink, MetricEvent } from '../../metrics/events.ts';

/** Notices that the decoder dropped a frame because the arena was full. */
export class FullArena implements EventSink {
  readonly #events: EventSink;
  seen = false;

  constructor(events: EventSink) {
    this.#events = events;
  }

  emit(event: MetricEvent): void {
    this.seen ||= event.type === 'drop' && event.reason === 'arena-full';
    this.#events.emit(event);
  }
}

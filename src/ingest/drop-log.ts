/** Why frames are dropped, in the log: each reason once. */
import type { DropReason, EventSink, MetricEvent } from '../metrics/events.ts';
import type { SourceLog } from './source-log.ts';

const WHY: Readonly<Partial<Record<DropReason, string>>> = {
  corrupt: 'bytes are missing or malformed',
  'awaiting-keyframe': 'nothing can be decoded before a keyframe',
  late: 'its time is not later than that of the frame before',
  'queue-full': 'frames arrive faster than they are taken',
  'foreign-sender': 'another sender sends on the same channel',
  'arena-full': 'the frame arena has no room',
};

/**
 * Events as they are; at `debug`, the first drop for each reason is told in the log, and the first
 * loss of packets. One for each run of a source.
 */
export function explainDrops(events: EventSink, log: SourceLog): EventSink {
  return log.debugs ? new DropLog(events, log) : events;
}

class DropLog implements EventSink {
  readonly #events: EventSink;
  readonly #log: SourceLog;
  readonly #told = new Set<string>();

  constructor(events: EventSink, log: SourceLog) {
    this.#events = events;
    this.#log = log;
  }

  emit(event: MetricEvent): void {
    if (event.type === 'drop') {
      const { stage, reason } = event;
      this.#tell(`${stage} ${reason}`, { stage, reason }, `frames are dropped: ${WHY[reason] ?? reason}`);
    } else if (event.type === 'ingest-loss') {
      this.#tell('loss', { packets: event.packets }, 'packets are lost on the way');
    }
    this.#events.emit(event);
  }

  #tell(what: string, fields: object, message: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#log.debug(fields, message);
  }
}

/** Frames and what is seen of them, for tests without a decoder. */
import type { Arena } from '../../src/media/arena.ts';
import { Frame, type FrameInfo, SOURCE } from '../../src/media/frame.ts';
import type { EventSink, MetricEvent } from '../../src/metrics/events.ts';
import { type Micros, ZERO } from '../../src/time.ts';

/** A source frame of one luma level. */
export function flatFrame(arena: Arena, pts: Micros, level = 128, size = 16, info: Partial<FrameInfo> = {}): Frame {
  const frame = Frame.allocate(arena, size, size, {
    pts,
    arrival: pts,
    capture: ZERO,
    discontinuity: false,
    provenance: SOURCE,
    ...info,
  });
  frame.bytes.fill(level);
  return frame;
}

/** Remembers all events. */
export class EventLog implements EventSink {
  readonly events: MetricEvent[] = [];

  emit(event: MetricEvent): void {
    this.events.push(event);
  }

  /** The events of one type, in order. */
  of<T extends MetricEvent['type']>(type: T): Extract<MetricEvent, { type: T }>[] {
    // Narrowed by the comparison, which the compiler cannot follow for a generic type.
    return this.events.filter((event) => event.type === type) as Extract<MetricEvent, { type: T }>[];
  }

  /** How many of each reason (or fate where there is none) the events of a type have. */
  count(type: 'drop' | 'frame'): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const event of this.events) {
      if (event.type !== type) continue;
      const key = event.type === 'frame' ? (event.reason ?? event.fate) : event.reason;
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  }
}

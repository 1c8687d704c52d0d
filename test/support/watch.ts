/** Runs a source and notes what it delivers. */

import type { Source, SourceInfo } from '../../src/ingest/source.ts';
import type { Frame } from '../../src/media/frame.ts';
import type { EventSink, MetricEvent } from '../../src/metrics/events.ts';
import { type Barcode, readBarcode } from './camera.ts';

/** One frame, after it was released. */
export interface SeenFrame {
  readonly pts: number;
  readonly width: number;
  readonly height: number;
  readonly discontinuity: boolean;
  /** Wall-clock capture time and the moment of delivery, Unix milliseconds. */
  readonly captureMs: number;
  readonly deliveredMs: number;
  readonly barcode: Barcode | undefined;
}

/** What a run gave. */
export interface Watched {
  readonly frames: readonly SeenFrame[];
  readonly infos: readonly SourceInfo[];
  /** Why the run ended by itself, undefined when it was stopped. */
  readonly error: unknown;
  /** From the stop to the end of the run. */
  readonly stopMs: number;
}

/** Runs `source` until it has given `count` frames, ends, or `limitMs` has passed. */
export async function watch(source: Source, count: number, limitMs = 20_000): Promise<Watched> {
  const frames: SeenFrame[] = [];
  const infos: SourceInfo[] = [];
  const controller = new AbortController();
  let stopped = 0;
  const stop = () => {
    if (stopped === 0) stopped = performance.now();
    controller.abort();
  };
  const timer = setTimeout(stop, limitMs);
  const sink = {
    frame(frame: Frame) {
      frames.push({
        pts: frame.pts,
        width: frame.width,
        height: frame.height,
        discontinuity: frame.discontinuity,
        captureMs: frame.capture / 1000,
        deliveredMs: Date.now(),
        barcode: readBarcode(frame.bytes, frame.width, frame.layout.strideY),
      });
      frame.release();
      if (frames.length >= count) stop();
    },
    info: (info: SourceInfo) => infos.push(info),
  };
  let error: unknown;
  try {
    await source.run(sink, controller.signal);
  } catch (thrown) {
    error = thrown;
  }
  clearTimeout(timer);
  return { frames, infos, error, stopMs: stopped === 0 ? 0 : performance.now() - stopped };
}

/** Counts drops by reason, and packets lost. */
export class DropCounter implements EventSink {
  readonly drops: Record<string, number> = {};
  lostPackets = 0;

  emit(event: MetricEvent): void {
    if (event.type === 'drop') this.drops[event.reason] = (this.drops[event.reason] ?? 0) + (event.count ?? 1);
    if (event.type === 'ingest-loss') this.lostPackets += event.packets;
  }
}

/**
 * A bounded queue in front of a decoder, for live sources: one access unit at work, in order, never
 * late for long.
 */

import type { AccessUnit } from '../../media/access-unit.ts';
import type { Frame } from '../../media/frame.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, minus } from '../../time.ts';
import { IngestGauge, type IngestLimits } from '../limits.ts';
import { MAX_QUEUED_BYTES } from '../peer-limits.ts';
import type { VideoDecoder } from './decoder.ts';

/** Access units that may wait: a burst after a network stall is decoded, not thrown away. */
const CAPACITY = 128;
/**
 * A unit that waited longer than this means the decoder is too slow: catch up at the next keyframe.
 */
const MAX_WAIT: Micros = fromMs(500);

/** What {@link DecodePump} works with. */
export interface DecodePumpDeps {
  readonly decoder: Pick<VideoDecoder, 'decode'>;
  readonly clock: Clock;
  readonly stream: string;
  readonly events: EventSink;
  /** A source whose frames exceed them fails. Default: none. */
  readonly limits?: IngestLimits | undefined;
  /** Owns each frame. */
  readonly frame: (frame: Frame) => void;
  /** The decoder broke, or a limit was exceeded; nothing follows. */
  readonly failed: (error: unknown) => void;
}

/**
 * Feeds a decoder. Capacity: 128 access units, 32 MiB, of which none waits longer than 0.5 s; policy:
 * everything that waits is dropped up to the next keyframe; counted as `queue-full` drops of stage
 * `decode`.
 */
export class DecodePump {
  readonly #deps: DecodePumpDeps;
  readonly #gauge: IngestGauge | undefined;
  #queue: { readonly unit: AccessUnit; readonly since: Micros }[] = [];
  #working: Promise<void> | undefined;
  /** Units were dropped: the next one cannot count on them. */
  #lossy = false;
  #closed = false;

  constructor(deps: DecodePumpDeps) {
    this.#deps = deps;
    this.#gauge = deps.limits && new IngestGauge(deps.limits);
  }

  /**
   * True while units are dropped up to the next keyframe. A WebRTC source asks its peer for one.
   */
  get awaitingKeyframe(): boolean {
    return this.#lossy;
  }

  /** Takes a unit; decoding begins at once when the decoder is idle. */
  push(unit: AccessUnit): void {
    if (this.#closed) return;
    const now = this.#deps.clock.now();
    const oldest = this.#queue[0];
    const isFull = this.#queue.length >= CAPACITY || this.#queuedBytes > MAX_QUEUED_BYTES;
    if (oldest && (isFull || minus(now, oldest.since) > MAX_WAIT)) this.#giveUp();
    if (this.#lossy && !unit.keyframe) {
      this.#drop(1);
      return;
    }
    this.#queue.push({ unit: this.#lossy ? { ...unit, afterLoss: true } : unit, since: now });
    this.#lossy = false;
    const { stream, events } = this.#deps;
    events.emit({ type: 'queue', stream, stage: 'decode', depth: this.#queue.length, capacity: CAPACITY });
    this.#working ??= this.#work();
  }

  get #queuedBytes(): number {
    return this.#queue.reduce((bytes, { unit }) => bytes + unit.data.length, 0);
  }

  /** Drops what waits and resolves once the decoder is idle. The decoder stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue = [];
    await this.#working;
  }

  async #work(): Promise<void> {
    try {
      for (let next = this.#queue.shift(); next && !this.#closed; next = this.#queue.shift()) {
        for (const frame of await this.#deps.decoder.decode(next.unit)) this.#deliver(frame);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#working = undefined;
    }
  }

  #deliver(frame: Frame): void {
    const excess = this.#gauge?.frame(frame.width, frame.height, this.#deps.clock.now());
    if (excess) this.#fail(excess);
    if (this.#closed) frame.release();
    else this.#deps.frame(frame);
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#deps.failed(error);
  }

  /** Drops what waits, except from the last keyframe on when there is one. */
  #giveUp(): void {
    const keep = this.#queue.findLastIndex((item) => item.unit.keyframe);
    const dropped = keep > 0 ? keep : this.#queue.length;
    this.#queue = keep > 0 ? this.#queue.slice(keep) : [];
    this.#drop(dropped);
    const first = this.#queue[0];
    if (first) this.#queue[0] = { unit: { ...first.unit, afterLoss: true }, since: this.#deps.clock.now() };
    else this.#lossy = true;
  }

  #drop(count: number): void {
    const { stream, events } = this.#deps;
    events.emit({ type: 'drop', stream, stage: 'decode', reason: 'queue-full', count });
  }
}

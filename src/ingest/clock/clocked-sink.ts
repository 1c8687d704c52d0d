/** Between a live source and its sink: places frames in time, and says what is wrong with the source's clock. */
import type { Frame } from '../../media/frame.ts';
import type { SoundPacket } from '../../media/sound.ts';
import type { EventSink } from '../../metrics/events.ts';
import { minus, plus, ZERO } from '../../time.ts';
import type { ClockFault, FrameSink, SourceInfo } from '../source.ts';
import { SourceClock } from './source-clock.ts';

/** Options of {@link ClockedSink}. */
export interface ClockedSinkOptions {
  readonly stream: string;
  readonly events: EventSink;
}

/** The sink of one connection of a live source. Frames come in the order in which they are shown. */
export class ClockedSink implements FrameSink {
  readonly #sink: FrameSink;
  readonly #options: ClockedSinkOptions;
  #clock = new SourceClock();
  #info: SourceInfo | undefined;
  #fault: ClockFault | undefined;
  /** How far the last frame was moved: sound goes with it. */
  #moved = ZERO;

  constructor(sink: FrameSink, options: ClockedSinkOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /**
   * Another sender begins: nothing is known of its clock.
   * @param stamped false: its stamps are invented, by a format that has none.
   */
  restart(stamped = true): void {
    this.#clock = new SourceClock(stamped);
  }

  frame(frame: Frame): void {
    const placed = this.#clock.place(frame.pts, frame.arrival, frame.discontinuity);
    if (!placed) {
      const { stream, events } = this.#options;
      events.emit({ type: 'drop', stream, stage: 'ingest', reason: 'late' });
      frame.release();
      return;
    }
    if (this.#clock.fault !== this.#fault && this.#info) {
      this.#fault = this.#clock.fault;
      this.info(this.#info);
    }
    this.#moved = minus(placed.pts, frame.pts);
    if (placed.pts === frame.pts && placed.discontinuity === frame.discontinuity) {
      this.#sink.frame(frame);
      return;
    }
    const moved = frame.share(placed);
    frame.release();
    this.#sink.frame(moved);
  }

  sound(packet: SoundPacket): void {
    this.#sink.sound?.({ ...packet, pts: plus(packet.pts, this.#moved) });
  }

  info(info: SourceInfo): void {
    this.#info = info;
    this.#sink.info(this.#fault ? { ...info, clock: this.#fault } : info);
  }
}

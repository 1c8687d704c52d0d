/** Passes on the packets of streams beside the converted one. An adapter of node-av's packets. */
import { AV_NOPTS_VALUE, type Packet } from 'node-av';
import { type Micros, micros, plus } from '../../time.ts';
import type { OtherSink, OtherStream } from './accompaniment.ts';
import { clipped, overlaps, type TimeRange } from './range.ts';

/** What {@link Others} works with. */
export interface OthersDeps {
  readonly streams: readonly OtherStream[];
  readonly sink: OtherSink;
  /** What is wanted of the file; undefined = all. */
  readonly range: TimeRange | undefined;
}

/** The other streams that are wanted of a file. */
export class Others {
  readonly #sink: OtherSink;
  readonly #range: TimeRange | undefined;
  readonly #streams = new Map<number, OtherStream>();
  /** Streams of sound of which there is more to come in the range. */
  readonly #going = new Set<number>();

  constructor({ streams, sink, range }: OthersDeps) {
    this.#sink = sink;
    this.#range = range;
    for (const stream of streams) {
      this.#streams.set(stream.index, stream);
      if (stream.kind === 'audio') this.#going.add(stream.index);
    }
  }

  /** True while the range has an end that sound has not reached. */
  get awaited(): boolean {
    return this.#range?.end !== undefined && this.#going.size > 0;
  }

  /** Whether anybody wants the packets of a stream. */
  wants(index: number): boolean {
    return this.#streams.has(index);
  }

  /**
   * Passes a packet on if it lies in the range; of a subtitle, the part that does. It stays the
   * caller's. @param shift what the timeline adds to its times.
   */
  async pass(packet: Packet, shift: Micros): Promise<void> {
    const stream = this.#streams.get(packet.streamIndex);
    if (!stream || packet.size === 0) return;
    if (this.#range && !this.#clip(packet, stream, shift, this.#range)) return;
    await this.#sink({ stream, native: packet, shift });
  }

  #clip(packet: Packet, { native, index, kind }: OtherStream, shift: Micros, range: TimeRange): boolean {
    const stamp = packet.pts !== AV_NOPTS_VALUE ? packet.pts : packet.dts;
    if (stamp === AV_NOPTS_VALUE) return true;
    const { num, den } = native.timeBase;
    const at = (ticks: bigint): Micros => plus(micros((Number(ticks) * 1e6 * num) / den), shift);
    const span = { start: at(stamp), end: at(stamp + packet.duration) };
    if (range.end !== undefined && span.start >= range.end) this.#going.delete(index);
    // Sound that begins before the picture would have no time in most containers.
    if (kind !== 'subtitle') return span.start >= range.start && (range.end === undefined || span.start < range.end);
    if (!overlaps(span, range)) return false;
    const kept = clipped(span, range);
    const ticks = (time: number): bigint => BigInt(Math.round((time * den) / (1e6 * num)));
    const start = kept.start === span.start ? stamp : ticks(kept.start - shift);
    if (packet.pts !== AV_NOPTS_VALUE) packet.pts = start;
    packet.dts = start;
    packet.duration = kept.end === span.end ? stamp + packet.duration - start : ticks(kept.end - kept.start);
    return true;
  }
}

/** The order of packets in a file. Pure. */

/** A packet of a stream beside the video, with its decoding time on the output's timeline in microseconds. */
interface Waiting<T> {
  readonly at: number;
  readonly size: number;
  readonly packet: T;
}

/** More than this of bytes waiting is written without waiting for the video: inputs may hold all their sound first. */
const MAX_BYTES = 64 << 20;

/**
 * Holds packets of copied streams back until the video has come as far, so that the file's streams lie side by side. Bounded:
 * {@link MAX_BYTES}; nothing is dropped, the oldest go out early.
 */
export class Interleaver<T> {
  readonly #waiting: Waiting<T>[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Takes a packet; of the same time, the first comes out first. */
  add(packet: T, at: number, size: number): void {
    let place = this.#waiting.length;
    while (place > 0 && (this.#waiting[place - 1]?.at ?? 0) > at) place -= 1;
    this.#waiting.splice(place, 0, { at, size, packet });
    this.#bytes += size;
  }

  /** The packets that come before a video packet decoded at `at`, in order. */
  *until(at: number): Generator<T> {
    for (let first = this.#waiting[0]; first && first.at <= at; first = this.#waiting[0]) yield this.#take(first);
  }

  /** The packets for which there is no room. */
  *excess(): Generator<T> {
    for (let first = this.#waiting[0]; first && this.#bytes > this.#maxBytes; first = this.#waiting[0]) {
      yield this.#take(first);
    }
  }

  /** All that is left. */
  *rest(): Generator<T> {
    yield* this.until(Number.POSITIVE_INFINITY);
  }

  #take(first: Waiting<T>): T {
    this.#waiting.shift();
    this.#bytes -= first.size;
    return first.packet;
  }
}

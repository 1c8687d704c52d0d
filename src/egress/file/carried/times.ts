/** Times of packets that are copied from one container to another. Pure. */

/** A fraction. */
export interface TimeBase {
  readonly num: number;
  readonly den: number;
}

/** Times of one packet, in ticks; undefined where a container gives none. */
export interface PacketTimes {
  readonly pts: bigint | undefined;
  readonly dts: bigint | undefined;
}

/** What is known of a stream's packets. */
export interface CopiedTimesOptions {
  /** Seconds of a tick of the input. */
  readonly from: TimeBase;
  /** Seconds of a tick of the output. */
  readonly to: TimeBase;
  /** Length of each packet in ticks of the output, where all are of one length: samples of a frame of sound. */
  readonly length?: bigint | undefined;
}

/** As many microseconds a second has. */
const SECOND = 1_000_000n;

/**
 * The times of one stream's packets in another time base, moved along the timeline. A coarse time base (milliseconds in
 * Matroska) rounds the times of sound; where packets are known to be of one length, they follow on each other to the sample
 * for as long as they agree with the input to half a tick of its time base. So nothing drifts.
 */
export class CopiedTimes {
  readonly #from: TimeBase;
  readonly #to: TimeBase;
  /** As given. */
  readonly length: bigint | undefined;
  /** Where the next packet begins if it follows on the last one. */
  #next: bigint | undefined;
  #lastDts: bigint | undefined;

  constructor({ from, to, length }: CopiedTimesOptions) {
    this.#from = from;
    this.#to = to;
    this.length = length;
  }

  /** @param shift microseconds that are added. @param length of this packet, where they differ and are known exactly. */
  next(times: PacketTimes, shift: number, length = this.length): PacketTimes {
    const pts = times.pts === undefined ? undefined : this.#move(times.pts, shift);
    const moved = times.dts === undefined ? undefined : this.#move(times.dts, shift);
    const settled = pts === undefined || length === undefined ? pts : this.#follow(pts, length);
    // Sound is not reordered: its decoding time is its presentation time.
    const dts = settled !== undefined && (length !== undefined || moved === undefined) ? settled : moved;
    return this.#ascending({ pts: settled, dts });
  }

  /** Ticks of the output for a span of the input. */
  span(ticks: bigint): bigint {
    return divide(ticks * numerator(this.#from, this.#to), denominator(this.#from, this.#to));
  }

  #move(ticks: bigint, shift: number): bigint {
    // One rounding for both: ticks·from/to + shift/(10⁶·to), over one denominator.
    const [n, d] = [numerator(this.#from, this.#to), denominator(this.#from, this.#to)];
    const [shiftN, shiftD] = [BigInt(shift) * BigInt(this.#to.den), SECOND * BigInt(this.#to.num)];
    return divide(ticks * n * shiftD + shiftN * d, d * shiftD);
  }

  #follow(pts: bigint, length: bigint): bigint {
    const expected = this.#next;
    const settled = expected !== undefined && this.#agrees(pts, expected) ? expected : pts;
    this.#next = settled + length;
    return settled;
  }

  /** Whether the difference is what rounding to a tick of the input may have made. */
  #agrees(a: bigint, b: bigint): boolean {
    const apart = a > b ? a - b : b - a;
    // Half a tick of the input, and the rounding of both times to the output.
    return (
      2n * apart * denominator(this.#from, this.#to) <=
      numerator(this.#from, this.#to) + 2n * denominator(this.#from, this.#to)
    );
  }

  /** Muxers take no packet that is decoded at the time of the one before, which rounding may give. */
  #ascending({ pts, dts }: PacketTimes): PacketTimes {
    if (dts === undefined) return { pts, dts };
    const least = this.#lastDts === undefined ? dts : this.#lastDts + 1n;
    const after = dts < least ? least : dts;
    this.#lastDts = after;
    return { pts: pts !== undefined && pts < after ? after : pts, dts: after };
  }
}

function numerator(from: TimeBase, to: TimeBase): bigint {
  return BigInt(from.num) * BigInt(to.den);
}

function denominator(from: TimeBase, to: TimeBase): bigint {
  return BigInt(from.den) * BigInt(to.num);
}

/** Rounded to the nearest, halves away from zero. */
function divide(a: bigint, b: bigint): bigint {
  return a < 0n ? -((-2n * a + b) / (2n * b)) : (2n * a + b) / (2n * b);
}

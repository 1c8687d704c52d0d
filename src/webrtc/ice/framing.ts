/** Datagrams on a TCP connection, each after its length in two bytes (RFC 4571). */

/** Cuts a byte stream into datagrams. Holds one unfinished datagram at most. */
export class Deframer {
  readonly #maxDatagram: number;
  readonly #take: (datagram: Buffer) => void;
  #waiting: Buffer[] = [];
  #held = 0;
  /** Bytes that must be there before anything can be taken: many small chunks are joined once. */
  #wanted = 2;

  /** @param maxDatagram the longest that is taken, in bytes. */
  constructor(maxDatagram: number, take: (datagram: Buffer) => void) {
    this.#maxDatagram = maxDatagram;
    this.#take = take;
  }

  /** Bytes of an unfinished datagram. */
  get held(): number {
    return this.#held;
  }

  /**
   * Takes what came.
   * @returns false when a length is beyond what is taken: the connection is of no use then.
   */
  push(chunk: Buffer): boolean {
    this.#waiting.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#wanted) return true;
    let bytes = this.#waiting.length === 1 ? chunk : Buffer.concat(this.#waiting);
    while (bytes.length >= 2) {
      const length = bytes.readUInt16BE(0);
      if (length > this.#maxDatagram) return false;
      if (bytes.length < 2 + length) break;
      this.#take(bytes.subarray(2, 2 + length));
      bytes = bytes.subarray(2 + length);
    }
    this.#wanted = bytes.length < 2 ? 2 : 2 + bytes.readUInt16BE(0);
    // A copy: what is left may be a few bytes of a large chunk.
    this.#waiting = bytes.length === 0 ? [] : [Buffer.from(bytes)];
    this.#held = bytes.length;
    return true;
  }
}

/** A datagram with its length before it. */
export function frame(datagram: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + datagram.length);
  framed.writeUInt16BE(datagram.length);
  datagram.copy(framed, 2);
  return framed;
}

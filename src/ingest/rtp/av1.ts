/**
 * AV1 over RTP (Alliance for Open Media, RTP Payload Format For AV1 1.0), to temporal units. Our
 * own rather than werift's, read at 0.25.2: that one throws on malformed payloads, gives the last
 * OBU away without its size, and leaves loss to its caller.
 */
import { MAX_UNIT_PARTS } from '../peer-limits.ts';
import { UnitAssembler } from './unit-assembler.ts';
import { UnitBuffer } from './unit-buffer.ts';

/** obu_type of the AV1 specification, section 6.2.2. */
const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const FRAME_HEADER = 3;
const TILE_GROUP = 4;
const FRAME = 6;
const REDUNDANT_FRAME_HEADER = 7;
const TILE_LIST = 8;
const PADDING = 15;

/** obu_has_size_field in an OBU's first byte. */
const HAS_SIZE = 0x02;
/**
 * Each temporal unit of the low-overhead bitstream format begins with a temporal delimiter; over
 * RTP they are left out.
 */
const DELIMITER = Uint8Array.of((TEMPORAL_DELIMITER << 3) | HAS_SIZE, 0);

/** An Open Bitstream Unit, taken apart. */
interface Obu {
  readonly type: number;
  /** One byte, or two with layers. */
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

/** Reads the OBU that `bytes` are, with or without its size; undefined when it is malformed. */
function readObu(bytes: Uint8Array): Obu | undefined {
  const first = bytes[0] ?? 0;
  const header = first & 0x04 ? 2 : 1;
  const size = first & HAS_SIZE ? readLeb128(bytes, header) : { value: bytes.length - header, length: 0 };
  const forbidden = (first & 0x80) !== 0;
  if (!size || forbidden || bytes.length < header || header + size.length + size.value !== bytes.length)
    return undefined;
  const payload = bytes.subarray(header + size.length);
  return { type: (first >> 3) & 0x0f, header: bytes.subarray(0, header), payload };
}

/**
 * Gives each OBU element of a payload, behind its aggregation header, to `take`: OBUs and fragments
 * of OBUs; `last` says whether it is the payload's last. False when the payload is malformed, or
 * `take` returns false.
 */
function eachElement(payload: Uint8Array, take: (element: Uint8Array, last: boolean) => boolean): boolean {
  // W: how many there are, and then the last one has no length before it; 0 = all have one.
  const count = ((payload[0] ?? 0) >> 4) & 3;
  let taken = 0;
  for (let at = 1; at < payload.length; ) {
    const unsized = taken === count - 1;
    const size = unsized ? { value: payload.length - at, length: 0 } : readLeb128(payload, at);
    if (!size || at + size.length + size.value > payload.length) return false;
    const start = at + size.length;
    at = start + size.value;
    taken += 1;
    if (!take(payload.subarray(start, at), at === payload.length)) return false;
  }
  return count === 0 || taken === count;
}

/**
 * leb128() of the AV1 specification, section 4.10.5: at most eight bytes. Undefined when it is cut
 * short or longer.
 */
function readLeb128(bytes: Uint8Array, at: number): { readonly value: number; readonly length: number } | undefined {
  let value = 0;
  for (let i = 0; i < 8; i += 1) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, length: i + 1 };
  }
  return undefined;
}

function writeLeb128(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** Assembles temporal units of AV1. */
export class Av1Depacketizer extends UnitAssembler {
  /** Whole OBUs, each with its size, and behind them the one that is coming in. */
  readonly #bytes = new UnitBuffer();
  #obus = 0;
  /** Where the OBU that is coming in begins. */
  #obuAt = 0;
  /** It goes on in the next packet. */
  #unfinished = false;
  #hasSequenceHeader = false;
  #hasFrame = false;

  protected take(payload: Uint8Array): void {
    const head = payload[0] ?? 0;
    const [continues, unfinished] = [(head & 0x80) !== 0, (head & 0x40) !== 0];
    if (continues !== this.#unfinished) {
      this.damaged = true;
      return;
    }
    if (this.#bytes.length === 0) {
      this.#bytes.append(DELIMITER);
      this.#obuAt = DELIMITER.length;
    }
    const isSound = eachElement(payload, (element, last) => {
      this.#bytes.append(element);
      this.#unfinished = last && unfinished;
      if (!this.#unfinished) this.#finishObu();
      return !this.damaged;
    });
    if (!isSound || this.#bytes.overflowed) this.damaged = true;
  }

  protected finish(): boolean {
    if (this.#unfinished) this.damaged = true;
    return this.#hasFrame;
  }

  protected join(): Uint8Array {
    return this.#bytes.copy(0, this.#bytes.length);
  }

  protected clear(): void {
    this.#bytes.clear();
    this.#obus = 0;
    this.#unfinished = false;
    this.#hasSequenceHeader = false;
    this.#hasFrame = false;
  }

  /** Puts the OBU that came in in its place, with its size. */
  #finishObu(): void {
    const obu = readObu(this.#bytes.copy(this.#obuAt, this.#bytes.length));
    this.#bytes.cut(this.#obuAt);
    this.parts += 1;
    this.#obus += 1;
    if (!obu || this.#obus > MAX_UNIT_PARTS) {
      this.damaged = true;
      return;
    }
    const { type, header, payload } = obu;
    if (type === TEMPORAL_DELIMITER || type === TILE_LIST || type === PADDING) return;
    this.#note(obu);
    const [first = 0, ...layers] = header;
    this.#bytes.append(Uint8Array.of(first | HAS_SIZE, ...layers));
    this.#bytes.append(writeLeb128(payload.length));
    this.#bytes.append(payload);
    this.#obuAt = this.#bytes.length;
  }

  /** Notes what an OBU says of its temporal unit. */
  #note({ type, payload }: Obu): void {
    if (type === SEQUENCE_HEADER) this.#hasSequenceHeader = true;
    const opensFrame = type === FRAME_HEADER || type === FRAME;
    const isFrame = opensFrame || type === TILE_GROUP || type === REDUNDANT_FRAME_HEADER;
    if (!isFrame || this.#hasFrame) return;
    this.#hasFrame = true;
    if (!opensFrame) this.damaged = true;
    // show_existing_frame = 0, frame_type = KEY_FRAME, show_frame = 1. Sequence headers may be
    // repeated at other frames.
    this.keyframe = this.#hasSequenceHeader && (payload[0] ?? 0) >> 4 === 1;
  }
}

/**
 * A reader of NUT, the container in which ffmpeg writes raw pictures with their timestamps to a pipe. Pure: bytes in,
 * pictures out. It knows what such a stream uses: one video stream, version 3, no side data. Checksums are not verified,
 * for the pipe is local. Format: https://ffmpeg.org/~michael/nut.txt
 */
import { FrameliftError } from '../../errors.ts';
import { type Micros, micros } from '../../time.ts';

/** The stream header: what the pictures are. */
export interface NutHeader {
  /** Luma samples. */
  readonly width: number;
  readonly height: number;
  /** Four letters, `I420` for raw 8-bit 4:2:0. */
  readonly fourcc: string;
}

/** Takes what {@link NutReader} finds. The bytes of a picture are valid during the call only. */
export interface NutSink {
  header(header: NutHeader): void;
  picture(data: Uint8Array, pts: Micros): void;
}

interface FrameCode {
  readonly flags: number;
  readonly stream: number;
  readonly sizeMul: number;
  readonly sizeLsb: number;
  readonly ptsDelta: number;
  readonly reserved: number;
  readonly header: number;
}

const ID = Buffer.from('nut/multimedia container\0', 'latin1');
/** First byte of every start code; no frame code has its value. */
const N = 0x4e;
const MAIN = 0x4e4d7a561f5f04adn;
const STREAM = 0x4e5311405bf2f9dbn;
const SYNCPOINT = 0x4e4be4adeeca4569n;
const CODED_PTS = 8;
const STREAM_ID = 16;
const SIZE_MSB = 32;
const CHECKSUM = 64;
const RESERVED = 128;
const SIDE_DATA = 256;
const HEADER_IDX = 1024;
const MATCH_TIME = 2048;
const CODED = 4096;
const INVALID = 8192;
/** Pictures larger than this never have part of their bytes kept in the main header. */
const MAX_ELIDED = 4096;
/** 8192 × 8192 samples: anything larger is a broken stream, not a picture. */
const MAX_PICTURE = 8192 * 8192 * 1.5;
const MAX_HEADER = 1 << 20;

/** Thrown inside the parser when the bytes end before the element does: try again with more. */
const MORE = Symbol('more');

/** One NUT stream. Feed it chunks in order. */
export class NutReader {
  readonly #sink: NutSink;
  #pending: Buffer = Buffer.alloc(0);
  #at = 0;
  #started = false;
  #codes: (FrameCode | undefined)[] = [];
  #elided: Buffer[] = [Buffer.alloc(0)];
  #timeBases: { num: number; den: number }[] = [];
  #timeBase = { num: 1, den: 1 };
  #timeBaseId = 0;
  #ptsShift = 0;
  #lastPts = 0;
  #picture = Buffer.alloc(0);
  #wanted = 0;
  #filled = 0;
  #pts = 0;

  constructor(sink: NutSink) {
    this.#sink = sink;
  }

  /** Reads a chunk, calling the sink for each picture that it completes. @throws FrameliftError `source.protocol` when this is not NUT. */
  push(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (this.#wanted > 0) {
        const taken = rest.subarray(0, this.#wanted - this.#filled);
        this.#picture.set(taken, this.#filled);
        this.#filled += taken.length;
        rest = rest.subarray(taken.length);
        if (this.#filled === this.#wanted) this.#deliver();
        continue;
      }
      this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, rest]) : rest;
      rest = this.#elements();
    }
  }

  /** Reads elements out of `#pending` until a picture's bytes begin (returns them) or more are needed (returns none). */
  #elements(): Buffer {
    for (;;) {
      this.#at = 0;
      try {
        this.#element();
      } catch (stop) {
        if (stop !== MORE) throw stop;
        if (this.#pending.length > MAX_HEADER) throw broken('a header is too long');
        // A view of the caller's chunk must not outlive the call.
        this.#pending = Buffer.from(this.#pending);
        return Buffer.alloc(0);
      }
      this.#pending = this.#pending.subarray(this.#at);
      if (this.#wanted > 0) {
        const rest = this.#pending;
        this.#pending = Buffer.alloc(0);
        return rest;
      }
    }
  }

  #element(): void {
    if (!this.#started) {
      if (!this.#take(ID.length).equals(ID)) throw broken('the file id is missing');
      this.#started = true;
      return;
    }
    const code = this.#pending[this.#at];
    if (code === undefined) throw MORE;
    if (code === N) this.#packet();
    else this.#frame();
  }

  #packet(): void {
    const startCode = this.#take(8).readBigUInt64BE();
    const size = this.#v();
    if (size > MAX_HEADER) throw broken('a packet is too long');
    if (size > 4096) this.#take(4);
    const end = this.#at + size;
    if (end > this.#pending.length) throw MORE;
    if (startCode === MAIN) this.#main();
    else if (startCode === STREAM) this.#stream();
    else if (startCode === SYNCPOINT) this.#syncpoint();
    this.#at = end;
  }

  #main(): void {
    const version = this.#v();
    if (version > 3) throw broken(`version ${version} instead of 3`);
    this.#v();
    this.#v();
    const bases = this.#v();
    this.#timeBases = [];
    for (let i = 0; i < bases; i += 1) this.#timeBases.push({ num: this.#v(), den: this.#v() });
    this.#frameCodes();
    const headers = this.#v();
    this.#elided = [Buffer.alloc(0)];
    for (let i = 0; i < headers; i += 1) this.#elided.push(Buffer.from(this.#take(this.#v())));
  }

  #frameCodes(): void {
    this.#codes = [];
    let ptsDelta = 0;
    let sizeMul = 1;
    let stream = 0;
    let header = 0;
    while (this.#codes.length < 256) {
      const flags = this.#v();
      const fields = this.#v();
      if (fields > 0) ptsDelta = this.#s();
      if (fields > 1) sizeMul = this.#v();
      if (fields > 2) stream = this.#v();
      const sizeLsb = fields > 3 ? this.#v() : 0;
      const reserved = fields > 4 ? this.#v() : 0;
      const count = fields > 5 ? this.#v() : sizeMul - sizeLsb;
      if (fields > 6) this.#s();
      if (fields > 7) header = this.#v();
      for (let i = 8; i < fields; i += 1) this.#v();
      for (let j = 0; j < count && this.#codes.length < 256; j += 1) {
        if (this.#codes.length === N) this.#codes.push(undefined);
        this.#codes.push({ flags, stream, sizeMul, sizeLsb: sizeLsb + j, ptsDelta, reserved, header });
      }
    }
  }

  #stream(): void {
    this.#v();
    if (this.#v() !== 0) throw broken('the stream is not video');
    const fourcc = this.#take(this.#v()).toString('latin1');
    this.#timeBaseId = this.#v();
    const base = this.#timeBases[this.#timeBaseId];
    if (!base || base.den === 0) throw broken('a time base is missing');
    this.#timeBase = base;
    this.#ptsShift = this.#v();
    this.#v();
    this.#v();
    this.#v();
    this.#take(this.#v());
    this.#sink.header({ fourcc, width: this.#v(), height: this.#v() });
  }

  #syncpoint(): void {
    const coded = this.#v();
    const count = Math.max(1, this.#timeBases.length);
    const base = this.#timeBases[coded % count];
    if (!base) throw broken('a syncpoint has no time base');
    const { num, den } = this.#timeBase;
    this.#lastPts = Math.floor((Math.floor(coded / count) * base.num * den) / (base.den * num));
  }

  #frame(): void {
    const code = this.#codes[this.#take(1)[0] ?? 0];
    if (!code || code.flags & INVALID) throw broken('an invalid frame code');
    const flags = code.flags & CODED ? code.flags ^ this.#v() : code.flags;
    if (flags & STREAM_ID) this.#v();
    const pts = flags & CODED_PTS ? this.#fullPts(this.#v()) : this.#lastPts + code.ptsDelta;
    const msb = flags & SIZE_MSB ? this.#v() : 0;
    if (flags & MATCH_TIME) this.#s();
    let header = flags & HEADER_IDX ? this.#v() : code.header;
    const reserved = flags & RESERVED ? this.#v() : code.reserved;
    for (let i = 0; i < reserved; i += 1) this.#v();
    if (flags & CHECKSUM) this.#take(4);
    if (flags & SIDE_DATA) throw broken('side data in a picture');
    const size = code.sizeLsb + msb * code.sizeMul;
    if (size > MAX_PICTURE) throw broken(`a picture of ${size} bytes`);
    if (size > MAX_ELIDED) header = 0;
    const elided = this.#elided[header] ?? Buffer.alloc(0);
    this.#lastPts = pts;
    this.#pts = pts;
    if (size === 0) return;
    if (this.#picture.length < size) this.#picture = Buffer.alloc(size);
    this.#picture.set(elided);
    this.#filled = elided.length;
    this.#wanted = size;
    if (this.#filled >= size) this.#deliver();
  }

  /** A timestamp from its coded low bits (or the whole of it, offset), nearest to the one before. */
  #fullPts(coded: number): number {
    const span = 2 ** this.#ptsShift;
    if (coded >= span) return coded - span;
    const low = this.#lastPts - Math.floor((span - 1) / 2);
    return low + ((((coded - low) % span) + span) % span);
  }

  #deliver(): void {
    const size = this.#wanted;
    this.#wanted = 0;
    const pts = micros((this.#pts * 1e6 * this.#timeBase.num) / this.#timeBase.den);
    this.#sink.picture(this.#picture.subarray(0, size), pts);
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#pending.length) throw MORE;
    const bytes = this.#pending.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** An unsigned number, seven bits a byte, most significant first. */
  #v(): number {
    let value = 0;
    for (;;) {
      const byte = this.#pending[this.#at];
      if (byte === undefined) throw MORE;
      this.#at += 1;
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
      if (value > Number.MAX_SAFE_INTEGER / 128) throw broken('a number is too large');
    }
  }

  /** A signed number. */
  #s(): number {
    const value = this.#v() + 1;
    return value % 2 === 1 ? -Math.floor(value / 2) : value / 2;
  }
}

function broken(what: string): FrameliftError {
  return new FrameliftError('source.protocol', `ffmpeg's output is not the NUT stream it should be: ${what}`, {
    recoverable: true,
  });
}

/**
 * A reader of NUT, the container in which ffmpeg writes raw frames with their timestamps to a pipe.
 * Pure: bytes in, frames out. It knows what such a stream uses: one video stream, version 3, no
 * side data. Checksums are not verified, for the pipe is local. Format:
 * https://ffmpeg.org/~michael/nut.txt
 */
import { type Micros, micros } from '../../time.ts';
import { broken, MORE, NutBytes } from './nut-bytes.ts';

/** The stream header: what the frames are. */
export interface NutHeader {
  /** Luma samples. */
  readonly width: number;
  readonly height: number;
  /** Shape of a sample; 0/0 when it is not known. */
  readonly sampleAspect: { readonly num: number; readonly den: number };
  /** Four letters, `I420` for raw 8-bit 4:2:0. */
  readonly fourcc: string;
}

/** Takes what {@link NutReader} finds. The bytes of a frame are valid during the call only. */
export interface NutSink {
  header(header: NutHeader): void;
  frame(data: Buffer, pts: Micros): void;
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

const EMPTY: Buffer = Buffer.alloc(0);
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
/** Frames larger than this never have part of their bytes kept in the main header. */
const MAX_ELIDED = 4096;
/** 8192 × 8192 samples of three planes, two bytes each: anything larger is a broken stream. */
const MAX_FRAME = 8192 * 8192 * 6;
/** FFmpeg's converters read past the end of a picture, in whole vectors. */
const READ_PAST = 64;
const MAX_HEADER = 1 << 20;

/** One NUT stream. Feed it chunks in order. */
export class NutReader {
  readonly #sink: NutSink;
  #pending: Buffer = EMPTY;
  /** Of what is pending. */
  #bytes = new NutBytes(EMPTY);
  #started = false;
  #codes: (FrameCode | undefined)[] = [];
  #elided: Buffer[] = [EMPTY];
  #timeBases: { num: number; den: number }[] = [];
  #timeBase = { num: 1, den: 1 };
  #timeBaseId = 0;
  #ptsShift = 0;
  #lastPts = 0;
  #frameBytes = EMPTY;
  #wanted = 0;
  #filled = 0;
  #pts = 0;

  constructor(sink: NutSink) {
    this.#sink = sink;
  }

  /**
   * Reads a chunk, calling the sink for each frame that it completes.
   * @throws FrameliftError `source.protocol` when this is not NUT.
   */
  push(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (this.#wanted > 0) {
        const taken = rest.subarray(0, this.#wanted - this.#filled);
        this.#frameBytes.set(taken, this.#filled);
        this.#filled += taken.length;
        rest = rest.subarray(taken.length);
        if (this.#filled === this.#wanted) this.#deliver();
        continue;
      }
      this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, rest]) : rest;
      rest = this.#elements();
    }
  }

  /**
   * Reads elements out of `#pending` until a frame's bytes begin (returns them) or more are needed
   * (returns none).
   */
  #elements(): Buffer {
    for (;;) {
      this.#bytes = new NutBytes(this.#pending);
      try {
        this.#element();
      } catch (stop) {
        if (stop !== MORE) throw stop;
        if (this.#pending.length > MAX_HEADER) throw broken('a header is too long');
        // A view of the caller's chunk must not outlive the call.
        this.#pending = Buffer.from(this.#pending);
        return EMPTY;
      }
      this.#pending = this.#pending.subarray(this.#bytes.at);
      if (this.#wanted > 0) {
        const rest = this.#pending;
        this.#pending = EMPTY;
        return rest;
      }
    }
  }

  #element(): void {
    if (!this.#started) {
      if (!this.#bytes.take(ID.length).equals(ID)) throw broken('the file id is missing');
      this.#started = true;
      return;
    }
    if (this.#bytes.peek() === N) this.#packet();
    else this.#frame();
  }

  #packet(): void {
    const startCode = this.#bytes.take(8).readBigUInt64BE();
    const size = this.#bytes.unsigned();
    if (size > MAX_HEADER) throw broken('a packet is too long');
    if (size > 4096) this.#bytes.take(4);
    const start = this.#bytes.at;
    // All of it, or more is needed.
    this.#bytes.take(size);
    this.#bytes.at = start;
    if (startCode === MAIN) this.#main();
    else if (startCode === STREAM) this.#stream();
    else if (startCode === SYNCPOINT) this.#syncpoint();
    this.#bytes.at = start + size;
  }

  #main(): void {
    const version = this.#bytes.unsigned();
    if (version > 3) throw broken(`version ${version} instead of 3`);
    this.#bytes.unsigned();
    this.#bytes.unsigned();
    const bases = this.#bytes.unsigned();
    this.#timeBases = [];
    for (let i = 0; i < bases; i += 1)
      this.#timeBases.push({ num: this.#bytes.unsigned(), den: this.#bytes.unsigned() });
    this.#frameCodes();
    const headers = this.#bytes.unsigned();
    this.#elided = [EMPTY];
    for (let i = 0; i < headers; i += 1) this.#elided.push(Buffer.from(this.#bytes.take(this.#bytes.unsigned())));
  }

  #frameCodes(): void {
    this.#codes = [];
    let ptsDelta = 0;
    let sizeMul = 1;
    let stream = 0;
    let header = 0;
    while (this.#codes.length < 256) {
      const flags = this.#bytes.unsigned();
      const fields = this.#bytes.unsigned();
      if (fields > 0) ptsDelta = this.#bytes.signed();
      if (fields > 1) sizeMul = this.#bytes.unsigned();
      if (fields > 2) stream = this.#bytes.unsigned();
      const sizeLsb = fields > 3 ? this.#bytes.unsigned() : 0;
      const reserved = fields > 4 ? this.#bytes.unsigned() : 0;
      const count = fields > 5 ? this.#bytes.unsigned() : sizeMul - sizeLsb;
      if (fields > 6) this.#bytes.signed();
      if (fields > 7) header = this.#bytes.unsigned();
      for (let i = 8; i < fields; i += 1) this.#bytes.unsigned();
      for (let j = 0; j < count && this.#codes.length < 256; j += 1) {
        if (this.#codes.length === N) this.#codes.push(undefined);
        this.#codes.push({ flags, stream, sizeMul, sizeLsb: sizeLsb + j, ptsDelta, reserved, header });
      }
    }
  }

  #stream(): void {
    this.#bytes.unsigned();
    if (this.#bytes.unsigned() !== 0) throw broken('the stream is not video');
    const fourcc = this.#bytes.take(this.#bytes.unsigned()).toString('latin1');
    this.#timeBaseId = this.#bytes.unsigned();
    const base = this.#timeBases[this.#timeBaseId];
    if (!base || base.den === 0) throw broken('a time base is missing');
    this.#timeBase = base;
    this.#ptsShift = this.#bytes.unsigned();
    this.#bytes.unsigned();
    this.#bytes.unsigned();
    this.#bytes.unsigned();
    this.#bytes.take(this.#bytes.unsigned());
    const [width, height, num, den] = [this.#number(), this.#number(), this.#number(), this.#number()];
    this.#sink.header({ fourcc, width, height, sampleAspect: { num, den } });
  }

  #number(): number {
    return this.#bytes.unsigned();
  }

  #syncpoint(): void {
    const coded = this.#bytes.unsigned();
    const count = Math.max(1, this.#timeBases.length);
    const base = this.#timeBases[coded % count];
    if (!base) throw broken('a syncpoint has no time base');
    const { num, den } = this.#timeBase;
    this.#lastPts = Math.floor((Math.floor(coded / count) * base.num * den) / (base.den * num));
  }

  #frame(): void {
    const code = this.#codes[this.#bytes.take(1)[0] ?? 0];
    if (!code || code.flags & INVALID) throw broken('an invalid frame code');
    const flags = code.flags & CODED ? code.flags ^ this.#bytes.unsigned() : code.flags;
    if (flags & STREAM_ID) this.#bytes.unsigned();
    const pts = flags & CODED_PTS ? this.#fullPts(this.#bytes.unsigned()) : this.#lastPts + code.ptsDelta;
    const msb = flags & SIZE_MSB ? this.#bytes.unsigned() : 0;
    if (flags & MATCH_TIME) this.#bytes.signed();
    let header = flags & HEADER_IDX ? this.#bytes.unsigned() : code.header;
    const reserved = flags & RESERVED ? this.#bytes.unsigned() : code.reserved;
    for (let i = 0; i < reserved; i += 1) this.#bytes.unsigned();
    if (flags & CHECKSUM) this.#bytes.take(4);
    if (flags & SIDE_DATA) throw broken('side data in a frame');
    const size = code.sizeLsb + msb * code.sizeMul;
    if (size > MAX_FRAME) throw broken(`a frame of ${size} bytes`);
    if (size > MAX_ELIDED) header = 0;
    const elided = this.#elided[header] ?? EMPTY;
    this.#lastPts = pts;
    this.#pts = pts;
    if (size === 0) return;
    if (this.#frameBytes.length < size + READ_PAST) this.#frameBytes = Buffer.alloc(size + READ_PAST);
    this.#frameBytes.set(elided);
    this.#filled = elided.length;
    this.#wanted = size;
    if (this.#filled >= size) this.#deliver();
  }

  /**
   * A timestamp from its coded low bits (or the whole of it, offset), nearest to the one before.
   */
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
    this.#sink.frame(this.#frameBytes.subarray(0, size), pts);
  }
}

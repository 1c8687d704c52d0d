/**
 * RTSP 1.0 on the wire (RFC 2326): responses, requests and interleaved packets out of a byte
 * stream. Pure.
 */
import { FrameliftError } from '../../errors.ts';
import { MAX_RTSP_BODY, MAX_RTSP_FIELDS, MAX_RTSP_HEAD, quoted } from '../peer-limits.ts';

/**
 * Bytes skipped in search of a message before the peer is said not to speak RTSP: at the start, and
 * later.
 */
const MAX_GARBAGE_FIRST = 16;
const MAX_GARBAGE = 256 << 10;
/** Chunks that wait each in its own buffer: servers may send byte by byte. */
const MAX_LOOSE = 256;
/** Longest method that starts a message, with the blank behind it. */
const MAX_METHOD = 14;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
const BLANK = 0x20;
const SLASH = 0x2f;
const ZERO = 0x30;
const UNDERSCORE = 0x5f;

/** Header fields by lower-case name. Fields that repeat are joined by a newline. */
export type RtspHeaders = ReadonlyMap<string, string>;

/** A response to one of our requests. */
export interface RtspResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
  readonly body: string;
}

/** A request: one that the server makes, or, to our own, a client. */
export interface RtspServerRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers: RtspHeaders;
}

/** Where the parser's findings go. */
export interface RtspSink {
  response(response: RtspResponse): void;
  request(request: RtspServerRequest): void;
  /**
   * An interleaved packet; a view, valid for as long as its holder wants (chunks are not reused).
   */
  packet(channel: number, bytes: Uint8Array): void;
}

/** Incremental parser of what the other side of an RTSP connection sends. */
export class RtspParser {
  readonly #sink: RtspSink;
  readonly #maxBody: number;
  /** Bytes that wait for more. */
  #waiting: Buffer[] = [];
  #length = 0;
  /** The last of them, which are not joined yet. */
  #loose = 0;
  /** How many must wait before parsing can go on. */
  #needed = 1;
  #garbage = 0;
  #spoken = false;

  constructor(sink: RtspSink, maxBody = MAX_RTSP_BODY) {
    this.#sink = sink;
    this.#maxBody = maxBody;
  }

  /** Takes a chunk. @throws FrameliftError `source.protocol` when it cannot be RTSP. */
  push(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#length += chunk.length;
    this.#loose += 1;
    if (this.#loose === MAX_LOOSE) {
      this.#waiting.push(Buffer.concat(this.#waiting.splice(-MAX_LOOSE)));
      this.#loose = 0;
    }
    if (this.#length < this.#needed) return;
    const bytes = this.#waiting.length === 1 ? chunk : Buffer.concat(this.#waiting);
    let at = 0;
    for (let used = this.#parse(bytes, at); used > 0; used = this.#parse(bytes, at)) at += used;
    this.#waiting = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#length = bytes.length - at;
    this.#loose = 0;
  }

  /** Parses one thing at `at`; returns how many bytes it took, 0 when more are needed. */
  #parse(bytes: Buffer, at: number): number {
    const available = bytes.length - at;
    this.#needed = 1;
    if (available === 0) return 0;
    if (bytes[at] === DOLLAR) return this.#parsePacket(bytes, at);
    const skip = this.#skipGarbage(bytes, at);
    if (skip > 0) return skip;
    const head = findHead(bytes, at);
    if (!head) {
      if (available > MAX_RTSP_HEAD) throw protocolError('a header block of more than 64 KiB');
      this.#needed = available + 1;
      return 0;
    }
    const { end, bodyAt } = head;
    const lines = bytes.toString('latin1', at, end).split(/\r?\n/);
    const headers = parseHeaders(lines);
    const length = bodyLength(headers, this.#maxBody);
    if (bytes.length < bodyAt + length) {
      this.#needed = bodyAt + length - at;
      return 0;
    }
    this.#garbage = 0;
    this.#spoken = true;
    this.#emit(lines[0] ?? '', headers, bytes.toString('utf8', bodyAt, bodyAt + length));
    return bodyAt + length - at;
  }

  #parsePacket(bytes: Buffer, at: number): number {
    const available = bytes.length - at;
    const total = available < 4 ? 4 : 4 + bytes.readUInt16BE(at + 2);
    if (available < total) {
      this.#needed = total;
      return 0;
    }
    this.#garbage = 0;
    this.#sink.packet(bytes[at + 1] ?? 0, bytes.subarray(at + 4, at + total));
    return total;
  }

  /**
   * Bytes before the next message or packet. Some servers put line ends, or padding, between them.
   */
  #skipGarbage(bytes: Buffer, at: number): number {
    let from = at;
    while (from < bytes.length && !startsMessage(bytes, from)) from += 1;
    const skipped = from - at;
    if (skipped === 0) return 0;
    this.#garbage += skipped;
    if (this.#garbage > (this.#spoken ? MAX_GARBAGE : MAX_GARBAGE_FIRST)) throw protocolError('bytes that are no RTSP');
    return skipped;
  }

  #emit(startLine: string, headers: RtspHeaders, body: string): void {
    const response = /^RTSP\/\d\.\d\s+(\d{3})\s*(.*)$/.exec(startLine);
    if (response) {
      this.#sink.response({ status: Number(response[1]), reason: quoted(response[2] ?? ''), headers, body });
      return;
    }
    const [, method, uri = ''] = /^([A-Z_]{1,20})\s+(\S*)/.exec(startLine) ?? [];
    if (method === undefined) throw protocolError(`the line "${quoted(startLine)}"`);
    this.#sink.request({ method, uri, headers });
  }
}

/**
 * A packet, a response, or a request that servers are known to make; or what may become one at the
 * end of the chunk.
 */
function startsMessage(bytes: Buffer, at: number): boolean {
  if (bytes[at] === DOLLAR) return true;
  for (let i = at; i < at + MAX_METHOD; i += 1) {
    const byte = bytes[i];
    if (byte === undefined) return i > at;
    if (byte === BLANK) return i >= at + 3;
    if (byte === SLASH) return startsResponse(bytes, at, i);
    if (!isCapital(byte) && !(i > at && byte === UNDERSCORE)) return false;
  }
  return false;
}

function startsResponse(bytes: Buffer, at: number, slash: number): boolean {
  const digit = bytes[slash + 1] ?? ZERO;
  return slash === at + 4 && bytes.toString('latin1', at, slash) === 'RTSP' && digit >= ZERO && digit <= ZERO + 9;
}

function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

/**
 * Where the header block at `from` ends and what follows begins; undefined when more is needed.
 * @throws FrameliftError `source.protocol` when it has too many fields.
 */
function findHead(bytes: Buffer, from: number): { readonly end: number; readonly bodyAt: number } | undefined {
  const window = bytes.subarray(0, from + MAX_RTSP_HEAD + 4);
  let lines = 0;
  for (let lf = window.indexOf(LF, from); lf >= 0; lf = window.indexOf(LF, lf + 1)) {
    const end = window[lf - 1] === CR ? lf - 1 : lf;
    if (window[lf + 1] === LF) return { end, bodyAt: lf + 2 };
    if (window[lf + 1] === CR && window[lf + 2] === LF) return { end, bodyAt: lf + 3 };
    lines += 1;
    if (lines > MAX_RTSP_FIELDS) throw protocolError(`more than ${MAX_RTSP_FIELDS} header fields`);
  }
  return undefined;
}

/** @throws FrameliftError `source.protocol` unless all Content-Length fields say the same number. */
function bodyLength(headers: RtspHeaders, most: number): number {
  const fields = new Set((headers.get('content-length') ?? '0').split('\n'));
  const [field = ''] = fields;
  const length = /^\d{1,7}$/.test(field) ? Number(field) : Number.NaN;
  if (fields.size === 1 && length <= most) return length;
  throw protocolError(`a body of ${quoted([...fields].join(' or '))} bytes`);
}

function parseHeaders(lines: string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  return headers;
}

function protocolError(what: string): FrameliftError {
  return new FrameliftError('source.protocol', `the server sent ${what}`, {
    recoverable: true,
    remedy: 'Check that the port is an RTSP port, and rtsps:// where the server expects TLS.',
  });
}

/** A request as bytes. Header values must not hold line ends. */
export function formatRequest(method: string, uri: string, headers: Readonly<Record<string, string>>): string {
  let text = `${method} ${uri} RTSP/1.0\r\n`;
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`;
  return `${text}\r\n`;
}

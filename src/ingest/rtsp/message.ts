/**
 * RTSP 1.0 on the wire (RFC 2326): responses, requests and interleaved packets out of a byte
 * stream. Pure.
 */
import { FrameliftError } from '../../errors.ts';

/** Largest header block and body taken from a server. */
const MAX_HEAD = 64 << 10;
const MAX_BODY = 1 << 20;
/**
 * Bytes skipped in search of a message before the peer is said not to speak RTSP: at the start, and
 * later.
 */
const MAX_GARBAGE_FIRST = 16;
const MAX_GARBAGE = 256 << 10;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;

/** Header fields by lower-case name. Fields that repeat are joined by a newline. */
export type RtspHeaders = ReadonlyMap<string, string>;

/** A response to one of our requests. */
export interface RtspResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
  readonly body: string;
}

/** A request that the server makes. */
export interface RtspServerRequest {
  readonly method: string;
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

/** Incremental parser of what an RTSP server sends on one connection. */
export class RtspParser {
  readonly #sink: RtspSink;
  /** Bytes that wait for more. */
  #rest: Buffer = Buffer.alloc(0);
  /** How long `#rest` must get before parsing can go on. */
  #needed = 1;
  #garbage = 0;
  #spoken = false;

  constructor(sink: RtspSink) {
    this.#sink = sink;
  }

  /** Takes a chunk. @throws FrameliftError `source.protocol` when it cannot be RTSP. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    if (bytes.length >= this.#needed) {
      for (let used = this.#parse(bytes, at); used > 0; used = this.#parse(bytes, at)) at += used;
    }
    this.#rest = bytes.subarray(at);
  }

  /** Parses one thing at `at`; returns how many bytes it took, 0 when more are needed. */
  #parse(bytes: Buffer, at: number): number {
    const available = bytes.length - at;
    this.#needed = 1;
    if (available === 0) return 0;
    if (bytes[at] === DOLLAR) return this.#parsePacket(bytes, at);
    const skip = this.#skipGarbage(bytes, at);
    if (skip > 0) return skip;
    const end = bytes.indexOf('\r\n\r\n', at);
    const bareEnd = bytes.indexOf('\n\n', at);
    const headEnd = end < 0 ? bareEnd : bareEnd < 0 ? end : Math.min(end, bareEnd);
    if (headEnd < 0) {
      if (available > MAX_HEAD) throw protocolError('a header block of more than 64 KiB');
      this.#needed = available + 1;
      return 0;
    }
    const bodyAt = headEnd + (headEnd === end ? 4 : 2);
    const lines = bytes.toString('latin1', at, headEnd).split(/\r?\n/);
    const headers = parseHeaders(lines);
    const length = Number(headers.get('content-length') ?? 0);
    if (!(length >= 0 && length <= MAX_BODY)) throw protocolError(`a body of ${headers.get('content-length')} bytes`);
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
      this.#sink.response({ status: Number(response[1]), reason: response[2] ?? '', headers, body });
      return;
    }
    const method = /^([A-Z_]+)\s/.exec(startLine)?.[1];
    if (method === undefined) throw protocolError(`the line "${startLine.slice(0, 60)}"`);
    this.#sink.request({ method, headers });
  }
}

function startsMessage(bytes: Buffer, at: number): boolean {
  const byte = bytes[at] ?? 0;
  if (byte === DOLLAR) return true;
  if (byte === CR || byte === LF) return false;
  // A response, or a request that servers are known to make; a prefix of one at the end of the
  // chunk.
  const text = bytes.toString('latin1', at, Math.min(at + 14, bytes.length));
  return /^[A-Z_]{3,13} /.test(text) || /^RTSP\/\d/.test(text) || (at + 14 > bytes.length && /^[A-Z_/]+$/.test(text));
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

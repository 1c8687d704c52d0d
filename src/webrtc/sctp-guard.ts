/**
 * Which SCTP packets of a peer reach the WebRTC library (RFC 9260). werift's parser, read at
 * 0.25.2, loops for ever on a chunk or a parameter without length, throws where nobody catches, and
 * takes any range of acknowledgements and any number of streams. Pure.
 */

/** Bytes; WebRTC peers send no packet longer than about 1200. */
const MAX_PACKET_BYTES = 2048;
const MAX_CHUNKS = 64;
/** A player makes few channels; browsers number them in steps of two. */
const MAX_STREAMS = 64;
/** TSNs that the gap blocks of one packet may name: more than are ever on the way. */
const MAX_ACKNOWLEDGED = 4096;

const PACKET_HEADER = 12;
const CHUNK_HEADER = 4;
const PARAMETER_HEADER = 4;

/** A chunk without its header. */
type Body = DataView;
type Check = (body: Body) => boolean;

const anything: Check = () => true;
const parameters: Check = (body) => parametersFrom(body, 0);
const init: Check = (body) => body.byteLength >= 16 && parametersFrom(body, 16);
/** TSN, stream, number, protocol, and at least one byte. */
const data: Check = (body) => body.byteLength > 12 && isStream(body, 4);

/** The chunk types that werift knows. */
const CHECKS: ReadonlyMap<number, Check> = new Map([
  [0, data],
  [1, init],
  [2, init],
  [3, (body) => body.byteLength >= 12 && 12 + 4 * (body.getUint16(8) + body.getUint16(10)) === body.byteLength],
  [4, parameters],
  [5, parameters],
  [6, parameters],
  [7, (body) => body.byteLength === 4],
  [8, anything],
  [9, parameters],
  [10, anything],
  [11, anything],
  [14, anything],
  [130, parameters],
  [192, forwardTsn],
]);
const SACK = 3;

/**
 * True for a packet that the library can read, and read quickly. Its checksum is left to the
 * library.
 */
export function wellFormed(packet: Uint8Array): boolean {
  if (packet.length < PACKET_HEADER || packet.length > MAX_PACKET_BYTES) return false;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  let chunks = 0;
  let acknowledged = 0;
  for (let at = PACKET_HEADER; at + CHUNK_HEADER <= packet.length; ) {
    const type = view.getUint8(at);
    const length = view.getUint16(at + 2);
    if (length < CHUNK_HEADER || at + length > packet.length) return false;
    const body = new DataView(view.buffer, view.byteOffset + at + CHUNK_HEADER, length - CHUNK_HEADER);
    if (!CHECKS.get(type)?.(body)) return false;
    chunks += 1;
    if (type === SACK) acknowledged += acknowledgedBy(body);
    if (chunks > MAX_CHUNKS || acknowledged > MAX_ACKNOWLEDGED) return false;
    at += padded(length);
  }
  return true;
}

/** TSNs that the gap blocks of a SACK name. */
function acknowledgedBy(sack: Body): number {
  let sum = 0;
  const gaps = sack.getUint16(8);
  for (let gap = 0; gap < gaps; gap += 1) {
    sum += Math.max(0, sack.getUint16(14 + 4 * gap) - sack.getUint16(12 + 4 * gap) + 1);
  }
  return sum;
}

/** A TSN and any number of streams with a number each. */
function forwardTsn(body: Body): boolean {
  if (body.byteLength < 4 || body.byteLength % 4 !== 0) return false;
  for (let at = 4; at < body.byteLength; at += 4) {
    if (!isStream(body, at)) return false;
  }
  return true;
}

function isStream(body: Body, at: number): boolean {
  return body.getUint16(at) < MAX_STREAMS;
}

/** Parameters and causes of errors: type, length, value. */
function parametersFrom(body: Body, from: number): boolean {
  for (let at = from; at + PARAMETER_HEADER <= body.byteLength; ) {
    const length = body.getUint16(at + 2);
    if (length < PARAMETER_HEADER || at + length > body.byteLength) return false;
    at += padded(length);
  }
  return true;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

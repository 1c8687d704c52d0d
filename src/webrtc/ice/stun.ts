/**
 * STUN messages of ICE (RFC 8489, 8445): Binding requests and their answers, checked strictly. Pure,
 * and linear in the length of a message.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** An IP address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A Binding message that is well formed. Whether it is the peer's, only its integrity tells. */
export interface StunMessage {
  readonly kind: 'request' | 'indication' | 'success' | 'error';
  /** 24 hexadecimal digits. */
  readonly transaction: string;
  readonly username: string | undefined;
  readonly useCandidate: boolean;
  /** The sender takes the controlled side of ICE. */
  readonly controlled: boolean;
  /** XOR-MAPPED-ADDRESS: how the answering side sees the asking one. */
  readonly mapped: Endpoint | undefined;
  /** Its FINGERPRINT is there. One that is wrong makes a message malformed. */
  readonly fingerprinted: boolean;
  /** Where MESSAGE-INTEGRITY begins; undefined without one. What follows it counts for nothing. */
  readonly integrityAt: number | undefined;
  readonly raw: Buffer;
}

const COOKIE = 0x2112a442;
const HEADER = 20;
/** Longest message that is read, in bytes: ICE's have some 100. */
const MAX_MESSAGE = 1280;
const FINGERPRINT_XOR = 0x5354554e;

const ATTRIBUTE = {
  username: 0x0006,
  integrity: 0x0008,
  errorCode: 0x0009,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  controlled: 0x8029,
  controlling: 0x802a,
} as const;

/** Message types of the Binding method. */
const TYPES = { request: 0x0001, indication: 0x0011, success: 0x0101, error: 0x0111 } as const;
const KINDS = new Map<number, StunMessage['kind']>([
  [TYPES.request, 'request'],
  [TYPES.indication, 'indication'],
  [TYPES.success, 'success'],
  [TYPES.error, 'error'],
]);

/** True where a datagram is STUN, if it is anything: DTLS, SRTP and TURN begin otherwise (RFC 7983). */
export function looksLikeStun(datagram: Buffer): boolean {
  const [first = 4] = datagram;
  return first < 4;
}

/** Reads a message; undefined when it is no Binding message or is malformed. */
export function readStun(raw: Buffer): StunMessage | undefined {
  const { length } = raw;
  if (length < HEADER || length > MAX_MESSAGE || length % 4 !== 0) return undefined;
  const kind = KINDS.get(raw.readUInt16BE(0));
  if (!kind || raw.readUInt16BE(2) !== length - HEADER || raw.readUInt32BE(4) !== COOKIE) return undefined;
  let username: string | undefined;
  let mapped: Endpoint | undefined;
  let integrityAt: number | undefined;
  let useCandidate = false;
  let controlled = false;
  let fingerprinted = false;
  for (let at = HEADER; at < length; ) {
    if (fingerprinted || at + 4 > length) return undefined;
    const type = raw.readUInt16BE(at);
    const size = raw.readUInt16BE(at + 2);
    const value = at + 4;
    const next = value + size + ((4 - (size % 4)) % 4);
    if (next > length) return undefined;
    if (type === ATTRIBUTE.fingerprint) {
      if (size !== 4 || raw.readUInt32BE(value) !== fingerprintOf(raw.subarray(0, at))) return undefined;
      fingerprinted = true;
    } else if (integrityAt === undefined) {
      if (type === ATTRIBUTE.integrity) {
        if (size !== 20) return undefined;
        integrityAt = at;
      } else if (type === ATTRIBUTE.username) username ??= raw.toString('utf8', value, value + size);
      else if (type === ATTRIBUTE.useCandidate) useCandidate = true;
      else if (type === ATTRIBUTE.controlled) controlled = true;
      else if (type === ATTRIBUTE.xorMappedAddress) mapped = readXorAddress(raw, value, size);
    }
    at = next;
  }
  const transaction = raw.toString('hex', 8, HEADER);
  return { kind, transaction, username, useCandidate, controlled, mapped, fingerprinted, integrityAt, raw };
}

/** True when whoever made the message knows `password`. */
export function hasIntegrity({ raw, integrityAt }: StunMessage, password: string): boolean {
  if (integrityAt === undefined) return false;
  const given = raw.subarray(integrityAt + 4, integrityAt + 24);
  return timingSafeEqual(integrityOf(raw.subarray(0, integrityAt), password), given);
}

/** What a check of ours says. */
export interface OwnCheck {
  readonly transaction: string;
  /** `<theirs>:<ours>`, ICE's user names. */
  readonly username: string;
  /** The peer's. */
  readonly password: string;
  /** Of the peer-reflexive candidate that may come of it. */
  readonly priority: number;
  readonly tieBreaker: Buffer;
  /** Our side of ICE. The controlling one says with `nominate` that the way is to be used. */
  readonly role?: 'controlled' | 'controlling' | 'nominate';
}

/** A check. */
export function writeCheck(check: OwnCheck): Buffer {
  const { transaction, username, password, priority, tieBreaker, role = 'controlled' } = check;
  const priorityBytes = Buffer.alloc(4);
  priorityBytes.writeUInt32BE(priority);
  const attributes = [
    attribute(ATTRIBUTE.username, Buffer.from(username)),
    attribute(ATTRIBUTE.priority, priorityBytes),
    attribute(role === 'controlled' ? ATTRIBUTE.controlled : ATTRIBUTE.controlling, tieBreaker),
    ...(role === 'nominate' ? [attribute(ATTRIBUTE.useCandidate, Buffer.alloc(0))] : []),
  ];
  return compose(TYPES.request, transaction, attributes, password);
}

/** A request to a STUN server. */
export function writeQuestion(transaction: string): Buffer {
  return compose(TYPES.request, transaction, [], undefined);
}

/** The answer to a check that came from `peer`, with our password's integrity. */
export function writeAnswer(transaction: string, peer: Endpoint, password: string): Buffer {
  const mapped = attribute(ATTRIBUTE.xorMappedAddress, xorAddress(transaction, peer));
  return compose(TYPES.success, transaction, [mapped], password);
}

/** The answer to a check of a peer that takes our side of ICE, too: 487, it must change. */
export function writeRoleConflict(transaction: string, password: string): Buffer {
  const value = Buffer.concat([Buffer.from([0, 0, 4, 87]), Buffer.from('Role Conflict')]);
  return compose(TYPES.error, transaction, [attribute(ATTRIBUTE.errorCode, value)], password);
}

/** @param password undefined for a message without integrity. */
function compose(type: number, transaction: string, attributes: readonly Buffer[], password?: string): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(type, 0);
  head.writeUInt32BE(COOKIE, 4);
  head.write(transaction, 8, 'hex');
  let message = Buffer.concat([head, ...attributes]);
  if (password !== undefined) {
    message = Buffer.concat([message, attribute(ATTRIBUTE.integrity, integrityOf(message, password))]);
  }
  message.writeUInt16BE(message.length - HEADER + 8, 2);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE(fingerprintOf(message));
  return Buffer.concat([message, attribute(ATTRIBUTE.fingerprint, fingerprint)]);
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + value.length + ((4 - (value.length % 4)) % 4));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

/** Of a message whose length counts the integrity and nothing after it (RFC 8489 section 14.5). */
function integrityOf(before: Buffer, password: string): Buffer {
  const head = Buffer.from(before.subarray(0, HEADER));
  head.writeUInt16BE(before.length - HEADER + 24, 2);
  return createHmac('sha1', password).update(head).update(before.subarray(HEADER)).digest();
}

/** Of a message whose length counts the fingerprint already (RFC 8489 section 14.7). */
function fingerprintOf(before: Buffer): number {
  return (crc32(before) ^ FINGERPRINT_XOR) >>> 0;
}

/** The mask of XOR-MAPPED-ADDRESS: cookie and transaction. */
function maskOf(transaction: string): Buffer {
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(COOKIE);
  mask.write(transaction, 4, 'hex');
  return mask;
}

function xorAddress(transaction: string, { address, port }: Endpoint): Buffer {
  const bytes = bytesOf(address);
  const mask = maskOf(transaction);
  const value = Buffer.alloc(4 + bytes.length);
  value[1] = bytes.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  for (const [index, byte] of bytes.entries()) value[4 + index] = byte ^ (mask[index] ?? 0);
  return value;
}

function readXorAddress(raw: Buffer, at: number, size: number): Endpoint | undefined {
  const length = raw[at + 1] === 1 ? 4 : 16;
  if (size !== 4 + length) return undefined;
  const mask = maskOf(raw.toString('hex', 8, HEADER));
  const bytes = [...raw.subarray(at + 4, at + 4 + length)].map((byte, index) => byte ^ (mask[index] ?? 0));
  const port = raw.readUInt16BE(at + 2) ^ (COOKIE >>> 16);
  if (length === 4) return { address: bytes.join('.'), port };
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return { address: groups.join(':'), port };
}

/** @param address literal, as the sockets of Node give it; of a zone (`%eth0`) nothing is kept. */
function bytesOf(address: string): number[] {
  if (!address.includes(':')) return address.split('.').map(Number);
  const [plain = ''] = address.split('%', 1);
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const [, lead = '', ...quad] = dotted ?? [];
  const [a = 0, b = 0, c = 0, d = 0] = quad.map(Number);
  const text = dotted ? `${lead}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}` : plain;
  const [left = '', right] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const middle = Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0);
  return [...head, ...middle, ...tail].flatMap((group) => [group >> 8, group & 0xff]);
}

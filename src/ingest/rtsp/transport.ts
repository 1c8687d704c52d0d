/**
 * The Transport field of an answer to SETUP (RFC 2326 section 12.39). Whatever a server writes is
 * checked: what cannot be is taken as unsaid. Pure.
 */
import { isIP } from 'node:net';
import type { AddressGuard } from '../address-guard.ts';

/** Parameters of one field: servers write up to ten. */
const MAX_PARAMETERS = 32;
const MAX_CHANNEL = 255;
const MAX_PORT = 65_535;

/** Channels of interleaved packets. Both may be the same: the packets tell which is which. */
export interface Channels {
  readonly rtp: number;
  /** Undefined where there is no channel left for it. */
  readonly rtcp: number | undefined;
}

/** The server's side of a pair of UDP ports. */
export interface ServerPorts {
  readonly rtp: number;
  /** Undefined when the server names none that there can be. */
  readonly rtcp: number | undefined;
}

/** RTCP by its second byte, where it shares a channel with RTP (RFC 5761 section 4). */
export function isRtcp(bytes: Uint8Array): boolean {
  return (bytes[1] ?? 0) >= 192 && (bytes[1] ?? 0) <= 223;
}

/** What a server says of the way that its packets take. */
export interface TransportAnswer {
  /** Undefined when the field does not tell. */
  readonly lower: 'tcp' | 'udp' | undefined;
  readonly channels: Channels | undefined;
  readonly serverPorts: ServerPorts | undefined;
  /** The sender of the packets, 32 bits. */
  readonly ssrc: number | undefined;
  /** The address that packets come from, as written. */
  readonly source: string | undefined;
}

/** Reads a Transport field; of several alternatives the first. */
export function parseTransport(field = ''): TransportAnswer {
  const [protocol = '', ...parts] = (field.split(/[,\n]/, 1)[0] ?? '').split(';', MAX_PARAMETERS);
  const parameters = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (!parameters.has(name)) parameters.set(name, equals < 0 ? '' : part.slice(equals + 1).trim());
  }
  const channels = pairOf(parameters.get('interleaved'), 0, MAX_CHANNEL);
  const serverPorts = pairOf(parameters.get('server_port'), 1, MAX_PORT);
  const ssrc = parameters.get('ssrc') ?? '';
  return {
    lower: lowerOf(protocol, parameters),
    channels,
    serverPorts,
    ssrc: /^[0-9a-f]{1,8}$/i.test(ssrc) ? Number.parseInt(ssrc, 16) : undefined,
    source: parameters.get('source')?.replace(/^"|"$/g, ''),
  };
}

/**
 * The address that packets come from beside the server's own. Undefined where it is a name, or an
 * address that no source may lead to.
 */
export function sourceAddress({ source = '' }: TransportAnswer, guard: AddressGuard): string | undefined {
  const address = source.replace(/^\[|\]$/g, '');
  return isIP(address) !== 0 && guard.permits(address) ? address : undefined;
}

function lowerOf(protocol: string, parameters: ReadonlyMap<string, string>): 'tcp' | 'udp' | undefined {
  if (/\/TCP$/i.test(protocol.trim()) || parameters.has('interleaved')) return 'tcp';
  return parameters.has('server_port') || parameters.has('client_port') ? 'udp' : undefined;
}

/** Two numbers, or one and its successor. Undefined when the first is out of range. */
function pairOf(text: string | undefined, min: number, max: number): Channels | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text ?? '');
  if (!match) return undefined;
  const rtp = Number(match[1]);
  const rtcp = match[2] === undefined ? rtp + 1 : Number(match[2]);
  if (rtp < min || rtp > max) return undefined;
  return { rtp, rtcp: rtcp < min || rtcp > max ? undefined : rtcp };
}

/** Who asks: behind proxies that are trusted their client, else whoever connected. */
import { isIP } from 'node:net';
import { plainAddress } from '../../fair-share.ts';

/** The addresses of `private` in `server.trustProxy`, in the words of fastify and beside them. */
const PRIVATE = ['uniquelocal', '100.64.0.0/10'];

/** A request of fastify's. */
interface Connected {
  /** What the trusted proxies say; without any, the other end of the connection. */
  readonly ip: string | undefined;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/**
 * `server.trustProxy` as fastify's option takes it: the connections whose `X-Forwarded-For`,
 * `X-Forwarded-Proto` and `X-Forwarded-Host` are believed. `Forwarded` never is: a proxy that does
 * not know it hands on what its clients have written there.
 */
export function trustedProxies(allowances: readonly string[]): string[] | false {
  return allowances.length > 0 && allowances.flatMap((text) => (text === 'private' ? PRIVATE : [text]));
}

/**
 * The client's address: what rates, shares and the log know it by. IPv4 in IPv6 is given as IPv4.
 * What a proxy names is taken only where it is an address.
 */
export function clientAddress({ ip, socket }: Connected): string {
  // Of a connection that is gone there is neither.
  const address = ip !== undefined && isIP(ip) !== 0 ? ip : (socket.remoteAddress ?? '');
  return plainAddress(address);
}

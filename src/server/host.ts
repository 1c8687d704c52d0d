/** Which Host headers a server on loopback accepts: a page elsewhere must not reach it through a name it controls. Pure. */
import { isIP } from 'node:net';

/** True for addresses and names that never leave the machine: `localhost`, 127.0.0.0/8, `::1`. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || name === '0:0:0:0:0:0:0:1';
}

/** The host of a Host header without its port, IPv6 brackets removed; undefined when malformed. */
export function hostOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header);
  return match?.[1] ?? match?.[2];
}

/** Whether a request with this Host header may be served by a server bound to `boundTo`. Beyond loopback, any name may be right. */
export function hostAllowed(header: string | undefined, boundTo: string): boolean {
  if (!isLoopback(boundTo)) return true;
  const host = hostOf(header);
  return host !== undefined && (isLoopback(host) || host.toLowerCase() === boundTo.toLowerCase());
}

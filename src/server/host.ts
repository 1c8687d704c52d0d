/**
 * Which Host and Origin headers are accepted: a page elsewhere must not reach the server, not even
 * through a name it controls. Pure.
 */
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

/**
 * Whether a request with this Host header may be served by a server bound to `boundTo`. Beyond
 * loopback, any name may be right.
 */
export function hostAllowed(header: string | undefined, boundTo: string): boolean {
  if (!isLoopback(boundTo)) return true;
  const host = hostOf(header);
  return host !== undefined && (isLoopback(host) || host.toLowerCase() === boundTo.toLowerCase());
}

/**
 * Whether a WebSocket may be opened with this Origin header. Browsers always send one and let any
 * site connect: it must be the page of the very host and port that was asked. Other programs send
 * none.
 */
export function originAllowed(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  if (!/^https?:\/\/[^/]+$/i.test(origin) || hostOf(host) === undefined || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  // A Host header may or may not name the scheme's own port.
  const asked = URL.parse(`${page.protocol}//${host}`);
  return asked !== null && asked.host === page.host;
}

/**
 * Which Host and Origin headers are this server's own: a page elsewhere must not reach it, not even
 * through a name that its site controls (DNS rebinding). Pure.
 */
import { isIP } from 'node:net';

/** By what names and addresses a server is reached. */
export interface SiteOptions {
  /** What it listens on: an address, or a name. */
  readonly boundTo: string;
  /** `webrtc.advertisedHosts`: addresses and names of this machine for its peers. */
  readonly advertisedHosts?: readonly string[] | undefined;
  /** `server.publicUrls`: where people open the page. */
  readonly publicUrls?: readonly string[] | undefined;
  /** The name of this machine. */
  readonly machine?: string | undefined;
}

/** What of a request tells by which name it came. */
export interface Addressed {
  /** The Host header, and what a trusted proxy says that it was. */
  readonly hosts: readonly (string | undefined)[];
  readonly origin: string | undefined;
}

/** The names of a server. */
export class Site {
  readonly #loopbackOnly: boolean;
  readonly #names: ReadonlySet<string>;
  /** Of `server.publicUrls`. */
  readonly #origins: ReadonlySet<string>;

  constructor({ boundTo, advertisedHosts = [], publicUrls = [], machine = '' }: SiteOptions) {
    this.#loopbackOnly = isLoopback(boundTo);
    const urls = publicUrls.map((url) => new URL(url));
    const own = this.#loopbackOnly || machine === '' ? [] : [machine, `${machine}.local`];
    const names = [boundTo, ...advertisedHosts, ...urls.map(({ hostname }) => hostname), ...own];
    this.#names = new Set(names.map(comparable));
    this.#origins = new Set(urls.map(({ origin }) => origin));
  }

  /**
   * Whether a request with this Host header may be served. Beyond loopback addresses and names
   * without a dot are right, too: no site on the Internet can make a browser send them here.
   */
  answersTo(header: string | undefined): boolean {
    const name = hostOf(header);
    if (name === undefined) return false;
    if (isLoopback(name) || this.#names.has(comparable(name))) return true;
    return !this.#loopbackOnly && (isIP(name) !== 0 || !name.includes('.'));
  }

  /**
   * Whether a request comes from a page of this server, or from a program, which sends no Origin.
   * Browsers always send one with a change or a WebSocket, and let any site connect.
   */
  isOwnPage({ hosts, origin }: Addressed): boolean {
    return (
      origin === undefined || this.#origins.has(originOf(origin) ?? '') || hosts.some((host) => same(origin, host))
    );
  }
}

/** The origin of an Origin header; undefined for one that is no site's: `null`, `file://`, an extension. */
export function originOf(header: string): string | undefined {
  if (!/^https?:\/\/[^/]+$/i.test(header)) return undefined;
  const url = URL.parse(header);
  return url && url.username === '' && url.password === '' ? url.origin : undefined;
}

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

/** Whether the page of this origin is at this very host and port. */
function same(origin: string, host: string | undefined): boolean {
  const page = originOf(origin);
  if (page === undefined || hostOf(host) === undefined) return false;
  const { protocol, host: shown } = new URL(page);
  // A Host header may or may not name the scheme's own port.
  return URL.parse(`${protocol}//${host}`)?.host === shown;
}

/** One spelling of a name or address. */
function comparable(host: string): string {
  const bare = host.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  return URL.parse(`http://${bare.includes(':') ? `[${bare}]` : bare}`)?.hostname ?? bare.toLowerCase();
}

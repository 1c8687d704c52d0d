/**
 * Who may do what: bearer tokens (RFC 6750) for publishing, playing and administration, compared in
 * constant time.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Role, Tokens } from '../config/secrets.ts';
import type { Denial } from '../webrtc/resource.ts';

/** Header fields of a request, lower-case names, as node:http gives them. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * What a browser's WebSocket, which cannot send headers, offers as a subprotocol beside
 * `framelift`: this, and its token in base64url.
 */
const SUBPROTOCOL_PREFIX = 'bearer.';

const NO_TOKENS: Tokens = { publish: [], play: [], admin: [] };

/**
 * The tokens in force. Without any, playing is open; publishing and administration are closed, on
 * loopback, too.
 */
export class Access {
  #digests: Readonly<Record<Role, readonly Buffer[]>>;

  constructor(tokens: Tokens = NO_TOKENS) {
    this.#digests = digestsOf(tokens);
  }

  /** Takes other tokens from the next request on. What is under way goes on. */
  update(tokens: Tokens): void {
    this.#digests = digestsOf(tokens);
  }

  /** Whether `role` is taken without a token. */
  isOpen(role: Role): boolean {
    return role === 'play' && this.#digests.play.length === 0;
  }

  /**
   * Undefined when a request with these headers may act as `role`; else why not. Tokens come as
   * `Authorization: Bearer …`, or, of a WebSocket alone, as a subprotocol.
   */
  authorize(headers: Headers, role: Role, by: 'http' | 'websocket' = 'http'): Denial | undefined {
    if (this.isOpen(role)) return undefined;
    const known = role === 'admin' ? this.#digests.admin : [...this.#digests[role], ...this.#digests.admin];
    if (known.length === 0) return denial(closed(role), `${nameOf(role)} is closed: no token is configured for it`);
    const given = bearerOf(headers) ?? (by === 'websocket' ? subprotocolOf(headers) : undefined);
    if (given === undefined) return denial(MISSING, `${nameOf(role)} needs a token`);
    if (!isOneOf(given, known)) return denial(wrong(role), `the token does not allow ${nameOf(role)}`, 'invalid_token');
    return undefined;
  }
}

const MISSING = 'Send it as Authorization: Bearer <token>.';

function closed(role: Role): string {
  return `Configure auth.${role}, set FRAMELIFT_${role.toUpperCase()}_TOKEN, or start with --${role}-token generate.`;
}

function wrong(role: Role): string {
  return `Send a token of auth.${role}${role === 'admin' ? '' : ' or auth.admin'}.`;
}

function nameOf(role: Role): string {
  return { publish: 'publishing', play: 'playing', admin: 'administration' }[role];
}

function denial(remedy: string, message: string, error?: 'invalid_token'): Denial {
  const challenge = `Bearer realm="framelift"${error === undefined ? '' : `, error="${error}"`}`;
  return { status: 401, code: 'http.unauthorized', message, remedy, headers: { 'WWW-Authenticate': challenge } };
}

function bearerOf(headers: Headers): string | undefined {
  return /^Bearer +([\w.~+/-]+=*) *$/i.exec(String(headers.authorization ?? ''))?.[1];
}

function subprotocolOf(headers: Headers): string | undefined {
  const offered = String(headers['sec-websocket-protocol'] ?? '').split(/ *, */);
  const coded = offered.find((protocol) => protocol.startsWith(SUBPROTOCOL_PREFIX))?.slice(SUBPROTOCOL_PREFIX.length);
  return coded === undefined ? undefined : Buffer.from(coded, 'base64url').toString('utf8');
}

function digestsOf({ publish, play, admin }: Tokens): Readonly<Record<Role, readonly Buffer[]>> {
  return { publish: publish.map(digest), play: play.map(digest), admin: admin.map(digest) };
}

/** Of equal length whatever is given, so that time tells nothing of a token. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Looks at all of them, found or not. */
function isOneOf(token: string, known: readonly Buffer[]): boolean {
  const given = digest(token);
  return known.reduce((found, one) => timingSafeEqual(one, given) || found, false);
}

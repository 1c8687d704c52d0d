/** STUN and TURN servers: which ones this side asks, and what peers are told of them. Pure. */

import { createHmac } from 'node:crypto';
import { type Log, SILENT_LOG } from '../log.ts';
import { type Clock, fromMs, type Micros, minus, plus } from '../time.ts';

/** A server as configured. */
export interface IceServerSettings {
  /** `stun:`, `turn:` and `turns:` URLs. */
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
  /**
   * Shared with the TURN server, which takes credentials made of it for a day
   * (draft-uberti-behave-turn-rest-00; coturn: `use-auth-secret`).
   */
  readonly secret?: string | undefined;
  /** Only told to peers. */
  readonly clientOnly?: boolean;
}

/** A server as WebRTC wants it. */
export interface IceServer {
  readonly urls: string[];
  readonly username?: string;
  readonly credential?: string;
}

/** How long credentials made of a secret hold: longer than anybody watches. */
const CREDENTIAL_LIFETIME = fromMs(24 * 3600 * 1000);

/** Complaints of TURN servers are at least so far apart. */
const COMPLAINT_INTERVAL = fromMs(60_000);

/** The servers of one configuration. Credentials made of secrets are made anew at each question. */
export class IceServers {
  readonly #settings: readonly IceServerSettings[];
  readonly #clock: Pick<Clock, 'wall'>;
  readonly #log: Log;
  #unrelayed = 0;
  #complained: Micros | undefined;

  constructor(settings: readonly IceServerSettings[], clock: Pick<Clock, 'wall'>, log: Log = SILENT_LOG) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Those that this side asks for its own addresses. werift takes the first STUN and the first TURN
   * URL.
   */
  own(): IceServer[] {
    const servers = this.#settings.filter(({ clientOnly }) => !clientOnly).map((server) => this.#filled(server));
    const urls = servers.flatMap((server) => server.urls);
    const turn = urls.find((url) => url.startsWith('turn'));
    // Where none is named werift asks a public STUN server; a TURN server answers STUN as well, so
    // that one is asked instead.
    if (turn && !urls.some((url) => url.startsWith('stun:'))) {
      servers.push({ urls: [turn.replace(/^turns?:/, 'stun:').replace(/\?.*$/, '')] });
    }
    return servers;
  }

  /**
   * Judges what a connection of ours got from {@link own}, values of `a=candidate:` lines: a TURN
   * server that gave nothing is complained of, once a minute.
   */
  got(candidates: readonly string[]): void {
    const turn = this.own().flatMap(({ urls }) => urls.filter((url) => url.startsWith('turn')));
    if (turn.length === 0 || candidates.some((candidate) => / typ relay( |$)/.test(candidate))) return;
    this.#unrelayed += 1;
    const now = this.#clock.wall();
    if (this.#complained !== undefined && minus(now, this.#complained) < COMPLAINT_INTERVAL) return;
    this.#complained = now;
    const fields = {
      turn,
      connections: this.#unrelayed,
      remedy: 'Check address, credentials and secret; clientOnly leaves framelift out.',
    };
    this.#log.warn(fields, 'the TURN server gave no address: peers that need it cannot connect');
    this.#unrelayed = 0;
  }

  /** Those that peers are told of, with credentials. */
  offered(): IceServer[] {
    return this.#settings.map((server) => this.#filled(server));
  }

  /** The same as values of `Link` headers (RFC 9725 section 4.6). */
  links(): string[] {
    return this.offered().flatMap(({ urls, username, credential }) =>
      urls.map((url) => {
        const link = `<${url}>; rel="ice-server"`;
        if (username === undefined || credential === undefined || !url.startsWith('turn')) return link;
        return `${link}; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`;
      }),
    );
  }

  #filled({ urls, username, credential, secret }: IceServerSettings): IceServer {
    if (secret !== undefined) return { urls: [...urls], ...this.#temporary(secret, username) };
    if (username === undefined || credential === undefined) return { urls: [...urls] };
    return { urls: [...urls], username, credential };
  }

  #temporary(secret: string, name = 'framelift'): { username: string; credential: string } {
    const expires = Math.floor(plus(this.#clock.wall(), CREDENTIAL_LIFETIME) / 1e6);
    const username = `${expires}:${name}`;
    return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
  }
}

/** A quoted-string of HTTP. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * ffmpeg's way to the web: a proxy on the loopback, for one run of one source. ffmpeg speaks plain
 * HTTP with it and looks up nothing; names, addresses, TLS and redirections are checked here,
 * request by request, playlists' segments included.
 *
 * URLs that ffmpeg sees have a host under `.invalid` which spells the true origin. So a request
 * that does not come here (the user's `no_proxy`) leads nowhere, and HTTPS needs neither `tls` nor
 * `httpproxy` on ffmpeg's list of protocols, through which a playlist could connect to any address.
 */
import { once } from 'node:events';
import {
  createServer,
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { FrameliftError } from '../../errors.ts';
import type { AddressGuard } from '../address-guard.ts';
import { connectError } from '../connect-error.ts';
import type { SourceLog } from '../source-log.ts';
import { type VariantLimits, withOneVariant, withUrlsDisguised } from './playlist.ts';
import { shown } from './url.ts';

const ZONE = '.framelift.invalid';
/** Playlists are rewritten as a whole; larger ones are no playlists. */
const MAX_PLAYLIST = 4 << 20;
/** Connections to each origin: what players use. */
const MAX_SOCKETS = 6;
/** Meant for the next hop only (RFC 9110 section 7.6.1), or for this one. */
const NOT_PASSED_ON = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'host', 'accept-encoding'],
];
/** What no longer holds of a playlist that was rewritten. */
const OF_THE_BODY = ['content-length', 'content-range', 'accept-ranges', 'content-md5', 'digest', 'etag'];

/** Options of {@link HttpGateway.open}. */
export interface HttpGatewayOptions {
  /** What ffmpeg is to open. */
  readonly url: URL;
  /** Where the URL may lead to, and what is found there. */
  readonly guard: AddressGuard;
  /** False accepts any certificate. */
  readonly verifyCertificate: boolean;
  readonly log: SourceLog;
  /** What a variant of an HLS master playlist may be. */
  readonly variants: VariantLimits;
}

/** A running gateway. */
export class HttpGateway implements AsyncDisposable {
  readonly #options: HttpGatewayOptions;
  /** Of all requests. */
  readonly #guard: AddressGuard;
  readonly #server: Server;
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  readonly #refusing = new AbortController();
  #failure: FrameliftError | undefined;
  #endless = false;

  private constructor(server: Server, options: HttpGatewayOptions, guard: AddressGuard) {
    this.#server = server;
    this.#options = options;
    this.#guard = guard;
    const pool = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.#agents = { http: new HttpAgent(pool), https: new HttpsAgent(pool) };
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  /**
   * Listens on a port of the loopback. Whoever finds it can reach through it what a process of this
   * machine reaches anyway, and less.
   * @throws FrameliftError `source.forbidden`, `source.unreachable` by the URL's host.
   */
  static async open(options: HttpGatewayOptions): Promise<HttpGateway> {
    const addresses = await options.guard.resolve(hostOf(options.url));
    const guard = options.guard.beyond(addresses.map(({ address }) => address));
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HttpGateway(server, options, guard);
  }

  /** What ffmpeg is to open, and the option that leads it here. */
  get input(): { readonly url: string; readonly options: readonly string[] } {
    const address = this.#server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    return { url: disguised(this.#options.url).href, options: ['-http_proxy', `http://127.0.0.1:${port}`] };
  }

  /**
   * Aborts when a request led where no source may lead, which ends the run: {@link failure} says
   * where.
   */
  get refused(): AbortSignal {
    return this.#refusing.signal;
  }

  /** Why the last request failed; undefined when it did not. */
  get failure(): FrameliftError | undefined {
    return this.#failure;
  }

  /** True while the last answer does not say how long it is: a live stream has no length. */
  get endless(): boolean {
    return this.#endless;
  }

  /** Ends all requests. Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    // The other side's hanging up is seen by pipeline, too.
    response.on('error', () => {});
    try {
      const target = targetOf(request);
      const answer = await this.#fetch(target, request, gone.signal);
      const { statusCode: status, socket } = answer;
      const { log } = this.#options;
      if (log.debugs) {
        const fields = { url: shown(target.href), status, address: socket.remoteAddress };
        log.debug(fields, `ffmpeg's ${request.method} by the gateway`);
      }
      this.#failure = undefined;
      this.#endless = answer.headers['content-length'] === undefined;
      await passOn(answer, target, response, (playlist) => this.#withOneVariant(playlist, target));
    } catch (error) {
      if (!gone.signal.aborted) this.#fail(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    }
  }

  async #fetch(target: URL, request: IncomingMessage, signal: AbortSignal): Promise<IncomingMessage> {
    const { verifyCertificate } = this.#options;
    const secure = target.protocol === 'https:';
    const host = hostOf(target);
    const port = Number(target.port) || (secure ? 443 : 80);
    this.#guard.checkLiteral(host);
    const options = {
      ...{ host, port, signal, lookup: this.#guard.lookup, path: target.pathname + target.search },
      method: request.method ?? 'GET',
      headers: { ...without(request.headers, NOT_PASSED_ON), host: target.host },
    };
    const outgoing = secure
      ? requestHttps({ ...options, agent: this.#agents.https, rejectUnauthorized: verifyCertificate })
      : requestHttp({ ...options, agent: this.#agents.http });
    // What breaks after the answer began is the body's failure.
    outgoing.on('error', () => {});
    outgoing.end();
    try {
      // The event's only argument.
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      return answer;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw connectError(error, { secure, host, port });
    }
  }

  #withOneVariant(playlist: string, target: URL): string {
    const { variants, log } = this.#options;
    const { text, chosen } = withOneVariant(playlist, variants);
    if (chosen) log.debug({ url: shown(target.href), ...chosen }, 'variant of the playlist chosen');
    return text;
  }

  #fail(error: unknown): void {
    if (!(error instanceof FrameliftError)) return;
    // What was refused once stays the reason.
    if (!this.#refusing.signal.aborted) this.#failure = error;
    if (error.code === 'source.forbidden') this.#refusing.abort();
  }
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** The URL with its origin spelled in the host. User, password and the rest stay. */
function disguised(url: URL): URL {
  const copy = new URL(url);
  const labels =
    Buffer.from(url.origin)
      .toString('hex')
      .match(/.{1,60}/g) ?? [];
  copy.protocol = 'http:';
  copy.port = '';
  copy.hostname = `${labels.join('.')}${ZONE}`;
  return copy;
}

/** Text with all disguised URLs as they were, for messages. */
export function undisguised(text: string): string {
  return text.replace(
    /http:\/\/([^\s@/]*@)?([0-9a-f.]{1,600})\.framelift\.invalid(:80)?/g,
    (_, user: string | undefined, hex: string) =>
      Buffer.from(hex.replaceAll('.', ''), 'hex')
        .toString()
        .replace('://', `://${user ?? ''}`),
  );
}

/**
 * What a request is for.
 * @throws FrameliftError `source.protocol` for anything but reading from the web.
 */
function targetOf({ method, url = '' }: IncomingMessage): URL {
  const target = URL.parse(undisguised(url));
  if (target && /^https?:$/.test(target.protocol) && (method === 'GET' || method === 'HEAD')) return target;
  throw new FrameliftError('source.protocol', 'ffmpeg asked its gateway for something that is not on the web');
}

/** Answers ffmpeg: redirections and playlists in disguise, everything else as it comes. */
async function passOn(
  answer: IncomingMessage,
  target: URL,
  response: ServerResponse,
  one: (playlist: string) => string,
): Promise<void> {
  const headers: OutgoingHttpHeaders = without(answer.headers, NOT_PASSED_ON);
  const { location } = answer.headers;
  if (location !== undefined) headers.location = redirection(location, target).href;
  await pipeline(
    answer,
    async function* (body: AsyncIterable<Buffer>) {
      const status = answer.statusCode ?? 502;
      const chunks = body[Symbol.asyncIterator]();
      const first = await chunks.next();
      if (!first.done && /^\uFEFF?\s*(#EXTM3U|<\?xml|<MPD)/.test(first.value.subarray(0, 64).toString())) {
        const text = await whole(first.value, chunks);
        response.writeHead(status === 206 ? 200 : status, without(headers, OF_THE_BODY));
        yield Buffer.from(withUrlsDisguised(one(text), disguisedOrigin));
        return;
      }
      response.writeHead(status, headers);
      for (let next = first; !next.done; next = await chunks.next()) yield next.value;
    },
    response,
  );
}

/**
 * Where a redirection leads; it is checked when ffmpeg follows it.
 * @throws FrameliftError `source.forbidden` for other schemes.
 */
function redirection(location: string, from: URL): URL {
  const to = URL.parse(location, from);
  if (to && /^https?:$/.test(to.protocol)) return disguised(to);
  throw new FrameliftError('source.forbidden', `${from.host} redirects to something that is not on the web`);
}

async function whole(first: Buffer, rest: AsyncIterator<Buffer>): Promise<string> {
  const parts = [first];
  let length = first.length;
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    parts.push(next.value);
    length += next.value.length;
    if (length > MAX_PLAYLIST) throw new FrameliftError('source.protocol', 'the playlist is larger than 4 MiB');
  }
  return Buffer.concat(parts).toString();
}

/** What a scheme with its authority is replaced by, for {@link withUrlsDisguised}. */
function disguisedOrigin(origin: string): string | undefined {
  const url = URL.parse(origin);
  if (!url) return undefined;
  const { href } = disguised(url);
  return href.endsWith('/') ? href.slice(0, -1) : href;
}

function without<T extends IncomingHttpHeaders | OutgoingHttpHeaders>(headers: T, names: readonly string[]): T {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name))) as T; // fewer keys of a type whose keys are optional
}

/** An RTSP session that plays one video track: DESCRIBE, SETUP, PLAY, keep-alive, TEARDOWN. */
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, micros, plus } from '../../time.ts';
import type { AddressGuard } from '../address-guard.ts';
import { parseRtspUrl, RtspConnection, type RtspEndpoint } from './connection.ts';
import type { RtspResponse } from './message.ts';
import { findVideo, type VideoTrack } from './sdp.ts';
import { UdpPair } from './udp.ts';
import {
  baseUrl,
  controlUrl,
  redirectTarget,
  sessionId,
  sessionTimeout,
  sourceAddress,
  transportField,
} from './url.ts';

const MAX_REDIRECTS = 3;
/** How long stopping waits for the answer to TEARDOWN. */
const TEARDOWN_WAIT = fromMs(300);

/** Options of {@link RtspSession.open}. */
export interface RtspSessionOptions {
  readonly url: string;
  readonly transport: 'tcp' | 'udp';
  readonly clock: Clock;
  /** For connecting, and for each response. */
  readonly timeout: Micros;
  readonly verifyCertificate: boolean;
  /** Where the URL may lead to, and redirections from there. */
  readonly guard: AddressGuard;
  readonly rtp: (bytes: Uint8Array) => void;
  readonly rtcp: (bytes: Uint8Array) => void;
  /** The session broke after it was opened. */
  readonly lost: (error: FrameliftError) => void;
}

/** A session. Nothing flows before {@link play}. */
export class RtspSession {
  readonly track: VideoTrack;
  readonly #options: RtspSessionOptions;
  readonly #connection: RtspConnection;
  readonly #aggregateUrl: string;
  readonly #trackUrl: string;
  readonly #ping: 'GET_PARAMETER' | 'OPTIONS';
  #udp: UdpPair | undefined;
  #rtpChannel = 0;
  #rtcpChannel = 1;
  #timeout = sessionTimeout(undefined);
  #cancelPing: CancelTimer = () => {};
  #closing: Promise<void> | undefined;

  private constructor(options: RtspSessionOptions, described: Described) {
    this.#options = options;
    this.#connection = described.connection;
    this.#ping = described.ping;
    this.track = described.track;
    this.#aggregateUrl = controlUrl(described.base, described.track.sessionControl);
    this.#trackUrl = controlUrl(described.base, described.track.control);
  }

  /** Connects, finds the video track and sets it up. @throws FrameliftError with the reason. */
  static async open(options: RtspSessionOptions, signal: AbortSignal): Promise<RtspSession> {
    let session: RtspSession | undefined;
    const packet = (channel: number, bytes: Uint8Array) => {
      if (session) session.#interleaved(channel, bytes);
    };
    const described = await describe(options, packet, signal);
    session = new RtspSession(options, described);
    const abort = () => described.connection.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await session.#setup(options.transport);
      signal.throwIfAborted();
      return session;
    } catch (error) {
      session.#udp?.close();
      described.connection.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** For people: `rtsp/tcp`, `rtsps/tcp`, `rtsp/udp`. */
  get transport(): string {
    return `${this.#options.url.startsWith('rtsps') ? 'rtsps' : 'rtsp'}/${this.#udp ? 'udp' : 'tcp'}`;
  }

  /** Packets may be lost or swapped on the way. */
  get unreliable(): boolean {
    return this.#udp !== undefined;
  }

  /** Starts the flow of packets and the keep-alive; closes the session on abort. @throws FrameliftError with the reason. */
  async play(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const range = { Range: 'npt=0.000-' };
    const abort = () => void this.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      let response = await this.#connection.request('PLAY', this.#aggregateUrl, range);
      // 459: aggregate operation not allowed; others do not know their own aggregate URL.
      if ([404, 455, 459].includes(response.status) && this.#trackUrl !== this.#aggregateUrl) {
        response = await this.#connection.request('PLAY', this.#trackUrl, range);
      }
      expectOk(response, 'PLAY');
    } finally {
      signal.removeEventListener('abort', abort);
    }
    this.#schedulePing();
  }

  /** Sends an RTCP packet to the server. */
  sendRtcp(bytes: Uint8Array): void {
    if (this.#udp) this.#udp.sendRtcp(bytes);
    else this.#connection.sendPacket(this.#rtcpChannel, bytes);
  }

  /** Takes leave within 0.3 s, then closes every socket. Closing twice is harmless. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelPing();
    const { clock } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = clock.at(plus(clock.now(), TEARDOWN_WAIT), resolve);
    const teardown = this.#connection.request('TEARDOWN', this.#aggregateUrl).then(
      () => {},
      () => {},
    );
    await Promise.race([teardown, late]);
    cancel();
    this.#udp?.close();
    this.#connection.close();
  }

  async #setup(transport: 'tcp' | 'udp'): Promise<void> {
    const response = transport === 'udp' ? await this.#setupUdp() : await this.#setupTcp();
    if (response.status === 461 && transport === 'udp') {
      this.#udp?.close();
      this.#udp = undefined;
      await this.#setup('tcp');
      return;
    }
    expectOk(response, 'SETUP');
    const session = response.headers.get('session');
    this.#connection.session = sessionId(session);
    this.#timeout = sessionTimeout(session);
    const field = response.headers.get('transport');
    if (!this.#udp) {
      [this.#rtpChannel, this.#rtcpChannel] = transportField(field, 'interleaved') ?? [0, 1];
      return;
    }
    const ports = transportField(field, 'server_port');
    const guard = this.#options.guard.beyond([serverAddress(this.#connection)]);
    if (ports) this.#udp.punch(sourceAddress(field, guard), ...ports);
  }

  #setupTcp(): Promise<RtspResponse> {
    return this.#connection.request('SETUP', this.#trackUrl, { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' });
  }

  async #setupUdp(): Promise<RtspResponse> {
    const { rtp, rtcp } = this.#options;
    this.#udp = await UdpPair.open({ server: serverAddress(this.#connection), rtp, rtcp });
    const { port } = this.#udp;
    return this.#connection.request('SETUP', this.#trackUrl, {
      Transport: `RTP/AVP;unicast;client_port=${port}-${port + 1}`,
    });
  }

  #interleaved(channel: number, bytes: Uint8Array): void {
    if (channel === this.#rtpChannel) this.#options.rtp(bytes);
    else if (channel === this.#rtcpChannel) this.#options.rtcp(bytes);
  }

  #schedulePing(): void {
    const { clock } = this.#options;
    if (this.#closing) return;
    this.#cancelPing = clock.at(plus(clock.now(), micros(this.#timeout / 2)), () => {
      this.#keepAlive(this.#ping).then(
        () => this.#schedulePing(),
        (error: unknown) => {
          if (!this.#closing) this.#options.lost(asFrameliftError(error, 'source.protocol'));
        },
      );
    });
  }

  /** Only a session that the server has forgotten is an error: media that flows is proof enough of life. */
  async #keepAlive(method: 'GET_PARAMETER' | 'OPTIONS'): Promise<void> {
    let response: RtspResponse;
    try {
      response = await this.#connection.request(method, this.#aggregateUrl);
    } catch (error) {
      if (error instanceof FrameliftError && error.code === 'source.unauthorized') throw error;
      return;
    }
    if (response.status === 454) expectOk(response, method);
    if (response.status >= 400 && method === 'GET_PARAMETER') await this.#keepAlive('OPTIONS');
  }
}

interface Described {
  readonly connection: RtspConnection;
  readonly track: VideoTrack;
  /** What control URLs are relative to. */
  readonly base: string;
  readonly ping: 'GET_PARAMETER' | 'OPTIONS';
}

/** An answer that leads elsewhere. */
interface Redirection {
  /** The server's address. */
  readonly from: string;
  readonly to: RtspEndpoint;
}

async function describe(
  options: RtspSessionOptions,
  packet: (channel: number, bytes: Uint8Array) => void,
  signal: AbortSignal,
): Promise<Described> {
  let endpoint = parseRtspUrl(options.url);
  let { guard } = options;
  for (let redirects = 0; ; redirects += 1) {
    const found = await describeAt(endpoint, { ...options, guard }, packet, signal);
    if ('connection' in found) return found;
    if (redirects === MAX_REDIRECTS) throw new FrameliftError('source.protocol', 'the server redirects in circles');
    endpoint = found.to;
    guard = guard.beyond([found.from]);
  }
}

async function describeAt(
  endpoint: RtspEndpoint,
  options: RtspSessionOptions,
  packet: (channel: number, bytes: Uint8Array) => void,
  signal: AbortSignal,
): Promise<Described | Redirection> {
  if (endpoint.secure && options.transport === 'udp') {
    throw new FrameliftError(
      'config.invalid',
      'transport udp cannot be used with rtsps: media would not be encrypted',
      {
        remedy: 'Use transport tcp.',
      },
    );
  }
  let opened = false;
  const { clock, timeout, verifyCertificate, guard } = options;
  const lost = (error: FrameliftError) => opened && options.lost(error);
  const settings = { clock, timeout, verifyCertificate, guard, packet, lost };
  const connection = await RtspConnection.open(endpoint, settings, signal);
  const abort = () => connection.close();
  signal.addEventListener('abort', abort, { once: true });
  try {
    const capabilities = await connection.request('OPTIONS', endpoint.url);
    const response = await connection.request('DESCRIBE', endpoint.url, { Accept: 'application/sdp' });
    if (response.status >= 300 && response.status < 400) {
      const from = serverAddress(connection);
      connection.close();
      return { from, to: redirectTarget(endpoint, response.headers.get('location')) };
    }
    expectOk(response, 'DESCRIBE');
    opened = true;
    return {
      connection,
      track: findVideo(response.body),
      base: baseUrl(endpoint.url, response.headers),
      ping: /\bGET_PARAMETER\b/.test(capabilities.headers.get('public') ?? '') ? 'GET_PARAMETER' : 'OPTIONS',
    };
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The server's address. @throws FrameliftError `source.ended` when a reset has taken it away. */
function serverAddress({ remoteAddress }: RtspConnection): string {
  if (remoteAddress !== undefined) return remoteAddress;
  throw new FrameliftError('source.ended', 'the server closed the connection', { recoverable: true });
}

/** @throws FrameliftError unless the status is 2xx. */
function expectOk(response: RtspResponse, method: string): void {
  const { status, reason } = response;
  if (status >= 200 && status < 300) return;
  const said = `${method}: ${status} ${reason}`.trim();
  switch (status) {
    case 403:
      throw new FrameliftError('source.unauthorized', `the server refuses access (${said})`);
    case 404:
    case 410:
      throw new FrameliftError('source.not-found', `the server has no such stream (${said})`, {
        recoverable: true,
        remedy: 'Check the path of the URL.',
      });
    case 415:
      throw new FrameliftError('source.no-video', `the server offers no description of the stream (${said})`);
    case 461:
      throw new FrameliftError('source.protocol', `the server does not support the transport (${said})`, {
        remedy: 'Set transport to udp.',
      });
    case 453:
    case 503:
      throw new FrameliftError('source.unreachable', `the server is busy (${said})`, { recoverable: true });
    default:
      throw new FrameliftError('source.protocol', `the server answered ${said}`, { recoverable: true });
  }
}

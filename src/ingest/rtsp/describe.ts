/**
 * The first half of an RTSP session: OPTIONS and DESCRIBE, redirections followed, the video track
 * found.
 */
import { FrameliftError } from '../../errors.ts';
import { type FoundSound, findSound } from '../audio/track.ts';
import { Authenticator } from './auth.ts';
import { RtspConnection, type RtspConnectionOptions } from './connection.ts';
import { logTrack } from './dialogue.ts';
import { findVideo, type VideoTrack } from './sdp.ts';
import { expectOk } from './status.ts';
import { baseUrl, parseRtspUrl, type RtspEndpoint, redirectTarget } from './url.ts';

const MAX_REDIRECTS = 3;

/** Connections that a server may close after its challenges before it is given up. */
const MAX_CHALLENGED_CONNECTIONS = 3;

/** Options of {@link describe}. `lost` is called only after it has resolved. */
export interface DescribeOptions extends Omit<RtspConnectionOptions, 'auth'> {
  readonly url: string;
  readonly transport: 'tcp' | 'udp';
}

/** A server that was asked what it has. */
export interface Described {
  readonly connection: RtspConnection;
  readonly track: VideoTrack;
  readonly sound: FoundSound;
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

/**
 * Connects, follows redirections, and finds the video track. The connection is the caller's.
 * @throws FrameliftError with the reason.
 */
export async function describe(options: DescribeOptions, signal: AbortSignal): Promise<Described> {
  let endpoint = parseRtspUrl(options.url);
  let { guard } = options;
  for (let redirects = 0; ; redirects += 1) {
    const found = await describeAt(endpoint, { ...options, guard }, signal);
    if ('connection' in found) return found;
    if (redirects === MAX_REDIRECTS) throw new FrameliftError('source.protocol', 'the server redirects in circles');
    endpoint = found.to;
    guard = guard.beyond([found.from]);
  }
}

/**
 * Asks again on another connection where a server closes the one on which it asked for credentials.
 */
async function describeAt(
  endpoint: RtspEndpoint,
  options: DescribeOptions,
  signal: AbortSignal,
): Promise<Described | Redirection> {
  checkTransport(endpoint, options);
  const auth = endpoint.credentials && new Authenticator(endpoint.credentials);
  for (let tries = 1; ; tries += 1) {
    let opened = false;
    const lost = (error: FrameliftError) => opened && options.lost(error);
    const connection = await RtspConnection.open(endpoint, { ...options, auth, lost }, signal);
    try {
      const found = await describeOn(connection, endpoint, options, signal);
      opened = true;
      return found;
    } catch (error) {
      const challenged = connection.isLost && auth?.isChallenged === true;
      connection.close();
      if (!challenged || tries === MAX_CHALLENGED_CONNECTIONS || signal.aborted) throw error;
      options.log.debug({}, 'the server closed the connection after its challenge: asking on another one');
    }
  }
}

async function describeOn(
  connection: RtspConnection,
  endpoint: RtspEndpoint,
  { log }: DescribeOptions,
  signal: AbortSignal,
): Promise<Described | Redirection> {
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
    const track = findVideo(response.body);
    logTrack(log, track, response.body);
    return {
      connection,
      track,
      sound: findSound(response.body),
      base: baseUrl(endpoint.url, response.headers),
      ping: /\bGET_PARAMETER\b/.test(capabilities.headers.get('public') ?? '') ? 'GET_PARAMETER' : 'OPTIONS',
    };
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** @throws FrameliftError `config.invalid`. */
function checkTransport({ secure }: RtspEndpoint, { transport }: DescribeOptions): void {
  if (!secure || transport !== 'udp') return;
  const message = 'transport udp cannot be used with rtsps: media would not be encrypted';
  throw new FrameliftError('config.invalid', message, { remedy: 'Use transport tcp.' });
}

/** The server's address. @throws FrameliftError `source.ended` when a reset has taken it away. */
export function serverAddress({ remoteAddress }: RtspConnection): string {
  if (remoteAddress !== undefined) return remoteAddress;
  throw new FrameliftError('source.ended', 'the server closed the connection', { recoverable: true });
}

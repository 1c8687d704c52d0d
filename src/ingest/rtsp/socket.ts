/** Connecting to an RTSP server: TCP or TLS, where sources may lead to, within a time limit. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { awaitAnswer, type Clock, type Micros } from '../../time.ts';
import type { AddressGuard } from '../address-guard.ts';
import { connectError, unreachable } from '../connect-error.ts';
import type { SourceLog } from '../source-log.ts';
import { logConnecting } from './dialogue.ts';
import type { RtspEndpoint } from './url.ts';

/** Options of {@link openSocket}. */
export interface SocketOptions {
  readonly clock: Clock;
  /** For connecting. */
  readonly timeout: Micros;
  /** False accepts certificates that no authority vouches for, as cameras make them themselves. */
  readonly verifyCertificate: boolean;
  /** Where the connection may lead to. */
  readonly guard: AddressGuard;
  readonly log: SourceLog;
}

/**
 * Connects. @throws FrameliftError `source.unreachable`, `source.forbidden` by the guard; on abort
 * whatever `signal` gives as reason.
 */
export async function openSocket(endpoint: RtspEndpoint, options: SocketOptions, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const { host, port, secure } = endpoint;
  const { clock, timeout } = options;
  options.guard.checkLiteral(host);
  const socket = startConnecting(endpoint, options);
  logConnecting(options.log, endpoint, socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  const cancelTimer = awaitAnswer(clock, timeout, () => reject(unreachable(`${host}:${port} does not answer`)));
  socket.once(secure ? 'secureConnect' : 'connect', resolve);
  socket.once('error', (error) => reject(connectError(error, endpoint)));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  } finally {
    cancelTimer();
    signal.removeEventListener('abort', abort);
  }
}

function startConnecting({ host, port, secure }: RtspEndpoint, { guard, verifyCertificate }: SocketOptions): Socket {
  const address = { host, port, lookup: guard.lookup };
  // Server names are names: neither addresses nor what only looks like a host.
  const servername = /[a-z]/i.test(host) && !host.includes(':') ? host : '';
  const socket = secure
    ? connectTls({ ...address, servername, rejectUnauthorized: verifyCertificate })
    : connect(address);
  socket.setNoDelay(true);
  return socket;
}

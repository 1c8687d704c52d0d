/** Streams by RTSP, for recorders and players that know no WebRTC: the listening socket and what bounds its clients. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Publication } from '../../egress/publication.ts';
import { FrameliftError, messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { EventSink, Variant } from '../../metrics/events.ts';
import type { Clock } from '../../time.ts';
import type { Access } from '../auth.ts';
import { shareConnections } from '../front/connections.ts';
import { RtspServerConnection } from './connection.ts';
import { UdpPorts } from './udp.ts';

/** Options of {@link RtspServer.start}. */
export interface RtspServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** TCP connections at a time; clients share them. Default 64. */
  readonly maxConnections?: number;
}

/** What the server works with. */
export interface RtspServerDeps {
  readonly access: Access;
  readonly find: (stream: string, variant: Variant) => Publication | undefined;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
}

const MAX_CONNECTIONS = 64;

/** A listening RTSP server. */
export class RtspServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #udp: UdpPorts | undefined;
  readonly #connections: ReadonlySet<RtspServerConnection>;

  private constructor(
    server: Server,
    port: number,
    udp: UdpPorts | undefined,
    connections: ReadonlySet<RtspServerConnection>,
  ) {
    this.#server = server;
    this.port = port;
    this.#udp = udp;
    this.#connections = connections;
  }

  /** Listens. @throws FrameliftError `server.port-taken`, `server.failed`. */
  static async start(options: RtspServerOptions, deps: RtspServerDeps): Promise<RtspServer> {
    const { host, port, maxConnections = MAX_CONNECTIONS } = options;
    const { log } = deps;
    const connections = new Set<RtspServerConnection>();
    const onPlaying = readersOf(deps);
    let udp: UdpPorts | undefined;
    const server = createServer((socket) => {
      const connection = new RtspServerConnection(socket, { ...deps, udp, onPlaying });
      connections.add(connection);
      socket.once('close', () => connections.delete(connection));
    });
    shareConnections(server, maxConnections, log);
    try {
      server.listen(port, host);
      await once(server, 'listening');
      udp = await UdpPorts.open(host);
    } catch (thrown) {
      server.close();
      throw listenError(thrown, host, port);
    }
    if (!udp) log.warn({}, 'no pair of UDP ports is free: RTSP is served over TCP alone');
    server.on('error', (error) => log.warn({ err: error }, 'an RTSP connection cannot be taken'));
    // A TCP server that listens has an AddressInfo; strings belong to pipes.
    const bound = (server.address() as AddressInfo).port;
    log.info({ host, port: bound, udp: udp?.ports }, `RTSP on ${host.includes(':') ? `[${host}]` : host}:${bound}`);
    return new RtspServer(server, bound, udp, connections);
  }

  /** Ends all sessions. Twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined;
    this.#server.close();
    for (const connection of this.#connections) connection.close();
    this.#udp?.close();
    await closed;
  }
}

/** Counts readers that play. Of a stream that is gone nothing is told any more. */
function readersOf({
  events,
  find,
}: Pick<RtspServerDeps, 'events' | 'find'>): (stream: string, variant: Variant, playing: boolean) => void {
  const counts = new Map<string, number>();
  return (stream, variant, playing) => {
    const key = `${stream} ${variant}`;
    const count = (counts.get(key) ?? 0) + (playing ? 1 : -1);
    counts.set(key, count);
    if (find(stream, variant)) events.emit({ type: 'rtsp-readers', stream, variant, count });
  };
}

function listenError(thrown: unknown, host: string, port: number): FrameliftError {
  const taken = thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE';
  if (!taken)
    return new FrameliftError('server.failed', `RTSP on ${host}:${port}: ${messageOf(thrown)}`, { cause: thrown });
  return new FrameliftError('server.port-taken', `RTSP: port ${port} of ${host} is taken`, {
    cause: thrown,
    remedy: 'Choose another one with server.rtsp.port, or stop what listens there.',
  });
}

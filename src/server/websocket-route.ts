/** Mounts the WebSocket on fastify: its upgrades pass the hooks of all requests. */
import websocket from '@fastify/websocket';
import type { FastifyInstance } from 'fastify';
import type { Log } from '../log.ts';
import { clientAddress } from './front/client.ts';
import type { Judge } from './hooks.ts';
import { refuse } from './reply.ts';
import { logRequest } from './request-log.ts';
import { MAX_MESSAGE_BYTES, MAX_SOCKETS, type StateFeed } from './websocket.ts';

/** Where the WebSocket is. */
export const WEBSOCKET_PATH = '/ws';

/**
 * What is chosen of the subprotocols a client offers. Others carry tokens, which are not repeated.
 */
const SUBPROTOCOL = 'framelift';

/**
 * Hands upgrade requests to fastify's hooks and routes; to be called before any of these is added.
 */
export async function acceptWebSockets(app: FastifyInstance, log: Log): Promise<void> {
  await app.register(websocket, {
    options: {
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      autoPong: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    },
    // After protocol faults and resets ws closes the socket by itself. One that is open has met a
    // fault of ours.
    errorHandler: (error, socket) => {
      if (socket.readyState !== socket.OPEN) return;
      log.warn({ err: error }, 'a WebSocket failed');
      socket.terminate();
    },
    // The feed says goodbye.
    preClose: (done) => done(),
  });
  app.addHook('onRequest', async (request, reply) => {
    // The connection of an upgrade that is refused is closed with the answer.
    if (request.ws) reply.header('Connection', 'close');
  });
}

/** What {@link mountWebSocket} works with. */
export interface WebSocketRouteDeps {
  readonly feed: StateFeed;
  /** Judges every upgrade. */
  readonly judge: Judge;
  readonly log: Log;
}

/** Mounts `feed`. Requests that do not upgrade are told that they have to. */
export function mountWebSocket(app: FastifyInstance, { feed, judge, log }: WebSocketRouteDeps): void {
  app.addHook('preClose', async () => {
    app.websocketServer.close();
    feed.close();
  });
  app.route({
    method: 'GET',
    url: WEBSOCKET_PATH,
    config: { role: 'play' },
    onRequest: async (request, reply) => {
      if (request.ws) return judge(request, reply);
      return refuse(reply, {
        status: 426,
        code: 'http.upgrade-required',
        message: 'only WebSockets are served here',
        remedy: 'Ask /api/streams instead.',
        headers: { Upgrade: 'websocket' },
      });
    },
    // With a callback the handshake follows at once: nobody else can take the last place between.
    preHandler: (request, reply, done) => {
      if (feed.makeRoom(clientAddress(request))) return done();
      refuse(reply, {
        status: 503,
        code: 'http.overloaded',
        message: `all ${MAX_SOCKETS} sockets are taken`,
        remedy: 'Ask /api/streams instead, or try again later.',
        headers: { 'Retry-After': '5' },
      });
    },
    handler: () => undefined,
    wsHandler: (socket, request) => {
      const from = clientAddress(request);
      logRequest(log, request, { status: 101 });
      socket.on('close', (code) => log.debug({ code, from }, 'WebSocket closed'));
      feed.add(socket, from);
    },
  });
}

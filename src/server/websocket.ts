/** Live state and signalling at `/ws`: every socket is sent the document of the API once a second, and at once when a stream changes, and may play streams. */

import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Log } from '../log.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, minus, plus } from '../time.ts';
import type { Access } from './auth.ts';
import type { StreamDirectory } from './contract.ts';
import { hostAllowed, originAllowed } from './host.ts';
import { noteRefusal } from './refusals.ts';
import { RequestRate } from './request-rate.ts';
import { type PlayerGate, SocketSignalling } from './websocket-signalling.ts';

/** Where it is mounted. */
export const LIVE_PATH = '/ws';

/** More sockets than this are refused. */
const MOST_SOCKETS = 64;
/** A socket with more than this unsent misses documents until it has read. Bytes. */
const MOST_BUFFERED = 256 * 1024;
/** The longest offer, in JSON: a longer message closes the socket with 1009. Bytes. */
const MOST_RECEIVED = 160 * 1024;
/** A client that sends more is cut off. A browser that trickles sends some thirty at once. */
const MESSAGES_A_SECOND = 64;
/** What is chosen of the subprotocols a client offers. Others carry tokens, which are not repeated. */
const SUBPROTOCOL = 'framelift';
/** How often streams are compared with what was last sent. */
const LOOK_EVERY = fromMs(250);
const PUSH_EVERY = fromMs(1000);
/** Also how long an answer may take. */
const PING_EVERY = fromMs(15_000);
/** A client that has not said goodbye by then is cut off. */
const GOODBYE_WITHIN = fromMs(500);

/** Options of {@link LiveState}. */
export interface LiveOptions {
  readonly streams: StreamDirectory;
  /** What `GET /api/streams` answers, as text. */
  readonly document: () => string;
  /** Lets players in. */
  readonly gate: PlayerGate;
  /** Who may listen and play. */
  readonly access: Pick<Access, 'authorize'>;
  /** Counts connections among the requests of their address; undefined where these are not counted. */
  readonly rate: RequestRate | undefined;
  /** The address the server listens on: decides which Host headers are right. */
  readonly boundTo: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why an upgrade is refused. */
interface Refusal {
  readonly status: 401 | 403 | 404 | 429 | 503;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One client. Its queue is the socket's: at most 256 KiB and one document; what does not fit is dropped and counted. */
interface Listener {
  readonly socket: WebSocket;
  readonly signalling: SocketSignalling;
  pingDue: Micros;
  /** False between a ping and its pong. */
  answered: boolean;
  skipped: number;
}

/** The sockets of live state. Without one, no timer runs. */
export class LiveState {
  readonly #options: LiveOptions;
  readonly #handshake = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MOST_RECEIVED,
    autoPong: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  readonly #listeners = new Set<Listener>();
  #cancel: CancelTimer = () => {};
  #pushedAt: Micros;
  /** State, phase, model and rung of every stream when it was last pushed to all. */
  #pushed = '';
  #closed = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#pushedAt = options.clock.now();
  }

  /** Sockets that are open or closing. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Takes over the connection of an upgrade request: a WebSocket, or an answer that says why not. Never throws. */
  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): void {
    const refusal = this.#judge(request);
    if (!refusal) {
      // What is no WebSocket handshake, ws answers with 400 or 426.
      this.#handshake.handleUpgrade(request, connection, head, (socket) => this.#add(socket));
      return;
    }
    const { method, url, socket } = request;
    noteRefusal(this.#options.log, { status: refusal.status, method, url, from: socket.remoteAddress });
    refuse(connection, refusal);
  }

  /** Says goodbye to every client and takes no more; cuts off who does not answer within half a second. Twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel();
    if (this.#listeners.size === 0) return;
    for (const { socket } of this.#listeners) socket.close(1001, 'the server is closing');
    const { clock } = this.#options;
    this.#cancel = clock.at(plus(clock.now(), GOODBYE_WITHIN), () => {
      for (const { socket } of this.#listeners) socket.terminate();
    });
  }

  #judge({ url = '', headers, socket }: IncomingMessage): Refusal | undefined {
    const { host, origin } = headers;
    const { rate } = this.#options;
    if (rate?.take(socket.remoteAddress ?? '') === false) return rate.refusal;
    if (!hostAllowed(host, this.#options.boundTo)) {
      const remedy = 'Open the page as localhost or by the address the server listens on.';
      return { status: 403, code: 'http.forbidden-host', message: 'this server does not answer by this name', remedy };
    }
    if (url.split('?', 1)[0] !== LIVE_PATH) {
      const remedy = `Live state is at ${LIVE_PATH}.`;
      return { status: 404, code: 'http.not-found', message: 'there is no WebSocket here', remedy };
    }
    if (!originAllowed(origin, host)) {
      const remedy = 'Connect from the page of this server, or from a program that sends no Origin.';
      return { status: 403, code: 'http.forbidden-origin', message: 'pages of other sites may not listen', remedy };
    }
    const denial = this.#options.access.authorize(headers, 'play', 'websocket');
    if (denial) return denial;
    if (this.#closed || this.#listeners.size >= MOST_SOCKETS) {
      const message = this.#closed ? 'the server is closing' : `all ${MOST_SOCKETS} sockets are taken`;
      return { status: 503, code: 'http.overloaded', message, remedy: 'Ask /api/streams instead, or try again later.' };
    }
    return undefined;
  }

  #add(socket: WebSocket): void {
    const { clock, gate } = this.#options;
    const signalling = new SocketSignalling({ gate, clock, send: (message) => reply(socket, message) });
    const listener = { socket, signalling, pingDue: plus(clock.now(), PING_EVERY), answered: true, skipped: 0 };
    const rate = new RequestRate(clock, MESSAGES_A_SECOND);
    socket.on('message', (data, isBinary) => {
      if (socket.readyState !== socket.OPEN) return;
      if (isBinary) socket.close(1003, 'messages are text');
      else if (!rate.take('')) socket.close(1008, 'too many messages');
      else void signalling.receive(String(data));
    });
    socket.on('close', (code) => {
      signalling.close(isGoodbye(code));
      this.#remove(listener);
    });
    // Protocol faults and resets: ws closes the socket by itself, but an event without a listener would be thrown.
    socket.on('error', () => {});
    socket.on('pong', () => {
      listener.answered = true;
    });
    // Answered here and not by ws: pings from a client that reads nothing would pile up answers.
    socket.on('ping', (data) => {
      if (socket.bufferedAmount <= MOST_BUFFERED) socket.pong(data);
    });
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#pushedAt = clock.now();
      this.#pushed = this.#standings();
      this.#lookLater();
    }
    this.#send(listener, this.#state());
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#cancel();
    const { skipped } = listener;
    if (skipped > 0) this.#options.log.warn({ skipped }, 'a reader of live state was too slow');
  }

  #lookLater(): void {
    const { clock } = this.#options;
    this.#cancel = clock.at(plus(clock.now(), LOOK_EVERY), () => {
      this.#lookLater();
      this.#look(clock.now());
    });
  }

  #look(now: Micros): void {
    const standings = this.#standings();
    if (standings !== this.#pushed || minus(now, this.#pushedAt) >= PUSH_EVERY) {
      this.#pushed = standings;
      this.#pushedAt = now;
      const text = this.#state();
      for (const listener of this.#listeners) this.#send(listener, text);
    }
    for (const listener of this.#listeners) if (now >= listener.pingDue) this.#ping(listener, now);
  }

  #send(listener: Listener, text: string): void {
    const { socket } = listener;
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > MOST_BUFFERED) listener.skipped += 1;
    else socket.send(text);
  }

  /** Also ends sockets whose client leaves a closing handshake unanswered. */
  #ping(listener: Listener, now: Micros): void {
    const { socket } = listener;
    if (!listener.answered || socket.readyState !== socket.OPEN) {
      socket.terminate();
      return;
    }
    listener.answered = false;
    listener.pingDue = plus(now, PING_EVERY);
    socket.ping();
  }

  /** The document, which is a JSON object, with a type. */
  #state(): string {
    return `{"type":"state",${this.#options.document().slice(1)}`;
  }

  #standings(): string {
    return this.#options.streams
      .list()
      .map(({ name, status, ladder, model }) => `${name} ${status.state} ${status.phase} ${model} ${ladder?.rung}`)
      .join('\n');
  }
}

/** Sends a message that the client waits for. One that does not read is cut off. */
function reply(socket: WebSocket, message: object): void {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > MOST_BUFFERED) socket.terminate();
  else socket.send(JSON.stringify(message));
}

/** Closed by either side on purpose: normal, going away, without a code. Everything else is a socket that broke. */
function isGoodbye(code: number): boolean {
  return code === 1000 || code === 1001 || code === 1005;
}

/** Answers an upgrade request with plain HTTP and closes. */
function refuse(connection: Duplex, { status, headers = {}, ...why }: Refusal): void {
  const body = JSON.stringify(why);
  connection.on('error', () => {});
  connection.once('finish', () => connection.destroy());
  connection.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Cache-Control: no-store',
      'X-Content-Type-Options: nosniff',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(status === 503 ? ['Retry-After: 5'] : []),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      body,
    ].join('\r\n'),
  );
}

/**
 * The state feed and signalling over WebSocket: every client is sent the document of the API once a
 * second, and at once when a stream changes, and may play streams.
 */
import type { WebSocket } from '@fastify/websocket';
import { clientOf, overShare } from '../fair-share.ts';
import type { Log } from '../log.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, minus, plus, stoodStill, ZERO } from '../time.ts';
import { TokenBucket } from '../token-bucket.ts';
import type { StreamDirectory } from './contract.ts';
import { type PlayerGate, WebSocketSignalling } from './websocket-signalling.ts';

/** More sockets than this are refused. */
export const MAX_SOCKETS = 64;
/** The longest offer, in JSON: a longer message closes the socket with 1009. Bytes. */
export const MAX_MESSAGE_BYTES = 160 * 1024;
/** A socket with more than this unsent misses documents until it has read. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** A client that sends more is disconnected. A trickling browser sends some thirty at once. */
const MAX_MESSAGES_PER_SECOND = 64;
/** How often streams are compared with what was last sent. */
const COMPARE_INTERVAL = fromMs(250);
const PUSH_INTERVAL = fromMs(1000);
/** Also how long an answer may take. */
const PING_INTERVAL = fromMs(15_000);
/** A client that has not said goodbye by then is disconnected. */
const GOODBYE_TIMEOUT = fromMs(500);

/** What {@link StateFeed} works with. */
export interface StateFeedDeps {
  readonly streams: StreamDirectory;
  /** What `GET /api/streams` answers, as text. */
  readonly document: () => string;
  /** Lets players in. */
  readonly gate: PlayerGate;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * One client. Its queue is the socket's: at most 256 KiB and one document; what does not fit is
 * dropped and counted.
 */
interface Listener {
  readonly socket: WebSocket;
  readonly client: string;
  readonly signalling: WebSocketSignalling;
  pingDue: Micros;
  /** False between a ping and its pong. */
  answered: boolean;
  skipped: number;
}

/** The sockets that are open. Without one, no timer runs. */
export class StateFeed {
  readonly #deps: StateFeedDeps;
  readonly #listeners = new Set<Listener>();
  #cancel: CancelTimer = () => {};
  #pushedAt: Micros;
  /** State, phase, model and rung of every stream when it was last pushed to all. */
  #pushed = '';
  #closed = false;

  constructor(deps: StateFeedDeps) {
    this.#deps = deps;
    this.#pushedAt = deps.clock.now();
  }

  /** Sockets that are open or closing. */
  get size(): number {
    return this.#listeners.size;
  }

  /**
   * True when there is a place for one more client. When all are taken, who holds more than its share
   * gives one up: the newest, one without a session if there is one.
   */
  makeRoom(address: string): boolean {
    if (this.#listeners.size < MAX_SOCKETS) return true;
    const listeners = [...this.#listeners];
    const holder = overShare(
      listeners.map(({ client }) => client),
      clientOf(address),
    );
    const theirs = listeners.filter(({ client }) => client === holder);
    const surplus = theirs.findLast(({ signalling }) => signalling.sessions === 0) ?? theirs.at(-1);
    if (!surplus) return false;
    this.#remove(surplus);
    surplus.socket.close(1013, 'gave way to another client');
    const { clock } = this.#deps;
    clock.at(plus(clock.now(), GOODBYE_TIMEOUT), () => surplus.socket.terminate());
    return true;
  }

  /**
   * Takes a socket that has just opened, and keeps it until it is closed.
   * @param address where it came from.
   */
  add(socket: WebSocket, address: string): void {
    const { clock, gate, log } = this.#deps;
    const send = (message: object): void => reply(socket, message);
    const signalling = new WebSocketSignalling({ gate, clock, log, address, send });
    const listener = {
      ...{ socket, client: clientOf(address), signalling },
      ...{ pingDue: plus(clock.now(), PING_INTERVAL), answered: true, skipped: 0 },
    };
    const rate = new TokenBucket({ perSecond: MAX_MESSAGES_PER_SECOND, capacity: MAX_MESSAGES_PER_SECOND });
    socket.on('message', (data, isBinary) => {
      if (socket.readyState !== socket.OPEN) return;
      if (isBinary) socket.close(1003, 'messages are text');
      else if (!rate.take(1, clock.now())) socket.close(1008, 'too many messages');
      else void signalling.receive(String(data));
    });
    socket.on('close', (code) => {
      signalling.close(isGoodbye(code));
      this.#remove(listener);
    });
    socket.on('pong', () => {
      listener.answered = true;
    });
    // Answered here and not by ws: pings from a client that reads nothing would pile up answers.
    socket.on('ping', (data) => {
      if (socket.bufferedAmount <= MAX_BUFFERED_BYTES) socket.pong(data);
    });
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#pushedAt = clock.now();
      this.#pushed = this.#digest();
      this.#compareLater();
    }
    this.#send(listener, this.#state());
  }

  /**
   * Says goodbye to every client and takes no more; disconnects those that do not answer within
   * half a second. Twice is harmless.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel();
    if (this.#listeners.size === 0) return;
    for (const { socket } of this.#listeners) socket.close(1001, 'the server is closing');
    const { clock } = this.#deps;
    this.#cancel = clock.at(plus(clock.now(), GOODBYE_TIMEOUT), () => {
      for (const { socket } of this.#listeners) socket.terminate();
    });
  }

  #remove(listener: Listener): void {
    if (!this.#listeners.delete(listener)) return;
    if (this.#listeners.size === 0) this.#cancel();
    const { skipped } = listener;
    if (skipped > 0) this.#deps.log.warn({ skipped }, 'a client of the state feed read too slowly');
  }

  #compareLater(): void {
    const { clock } = this.#deps;
    const due = plus(clock.now(), COMPARE_INTERVAL);
    this.#cancel = clock.at(due, () => {
      const stood = stoodStill(due, clock.now());
      // Pongs that came meanwhile are read before the next look.
      const wait = stood > ZERO ? plus(stood, COMPARE_INTERVAL) : ZERO;
      for (const listener of this.#listeners) listener.pingDue = plus(listener.pingDue, wait);
      this.#compareLater();
      this.#compare(clock.now());
    });
  }

  #compare(now: Micros): void {
    const digest = this.#digest();
    if (digest !== this.#pushed || minus(now, this.#pushedAt) >= PUSH_INTERVAL) {
      this.#pushed = digest;
      this.#pushedAt = now;
      const text = this.#state();
      for (const listener of this.#listeners) this.#send(listener, text);
    }
    for (const listener of this.#listeners) if (now >= listener.pingDue) this.#ping(listener, now);
  }

  #send(listener: Listener, text: string): void {
    const { socket } = listener;
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) listener.skipped += 1;
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
    listener.pingDue = plus(now, PING_INTERVAL);
    socket.ping();
  }

  /** The document, which is a JSON object, with a type. */
  #state(): string {
    return `{"type":"state",${this.#deps.document().slice(1)}`;
  }

  #digest(): string {
    return this.#deps.streams
      .list()
      .map(({ name, state, phase, ladder, model }) => `${name} ${state} ${phase} ${model} ${ladder?.rung}`)
      .join('\n');
  }
}

/** Sends a message that the client waits for. One that does not read is cut off. */
function reply(socket: WebSocket, message: object): void {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
  else socket.send(JSON.stringify(message));
}

/**
 * Closed by either side on purpose: normal, going away, without a code. Everything else is a socket
 * that broke.
 */
function isGoodbye(code: number): boolean {
  return code === 1000 || code === 1001 || code === 1005;
}

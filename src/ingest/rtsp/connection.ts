/**
 * One RTSP connection: TCP or TLS, requests matched with responses, authentication, time limits.
 */
import type { Socket } from 'node:net';
import { FrameliftError } from '../../errors.ts';
import { awaitAnswer, type CancelTimer } from '../../time.ts';
import { TokenBucket } from '../../token-bucket.ts';
import { errorCode, unreachable } from '../connect-error.ts';
import { MAX_RTSP_MESSAGES_PER_SECOND, MAX_RTSP_UNREAD } from '../peer-limits.ts';
import { type Authenticator, describeChallenges } from './auth.ts';
import { logRequest, logResponse, logServerRequest } from './dialogue.ts';
import { formatRequest, RtspParser, type RtspResponse, type RtspServerRequest } from './message.ts';
import { openSocket, type SocketOptions } from './socket.ts';
import type { RtspEndpoint } from './url.ts';

/** Options of {@link RtspConnection.open}. The timeout holds for each response, too. */
export interface RtspConnectionOptions extends SocketOptions {
  /** Undefined without user name and password. It may have answered on another connection. */
  readonly auth: Authenticator | undefined;
  /** An interleaved packet. */
  readonly packet: (channel: number, bytes: Uint8Array) => void;
  /**
   * The connection is of no more use: closed by the server, reset, or not RTSP. Not called after
   * `close`.
   */
  readonly lost: (error: FrameliftError) => void;
}

/** Headers of a request; CSeq, User-Agent, Session and Authorization are added. */
export type RequestHeaders = Readonly<Record<string, string>>;

interface Pending {
  readonly resolve: (response: RtspResponse) => void;
  readonly reject: (error: FrameliftError) => void;
  readonly cancelTimer: CancelTimer;
}

const USER_AGENT = 'framelift';
/** A burst of messages: a camera that says at once what it has kept to itself. */
const BURST_SECONDS = 10;

/** An open connection. */
export class RtspConnection {
  readonly #socket: Socket;
  readonly #options: RtspConnectionOptions;
  readonly #messages = new TokenBucket({
    perSecond: MAX_RTSP_MESSAGES_PER_SECOND,
    capacity: MAX_RTSP_MESSAGES_PER_SECOND * BURST_SECONDS,
  });
  readonly #pending = new Map<number, Pending>();
  #cseq = 0;
  #closed = false;
  #lost = false;
  /** Sent with every request once SETUP gave it. */
  session: string | undefined;

  private constructor(socket: Socket, options: RtspConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    const parser = new RtspParser({
      response: (response) => this.#settle(response),
      request: (request) => this.#serve(request),
      packet: options.packet,
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        parser.push(chunk);
      } catch (error) {
        this.#lose(error instanceof FrameliftError ? error : lostConnection(error));
      }
    });
    socket.on('error', (error) => this.#lose(lostConnection(error)));
    socket.on('close', () => {
      this.#lose(new FrameliftError('source.ended', 'the server closed the connection', { recoverable: true }));
    });
  }

  /** Connects. @throws what {@link openSocket} throws. */
  static async open(
    endpoint: RtspEndpoint,
    options: RtspConnectionOptions,
    signal: AbortSignal,
  ): Promise<RtspConnection> {
    return new RtspConnection(await openSocket(endpoint, options, signal), options);
  }

  /** The server closed the connection, or it broke. */
  get isLost(): boolean {
    return this.#lost;
  }

  /** The server's address, for UDP. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /**
   * Sends a request and resolves with the response, whatever its status but 401, which it answers.
   * @throws FrameliftError `source.unauthorized`, `source.unreachable` without an answer in time,
   * or why the connection was lost.
   */
  async request(method: string, uri: string, headers: RequestHeaders = {}): Promise<RtspResponse> {
    const { auth } = this.#options;
    for (let tries = 0; ; tries += 1) {
      const authorization = auth?.authorize(method, uri);
      const response = await this.#exchange(method, uri, {
        ...headers,
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      });
      if (response.status !== 401) {
        auth?.accepted();
        return response;
      }
      this.#answerChallenge(response, authorization === undefined ? 0 : tries + 1, tries);
    }
  }

  /**
   * Sends an interleaved packet. Dropped when the connection is congested: nothing we send matters
   * that much.
   */
  sendPacket(channel: number, bytes: Uint8Array): void {
    if (this.#closed || this.#socket.writableLength > MAX_RTSP_UNREAD) return;
    this.#socket.write(Buffer.concat([Uint8Array.of(0x24, channel, bytes.length >> 8, bytes.length & 255), bytes]));
  }

  /** Closes at once. Closing twice is harmless. */
  close(): void {
    this.#closed = true;
    const error = new FrameliftError('source.ended', 'the connection was closed', { recoverable: true });
    this.#failPending(error);
    this.#socket.destroy();
  }

  /**
   * Takes the challenge of a 401, to ask again. @throws FrameliftError `source.unauthorized` when
   * that is of no use.
   */
  #answerChallenge({ headers }: RtspResponse, authorized: number, tries: number): void {
    const { auth } = this.#options;
    if (!auth) {
      throw new FrameliftError('source.unauthorized', 'the server wants a user name and a password', {
        remedy: 'Put them in the URL: rtsp://user:password@host/path.',
      });
    }
    const challenges = headers.get('www-authenticate') ?? '';
    const answer = auth.answer(challenges, authorized);
    if (answer === 'unsupported') {
      const asked = describeChallenges(challenges);
      throw new FrameliftError('source.unauthorized', `the server asks for ${asked}: framelift has Basic and Digest`, {
        remedy: 'Allow Digest authentication in the settings of the camera.',
      });
    }
    if (answer === 'rejected' || tries >= 3) {
      throw new FrameliftError('source.unauthorized', 'the server rejects the user name or the password', {
        remedy: 'Check both; characters such as @ and : must be percent-encoded in the URL.',
      });
    }
  }

  #exchange(method: string, uri: string, headers: RequestHeaders): Promise<RtspResponse> {
    const { clock, timeout } = this.#options;
    this.#cseq += 1;
    const cseq = this.#cseq;
    const { promise, resolve, reject } = Promise.withResolvers<RtspResponse>();
    if (this.#closed) {
      reject(new FrameliftError('source.ended', 'the connection is closed', { recoverable: true }));
      return promise;
    }
    const cancelTimer = awaitAnswer(clock, timeout, () => {
      this.#pending.delete(cseq);
      reject(unreachable(`no answer to ${method} in time`));
    });
    this.#pending.set(cseq, { resolve, reject, cancelTimer });
    const all = {
      CSeq: String(cseq),
      'User-Agent': USER_AGENT,
      ...(this.session === undefined ? {} : { Session: this.session }),
      ...headers,
    };
    logRequest(this.#options.log, method, uri, all);
    this.#write(formatRequest(method, uri, all));
    return promise;
  }

  #settle(response: RtspResponse): void {
    this.#countMessage();
    logResponse(this.#options.log, response);
    if (response.status < 200) return;
    // Servers that leave CSeq out, or write what is no number, answer in order.
    const cseq = sequenceOf(response) ?? this.#pending.keys().next().value;
    const pending = cseq === undefined ? undefined : this.#pending.get(cseq);
    if (cseq === undefined || !pending) return;
    this.#pending.delete(cseq);
    pending.cancelTimer();
    pending.resolve(response);
  }

  /**
   * Answers the server's own requests: pings and parameters are taken note of, everything else is
   * refused.
   */
  #serve(request: RtspServerRequest): void {
    this.#countMessage();
    const known = /^(OPTIONS|GET_PARAMETER|SET_PARAMETER)$/.test(request.method);
    logServerRequest(this.#options.log, request);
    const cseq = sequenceOf(request) ?? 0;
    this.#write(`RTSP/1.0 ${known ? '200 OK' : '501 Not Implemented'}\r\nCSeq: ${cseq}\r\n\r\n`);
  }

  /** @throws FrameliftError `source.protocol` when there are too many. */
  #countMessage(): void {
    if (this.#messages.take(1, this.#options.clock.now())) return;
    throw new FrameliftError(
      'source.protocol',
      `the server sends more than ${MAX_RTSP_MESSAGES_PER_SECOND} messages per second`,
      { recoverable: true, remedy: 'Check the camera, or update its firmware.' },
    );
  }

  /** Nothing piles up for a server that does not read. */
  #write(text: string): void {
    if (this.#closed) return;
    if (this.#socket.writableLength <= MAX_RTSP_UNREAD) {
      this.#socket.write(text);
      return;
    }
    this.#lose(
      new FrameliftError('source.protocol', 'the server does not read what it asks for', {
        recoverable: true,
        remedy: 'Check the camera, or update its firmware.',
      }),
    );
  }

  #lose(error: FrameliftError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#lost = true;
    this.#failPending(error);
    this.#socket.destroy();
    this.#options.lost(error);
  }

  #failPending(error: FrameliftError): void {
    for (const pending of this.#pending.values()) {
      pending.cancelTimer();
      pending.reject(error);
    }
    this.#pending.clear();
  }
}

/** CSeq; undefined when it is missing or no number. Where it is repeated the first counts. */
function sequenceOf({ headers }: RtspResponse | RtspServerRequest): number | undefined {
  const match = /^(\d{1,9})(?:\n|$)/.exec(headers.get('cseq') ?? '');
  return match ? Number(match[1]) : undefined;
}

function lostConnection(cause: unknown): FrameliftError {
  const code = errorCode(cause);
  return unreachable(`the connection was lost${code ? ` (${code})` : ''}`, cause);
}

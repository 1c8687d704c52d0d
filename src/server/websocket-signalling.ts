/**
 * Signalling over a WebSocket: a player offers, both sides trickle their candidates
 * (docs/signalling.md). One for each socket; the socket itself is elsewhere.
 */
import { z } from 'zod';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type CancelTimer, type Clock, fromMs, plus } from '../time.ts';
import type { PeerSession } from '../webrtc/endpoint.ts';
import type { IceServer } from '../webrtc/ice-servers.ts';
import { isUsable } from '../webrtc/remote-transport.ts';
import { sessionId, tell } from '../webrtc/resource.ts';
import { candidateTarget } from '../webrtc/sdp-answer.ts';
import type { CandidateSink } from '../webrtc/transport.ts';

/** Sessions of one socket, those being set up included. */
const MAX_SESSIONS = 8;
/**
 * Sessions of a socket that broke live on for so long: a player that reconnects and offers again
 * keeps its video.
 */
const GRACE = fromMs(10_000);

/** Lets players in. */
export interface PlayerGate {
  /**
   * By an SDP offer that came from `address`; `trickle` takes our candidates, which the answer lacks.
   * @throws FrameliftError `webrtc.*`.
   */
  join(
    stream: string,
    variant: string | undefined,
    offer: string,
    trickle: CandidateSink,
    address?: string,
  ): Promise<PeerSession>;
  /** STUN and TURN servers that players are told of. */
  iceServers(): readonly IceServer[];
}

/** What {@link WebSocketSignalling} works with. */
export interface WebSocketSignallingDeps {
  readonly gate: PlayerGate;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the socket came from. */
  readonly address?: string | undefined;
  /** Sends a message to the player; nothing once the socket is closed. */
  readonly send: (message: object) => void;
}

const name = z.string().min(1).max(64);
const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ice-servers'), id: name }),
  z.object({
    type: z.literal('offer'),
    id: name,
    stream: name,
    variant: z.string().max(64).optional(),
    sdp: z.string().min(1).max(131_072),
  }),
  z.object({ type: z.literal('candidate'), session: name, candidate: z.string().max(1000) }),
  z.object({ type: z.literal('end-of-candidates'), session: name }),
  z.object({ type: z.literal('close'), session: name }),
]);
type Message = z.output<typeof messageSchema>;
type Offer = Extract<Message, { type: 'offer' }>;

/** What a message names, repeated in an error. */
const nameSchema = z.object({ id: name.optional().catch(undefined), session: name.optional().catch(undefined) });

/** The sessions of one socket. Capacity: 8; policy: another one is refused. */
export class WebSocketSignalling {
  readonly #deps: WebSocketSignallingDeps;
  readonly #sessions = new Map<string, PeerSession>();
  #opening = 0;
  #gone = false;
  #cancelGrace: CancelTimer = () => {};

  constructor(deps: WebSocketSignallingDeps) {
    this.#deps = deps;
  }

  /** Sessions open now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Acts on a message. Never rejects: what is wrong is told. */
  async receive(text: string): Promise<void> {
    const value = parsed(text);
    try {
      await this.#act(value);
    } catch (thrown) {
      const error = asFrameliftError(thrown, 'server.failed');
      const { code, message, remedy, retryAfter } = tell(error);
      const { log } = this.#deps;
      // Faults of ours are not told: they have to be in the log at least.
      if (code === 'server.failed') log.warn({ err: error }, 'signalling failed');
      else log.debug({ code, reason: message }, 'signalling message refused');
      const named = nameSchema.safeParse(value).data;
      this.#deps.send({ type: 'error', ...named, code, message, remedy, retryAfter });
    }
  }

  /** The socket is gone. @param goodbye the player closed it: its sessions end at once. */
  close(goodbye: boolean): void {
    this.#gone = true;
    const { clock } = this.#deps;
    if (goodbye) this.#endAll();
    else if (this.#sessions.size > 0) this.#cancelGrace = clock.at(plus(clock.now(), GRACE), () => this.#endAll());
  }

  async #act(value: unknown): Promise<void> {
    const found = messageSchema.safeParse(value);
    if (!found.success) {
      throw new FrameliftError('webrtc.bad-message', z.prettifyError(found.error), {
        remedy: 'Send one JSON object of the types that docs/signalling.md lists.',
      });
    }
    const message = found.data;
    if (message.type === 'offer') return this.#join(message);
    if (message.type === 'ice-servers') {
      const { id } = message;
      this.#deps.send({ type: 'ice-servers', id, iceServers: this.#deps.gate.iceServers() });
      return;
    }
    const peer = this.#sessions.get(message.session);
    if (!peer)
      throw new FrameliftError('webrtc.no-session', 'there is no such session', { remedy: 'Send a new offer.' });
    if (message.type === 'close') await peer.close();
    else if (message.type === 'candidate') {
      const candidate = message.candidate.replace(/^candidate:/, '');
      if (isUsable(candidate)) peer.addCandidate(candidate);
    }
  }

  async #join({ id, stream, variant, sdp }: Offer): Promise<void> {
    if (this.#sessions.size + this.#opening >= MAX_SESSIONS) {
      throw new FrameliftError('webrtc.overloaded', `this socket has ${MAX_SESSIONS} sessions already`, {
        recoverable: true,
        remedy: 'Close one of them.',
      });
    }
    // Candidates may be found before the answer is out, which names their session.
    const early: (string | undefined)[] = [];
    let take: CandidateSink = (candidate) => void early.push(candidate);
    this.#opening += 1;
    const peer = await this.#deps.gate
      .join(stream, variant, sdp, (candidate) => take(candidate), this.#deps.address)
      .finally(() => {
        this.#opening -= 1;
      });
    const session = sessionId();
    this.#keep(session, peer);
    const { send } = this.#deps;
    send({ type: 'answer', id, session, sdp: peer.answer });
    const target = candidateTarget(peer.answer);
    take = (candidate) => {
      if (candidate === undefined) send({ type: 'end-of-candidates', session });
      else send({ type: 'candidate', session, candidate: `candidate:${candidate}`, ...target });
    };
    for (const candidate of early) take(candidate);
    if (this.#gone) await peer.close();
  }

  #keep(session: string, peer: PeerSession): void {
    this.#sessions.set(session, peer);
    void peer.ended.then((reason) => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#cancelGrace();
      this.#deps.send({ type: 'close', session, reason });
    });
  }

  #endAll(): void {
    for (const peer of this.#sessions.values()) void peer.close();
  }
}

/** The value of a JSON text; undefined when it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

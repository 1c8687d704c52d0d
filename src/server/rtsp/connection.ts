/** One RTSP client: its requests answered, one session at most, its time and its memory bounded. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type ParameterSets, parameterSetsOf } from '../../egress/codec/parameter-sets.ts';
import type { Publication } from '../../egress/publication.ts';
import { asFrameliftError } from '../../errors.ts';
import { plainAddress } from '../../fair-share.ts';
import { RtspParser, type RtspServerRequest } from '../../ingest/rtsp/message.ts';
import type { Log } from '../../log.ts';
import type { EventSink, Variant } from '../../metrics/events.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, minus, plus } from '../../time.ts';
import { TokenBucket } from '../../token-bucket.ts';
import type { Access } from '../auth.ts';
import { denied } from './credentials.ts';
import { describeSession, TRACKS } from './description.ts';
import { type Lane, Reader } from './reader.ts';
import { type AskedTransport, chooseTransport, describeTransport } from './transport.ts';
import type { UdpPorts } from './udp.ts';

/** What a connection works with. */
export interface ConnectionDeps {
  readonly access: Access;
  readonly find: (stream: string, variant: Variant) => Publication | undefined;
  readonly udp: UdpPorts | undefined;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
  /** A session plays, or does no more. */
  readonly onPlaying: (stream: string, variant: Variant, playing: boolean) => void;
}

/** Bytes of a request's body: nobody has to tell us more than a parameter's name. */
const MAX_BODY = 4096;
const REQUESTS = { perSecond: 20, capacity: 60 };
/** Wrong credentials after which a connection is closed. */
const MAX_REFUSALS = 5;
/** Bytes that may wait in a socket: a second and more of any usual stream. Who reads more slowly is cut off. */
const MAX_UNREAD = 4 << 20;
/** Without a session, and then without a sign of life. */
const IDLE_TIMEOUT = fromMs(15_000);
const SESSION_SECONDS = 60;
const LOOK_INTERVAL = fromMs(1000);
/** So long a description waits for the first keyframe. */
const DESCRIBE_TIMEOUT = fromMs(8000);
const METHODS = 'OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER';
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  459: 'Aggregate Operation Not Allowed',
  461: 'Unsupported Transport',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  551: 'Option not supported',
};

type Headers = Readonly<Record<string, string>>;
interface Answer {
  readonly status: number;
  readonly headers?: Headers;
  readonly body?: string;
}

/** What a URL names. */
interface Target {
  readonly stream: string;
  readonly variant: Variant;
  readonly publication: Publication;
}

interface Session {
  readonly id: string;
  readonly target: Target;
  readonly reader: Reader;
  /** Undone with the session. */
  readonly release: (() => void)[];
  readonly lower: 'tcp' | 'udp';
}

/** A connection; it ends with its socket. */
export class RtspServerConnection {
  readonly #socket: Socket;
  readonly #deps: ConnectionDeps;
  readonly #requests = new TokenBucket(REQUESTS);
  readonly #stop = new AbortController();
  #answering: Promise<void> = Promise.resolve();
  #session: Session | undefined;
  #refusals = 0;
  #seenAt: Micros;
  #cancelLook: CancelTimer = () => {};

  constructor(socket: Socket, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#seenAt = deps.clock.now();
    const parser = new RtspParser(
      {
        request: (request) => this.#take(request),
        response: () => {},
        // RTCP of a reader, interleaved.
        packet: (_channel, bytes) => this.#report(bytes),
      },
      MAX_BODY,
    );
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      try {
        parser.push(chunk);
      } catch (thrown) {
        this.#end(asFrameliftError(thrown, 'source.protocol').message.replace('the server', 'the client'));
      }
    });
    socket.once('close', () => this.#closed());
    this.#look();
  }

  /** Ends it. Twice is harmless. */
  close(): void {
    this.#socket.destroy();
  }

  /** One after the other, and not more than anybody needs. */
  #take(request: RtspServerRequest): void {
    if (request.uri !== '*' && !/^rtsp:\/\//i.test(request.uri)) {
      this.#end('the client speaks no RTSP');
      return;
    }
    if (!this.#requests.take(1, this.#deps.clock.now())) {
      this.#end('too many requests');
      return;
    }
    this.#seenAt = this.#deps.clock.now();
    this.#answering = this.#answering.then(async () => {
      if (this.#stop.signal.aborted) return;
      const answer = await this.#answer(request).catch((): Answer => ({ status: 503 }));
      this.#send(request, answer);
    });
  }

  async #answer(request: RtspServerRequest): Promise<Answer> {
    const { method, headers } = request;
    if (method === 'OPTIONS') return { status: 200, headers: { Public: METHODS } };
    if (headers.has('require')) return { status: 551, headers: { Unsupported: oneLine(headers.get('require')) } };
    const refusal = denied(this.#deps.access, headers);
    if (refusal !== undefined) return this.#refuse();
    switch (method) {
      case 'DESCRIBE':
        return this.#describe(request);
      case 'SETUP':
        return this.#setUp(request);
      case 'PLAY':
      case 'PAUSE':
      case 'TEARDOWN':
        return this.#control(request);
      case 'GET_PARAMETER':
      case 'SET_PARAMETER':
        return this.#named(request) ? { status: 200, headers: this.#sessionField() } : { status: 454 };
      case 'ANNOUNCE':
      case 'RECORD':
        return { status: 405, headers: { Allow: METHODS } };
      default:
        return { status: 501, headers: { Public: METHODS } };
    }
  }

  #refuse(): Answer {
    this.#refusals += 1;
    if (this.#refusals >= MAX_REFUSALS) this.#socket.end();
    return { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="framelift"' } };
  }

  async #describe({ uri }: RtspServerRequest): Promise<Answer> {
    const target = this.#target(uri);
    if (!target) return { status: 404 };
    const sets = await this.#firstSets(target.publication);
    if (!sets) return { status: 503, headers: { 'Retry-After': '2' } };
    const sound = target.publication.sound.codec;
    const body = describeSession({ name: target.stream, sets, sound }, randomBytes(4).readUInt32BE());
    const base = uri.endsWith('/') ? uri : `${uri}/`;
    return { status: 200, headers: { 'Content-Type': 'application/sdp', 'Content-Base': base }, body };
  }

  /** What decoders need to know beforehand is in the next keyframe. */
  async #firstSets(publication: Publication): Promise<ParameterSets | undefined> {
    const { clock } = this.#deps;
    const { signal } = this.#stop;
    const found = Promise.withResolvers<ParameterSets | undefined>();
    const give = (): void => found.resolve(undefined);
    const cancel = clock.at(plus(clock.now(), DESCRIBE_TIMEOUT), give);
    signal.addEventListener('abort', give);
    const following = publication.follow({
      take: ({ keyframe, data }) => {
        const sets = keyframe ? parameterSetsOf(data) : undefined;
        if (sets) found.resolve(sets);
      },
      takeSound: () => {},
    });
    try {
      return await found.promise;
    } finally {
      following[Symbol.dispose]();
      signal.removeEventListener('abort', give);
      cancel();
    }
  }

  #setUp(request: RtspServerRequest): Answer {
    const { uri, headers } = request;
    if (headers.has('session') && !this.#named(request)) return { status: 454 };
    if (this.#session?.reader.playing) return { status: 455 };
    const index = uri.includes(TRACKS[1]) ? 1 : 0;
    const target = this.#session?.target ?? this.#target(uri);
    if (!target) return { status: 404 };
    const chosen = chooseTransport(headers.get('transport') ?? '', 2 * index);
    if (!chosen || (chosen.lower === 'udp' && !this.#deps.udp)) return { status: 461 };
    const session = this.#session ?? this.#begin(target, chosen.lower);
    if (session.lower !== chosen.lower) return { status: 461 };
    if (!session.reader.setUp(index, this.#laneOf(chosen, session))) return { status: 404 };
    const ssrc = session.reader.tracks[index]?.ssrc ?? 0;
    const transport = describeTransport(chosen, ssrc, this.#deps.udp?.ports ?? [0, 0]);
    return { status: 200, headers: { ...this.#sessionField(), Transport: transport } };
  }

  #begin(target: Target, lower: 'tcp' | 'udp'): Session {
    const { clock, events } = this.#deps;
    const { stream, variant, publication } = target;
    const sound = publication.sound.codec;
    const reader = new Reader({ stream, variant, publication, sound, clock, events, cname: randomUUID() });
    this.#session = { id: randomBytes(12).toString('hex'), target, reader, lower, release: [] };
    return this.#session;
  }

  #laneOf(chosen: AskedTransport, { release }: Session): Lane {
    if (chosen.lower === 'tcp') {
      const [rtp, rtcp] = chosen.channels;
      return { rtp: (packet) => this.#interleave(rtp, packet), rtcp: (packet) => this.#interleave(rtcp, packet) };
    }
    const { udp } = this.#deps;
    // To where the connection comes from, and nowhere else.
    const address = plainAddress(this.#socket.remoteAddress ?? '');
    const [rtp, rtcp] = chosen.ports;
    if (udp) release.push(udp.listen(address, rtcp, (bytes) => this.#report(bytes)));
    return {
      rtp: (packet) => udp?.rtp(packet, address, rtp),
      rtcp: (packet) => udp?.rtcp(packet, address, rtcp),
    };
  }

  #control(request: RtspServerRequest): Answer {
    const session = this.#session;
    if (!session || !this.#named(request)) return { status: 454 };
    const { reader } = session;
    const headers = this.#sessionField();
    if (request.method === 'TEARDOWN') {
      this.#endSession('the reader has left');
      return { status: 200, headers };
    }
    if (request.method === 'PAUSE') {
      this.#playing(session, () => reader.pause());
      return { status: 200, headers };
    }
    if (!reader.ready) return { status: 455 };
    // Packets behind the answer that announces them.
    this.#deps.clock.at(this.#deps.clock.now(), () => {
      if (this.#session === session) this.#playing(session, () => reader.play());
    });
    return { status: 200, headers: { ...headers, Range: 'npt=now-', 'RTP-Info': infoOf(request.uri, reader) } };
  }

  #playing({ target: { stream, variant }, reader }: Session, change: () => void): void {
    const before = reader.playing;
    change();
    if (reader.playing !== before) this.#deps.onPlaying(stream, variant, reader.playing);
  }

  #target(uri: string): Target | undefined {
    const [, path = '', query = ''] = /^rtsp:\/\/[^/?]*\/([^/?]{1,64})\/?[^?]*(?:\?(.{0,200}))?$/i.exec(uri) ?? [];
    // Tracks may be named behind the query: "?variant=source/trackID=0".
    const wanted = new URLSearchParams(query.replace(/\/.*$/, '')).get('variant') ?? 'upconverted';
    if (wanted !== 'upconverted' && wanted !== 'source') return undefined;
    const publication = this.#deps.find(path, wanted);
    return publication && { stream: path, variant: wanted, publication };
  }

  #named({ headers }: RtspServerRequest): boolean {
    const given = headers.get('session')?.split(';', 1)[0]?.trim();
    return given === undefined || given === this.#session?.id;
  }

  #sessionField(): Headers {
    return this.#session ? { Session: `${this.#session.id};timeout=${SESSION_SECONDS}` } : {};
  }

  /** A reader lives, and may have lost something (RFC 4585: payload-specific feedback, 1: picture loss). */
  #report(bytes: Uint8Array): void {
    this.#seenAt = this.#deps.clock.now();
    for (let at = 0; at + 4 <= bytes.length; ) {
      const [first = 0, type, high = 0, low = 0] = bytes.subarray(at, at + 4);
      if (type === 206 && (first & 31) === 1) this.#session?.reader.requestKeyframe();
      at += 4 * (high * 256 + low + 1);
    }
  }

  #interleave(channel: number, packet: Buffer): void {
    if (this.#stop.signal.aborted) return;
    const head = Buffer.of(0x24, channel, packet.length >> 8, packet.length & 255);
    this.#socket.write(Buffer.concat([head, packet]), () => {
      // It was taken: somebody reads.
      this.#seenAt = this.#deps.clock.now();
    });
    if (this.#socket.writableLength > MAX_UNREAD) this.#end('it reads more slowly than it is sent');
  }

  #send({ headers }: RtspServerRequest, { status, headers: more = {}, body = '' }: Answer): void {
    if (this.#stop.signal.aborted) return;
    const lines = [`RTSP/1.0 ${status} ${REASONS[status] ?? ''}`, `CSeq: ${oneLine(headers.get('cseq'))}`];
    lines.push('Server: framelift', ...Object.entries(more).map(([name, value]) => `${name}: ${value}`));
    if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  }

  /** Who is silent is gone. */
  #look(): void {
    const { clock } = this.#deps;
    const now = clock.now();
    const limit = this.#session ? fromMs(SESSION_SECONDS * 1000) : IDLE_TIMEOUT;
    const { stream, variant, publication } = this.#session?.target ?? {};
    if (minus(now, this.#seenAt) > limit) this.#end('silent');
    // Readers by UDP would go on reporting on a stream that is gone.
    else if (stream && variant && this.#deps.find(stream, variant) !== publication) this.#end('the stream has ended');
    else this.#cancelLook = clock.at(plus(now, LOOK_INTERVAL), () => this.#look());
  }

  #end(reason: string): void {
    if (this.#stop.signal.aborted) return;
    const from = plainAddress(this.#socket.remoteAddress ?? '');
    this.#deps.log.info({ from, stream: this.#session?.target.stream, reason }, `RTSP reader cut off: ${reason}`);
    this.#socket.destroy();
    this.#closed();
  }

  #closed(): void {
    this.#stop.abort();
    this.#cancelLook();
    this.#endSession('the connection was closed');
  }

  #endSession(reason: string): void {
    const session = this.#session;
    if (!session) return;
    this.#session = undefined;
    this.#playing(session, () => session.reader.pause());
    for (const release of session.release) release();
    this.#deps.log.debug({ stream: session.target.stream, reason }, 'RTSP session ended');
  }
}

/** Without time: the first packet is not made yet. */
function infoOf(uri: string, { tracks }: Reader): string {
  const base = uri.endsWith('/') ? uri : `${uri}/`;
  return tracks
    .flatMap((track, index) => (track ? [`url=${base}${TRACKS[index]};seq=${track.sequence}`] : []))
    .join(',');
}

/** A client's words as they may stand in an answer. */
function oneLine(text = ''): string {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, 64);
}

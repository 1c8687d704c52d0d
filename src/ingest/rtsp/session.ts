/** An RTSP session that plays one video track, and the sound beside it: DESCRIBE, SETUP, PLAY, keep-alive, TEARDOWN. */
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { type CancelTimer, fromMs, micros, plus, toMs } from '../../time.ts';
import type { SoundTrack } from '../audio/track.ts';
import type { RtspConnection } from './connection.ts';
import { type Described, type DescribeOptions, describe, serverAddress } from './describe.ts';
import type { RtspResponse } from './message.ts';
import type { VideoTrack } from './sdp.ts';
import { SoundChannel, type SoundHandlers } from './sound-channel.ts';
import { expectOk } from './status.ts';
import { type Channels, isRtcp, parseTransport, sourceAddress, type TransportAnswer } from './transport.ts';
import { UdpPair } from './udp.ts';
import { controlUrl, sessionId, sessionTimeout } from './url.ts';

/** How long stopping waits for the answer to TEARDOWN. */
const TEARDOWN_TIMEOUT = fromMs(300);

/** Channels that we ask for: what holds where a server says nothing that can be. */
const ASKED_CHANNELS: Channels = { rtp: 0, rtcp: 1 };
/** Options of {@link RtspSession.open}. */
export interface RtspSessionOptions extends Omit<DescribeOptions, 'packet'> {
  readonly rtp: (bytes: Uint8Array) => void;
  readonly rtcp: (bytes: Uint8Array) => void;
  /** Takes the packets of the sound; absent: it is not asked for. */
  readonly sound?: SoundHandlers | undefined;
  /** Interleaved packets of channels that nobody spoke of. */
  readonly stray: (bytes: Uint8Array) => void;
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
  readonly #sound: SoundChannel | undefined;
  #channels = ASKED_CHANNELS;
  #ssrc: number | undefined;
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
    const { base, connection, sound } = described;
    if (options.sound && sound && 'track' in sound) {
      this.#sound = new SoundChannel(sound.track, controlUrl(base, sound.track.control), connection, options.sound);
    } else if (options.sound && sound && 'untaken' in sound) {
      options.log.warn({}, `the source's sound is not taken, its picture is: ${sound.untaken}`);
    }
  }

  /** Connects, finds the video track and sets it up. @throws FrameliftError with the reason. */
  static async open(options: RtspSessionOptions, signal: AbortSignal): Promise<RtspSession> {
    let session: RtspSession | undefined;
    const packet = (channel: number, bytes: Uint8Array) => {
      if (session) session.#interleaved(channel, bytes);
    };
    const described = await describe({ ...options, packet }, signal);
    session = new RtspSession(options, described);
    const abort = () => described.connection.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await session.#setup(options.transport);
      await session.#sound?.setUp(session.#udp !== undefined, session.#channels, options.log);
      signal.throwIfAborted();
      return session;
    } catch (error) {
      session.#sound?.close();
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

  /** The sound that is played beside the video; undefined: none. */
  get sound(): SoundTrack | undefined {
    return this.#sound?.ready ? this.#sound.track : undefined;
  }

  /** Packets may be lost or swapped on the way. */
  get unreliable(): boolean {
    return this.#udp !== undefined;
  }

  /** The sender that the server announced, if it did. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /**
   * Starts the flow of packets and the keep-alive; closes the session on abort.
   * @throws FrameliftError with the reason.
   */
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
        await this.#sound?.playAlone(range);
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
    else if (this.#channels.rtcp !== undefined) this.#connection.sendPacket(this.#channels.rtcp, bytes);
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
    const cancel = clock.at(plus(clock.now(), TEARDOWN_TIMEOUT), resolve);
    const teardown = this.#connection.request('TEARDOWN', this.#aggregateUrl).then(
      () => {},
      () => {},
    );
    await Promise.race([teardown, late]);
    cancel();
    this.#sound?.close();
    this.#udp?.close();
    this.#connection.close();
  }

  async #setup(transport: 'tcp' | 'udp'): Promise<void> {
    const response = transport === 'udp' ? await this.#setupUdp() : await this.#setupTcp();
    if (response.status === 461 && transport === 'udp') {
      this.#options.log.debug({}, 'the server refuses UDP: trying TCP');
      this.#udp?.close();
      this.#udp = undefined;
      await this.#setup('tcp');
      return;
    }
    expectOk(response, 'SETUP');
    const session = response.headers.get('session');
    this.#connection.session = sessionId(session);
    this.#timeout = sessionTimeout(session);
    this.#route(parseTransport(response.headers.get('transport')));
  }

  /** Where packets come from, by the Transport field of the answer to SETUP. */
  #route(answer: TransportAnswer): void {
    this.#ssrc = answer.ssrc;
    if (this.#udp && answer.lower === 'tcp') {
      this.#options.log.debug({}, 'the server chooses TCP');
      this.#udp.close();
      this.#udp = undefined;
    }
    if (!this.#udp && answer.lower === 'udp') {
      throw new FrameliftError('source.protocol', 'the server was asked for TCP and chooses UDP', {
        remedy: 'Set transport to udp.',
      });
    }
    const { transport } = this;
    const timeoutMs = toMs(this.#timeout);
    if (!this.#udp) {
      this.#channels = answer.channels ?? ASKED_CHANNELS;
      this.#options.log.debug(
        { transport, channels: [this.#channels.rtp, this.#channels.rtcp], timeoutMs },
        'transport chosen',
      );
      return;
    }
    const { serverPorts } = answer;
    const sender = sourceAddress(answer, this.#options.guard.beyond([serverAddress(this.#connection)]));
    this.#udp.punch(sender, serverPorts);
    const { port } = this.#udp;
    const ports = { clientPorts: [port, port + 1], serverPorts, sender };
    this.#options.log.debug({ transport, ...ports, timeoutMs }, 'transport chosen');
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
    const { rtp, rtcp } = this.#channels;
    if (channel === rtp && !(rtp === rtcp && isRtcp(bytes))) this.#options.rtp(bytes);
    else if (channel === rtcp) this.#options.rtcp(bytes);
    else if (!this.#sound?.interleaved(channel, bytes)) this.#options.stray(bytes);
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

  /**
   * Only a session that the server has forgotten is an error: media that flows is proof enough of
   * life.
   */
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

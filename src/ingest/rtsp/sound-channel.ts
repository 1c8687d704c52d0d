/**
 * The second track of an RTSP session, its sound: SETUP and where its packets come. A server that refuses
 * it is played without.
 */
import type { SoundTrack } from '../audio/track.ts';
import type { SourceLog } from '../source-log.ts';
import type { RtspConnection } from './connection.ts';
import { serverAddress } from './describe.ts';
import type { RtspResponse } from './message.ts';
import { type Channels, isRtcp, parseTransport } from './transport.ts';
import { UdpPair } from './udp.ts';

/** Who takes the packets of the sound. */
export interface SoundHandlers {
  readonly rtp: (bytes: Uint8Array) => void;
  readonly rtcp: (bytes: Uint8Array) => void;
  /** Told whether the session outlived asking for it. */
  readonly settled: (lived: boolean) => void;
}

/** The sound of one session. */
export class SoundChannel {
  readonly track: SoundTrack;
  readonly #url: string;
  readonly #connection: RtspConnection;
  readonly #handlers: SoundHandlers;
  #udp: UdpPair | undefined;
  #channels: Channels | undefined;

  constructor(track: SoundTrack, url: string, connection: RtspConnection, handlers: SoundHandlers) {
    this.track = track;
    this.#url = url;
    this.#connection = connection;
    this.#handlers = handlers;
  }

  /** True once the server has said yes. */
  get ready(): boolean {
    return this.#udp !== undefined || this.#channels !== undefined;
  }

  /**
   * Asks for the sound, by the way that the video takes. A refusal is told, and no more.
   * @throws FrameliftError when the connection is lost over it.
   */
  async setUp(overUdp: boolean, video: Channels, log: SourceLog): Promise<void> {
    const asked = freeChannels(video);
    const response = await this.#ask(overUdp, asked);
    const answer = parseTransport(response.headers.get('transport'));
    const { lower, channels, serverPorts } = answer;
    if (response.status !== 200 || (lower !== undefined && lower !== (overUdp ? 'udp' : 'tcp'))) {
      this.close();
      const { status, reason } = response;
      log.warn({ status, reason }, `the server refuses the sound (SETUP: ${status}): its picture is played without`);
      return;
    }
    if (overUdp) this.#udp?.punch(undefined, serverPorts);
    else this.#channels = channels ?? asked;
    const { codec, clockRate, channels: count } = this.track;
    log.debug({ codec, clockRate, channels: count }, 'sound set up');
  }

  /** For servers that play each track by itself. What they say to it does not matter. */
  async playAlone(headers: Readonly<Record<string, string>>): Promise<void> {
    if (this.ready) await this.#connection.request('PLAY', this.#url, headers).catch(() => {});
  }

  /** Takes an interleaved packet; false when it is not the sound's. */
  interleaved(channel: number, bytes: Uint8Array): boolean {
    const { rtp, rtcp } = this.#channels ?? {};
    if (channel === rtp && !(rtp === rtcp && isRtcp(bytes))) this.#handlers.rtp(bytes);
    else if (channel === rtcp) this.#handlers.rtcp(bytes);
    else return false;
    return true;
  }

  /** Closes its sockets. Closing twice is harmless. */
  close(): void {
    this.#udp?.close();
    this.#udp = undefined;
    this.#channels = undefined;
  }

  async #ask(overUdp: boolean, channels: Channels): Promise<RtspResponse> {
    try {
      const response = await (overUdp ? this.#setUpUdp() : this.#setUpTcp(channels));
      this.#handlers.settled(true);
      return response;
    } catch (error) {
      this.#handlers.settled(false);
      throw error;
    }
  }

  #setUpTcp({ rtp, rtcp }: Channels): Promise<RtspResponse> {
    return this.#connection.request('SETUP', this.#url, {
      Transport: `RTP/AVP/TCP;unicast;interleaved=${rtp}-${rtcp}`,
    });
  }

  async #setUpUdp(): Promise<RtspResponse> {
    this.#udp = await UdpPair.open({ server: serverAddress(this.#connection), ...this.#handlers });
    const { port } = this.#udp;
    return this.#connection.request('SETUP', this.#url, {
      Transport: `RTP/AVP;unicast;client_port=${port}-${port + 1}`,
    });
  }
}

/** Two channels that the video does not use. */
function freeChannels({ rtp, rtcp = rtp }: Channels): Channels {
  const first = Math.max(rtp, rtcp) + 1;
  return first + 1 <= 255 ? { rtp: first, rtcp: first + 1 } : { rtp: 0, rtcp: 1 };
}

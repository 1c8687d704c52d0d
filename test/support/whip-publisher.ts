/**
 * A WHIP publisher for tests: it sends access units as RTP, from a sequence number of the test's
 * choice, and answers NACK and PLI.
 */
import {
  GenericNack,
  PictureLossIndication,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RTCRtpHeaderExtensionParameters,
  type RTCRtpTransceiver,
  RtcpPayloadSpecificFeedback,
  RtcpRrPacket,
  RtcpTransportLayerFeedback,
  RtpHeader,
  TransportWideCC,
  Vp8Packetizer,
} from 'werift';
import { PUBLISHER_EXTENSIONS } from '../../src/ingest/whip/offer.ts';
import { mendRollover } from '../../src/webrtc/transport.ts';
import { cutAtDelimiters, encodeIvf, encodeTestPicture } from './coded.ts';
import type { ImpairedPath } from './impair.ts';
import type { Clip } from './odd-camera.ts';
import { packetize } from './rtp.ts';
import { bearer, TOKENS } from './tokens.ts';

/** An access unit, as payloads. */
export interface CodedUnit {
  readonly payloads: readonly Uint8Array[];
  readonly keyframe: boolean;
  /** Frames that are shown between the one sent in its place and it. Default 0: sent as shown. */
  readonly later?: number;
}

const GOP = 15;
/** Of RTP's clock, at 30 frames a second. */
const FRAME_TICKS = 3000;

/** `frames` access units of ffmpeg's test picture as H.264, a keyframe every half second. */
export function h264Units(size: string, frames: number, args: string[] = []): CodedUnit[] {
  const coded = encodeTestPicture('libx264', size, frames, [
    ...['-pix_fmt', 'yuv420p', '-g', `${GOP}`, '-bf', '0', '-tune', 'zerolatency', '-b:v', '2M', ...args],
  ]);
  return cutAtDelimiters(coded, 'h264').map((unit, index) => ({
    payloads: packetize([unit], 'h264', { mtu: 1100 }).map(({ payload }) => payload),
    keyframe: index % GOP === 0,
  }));
}

/** A clip with B-frames, in the order in which it is coded. */
export function reorderedUnits({ units, order }: Clip): CodedUnit[] {
  return units.map((unit, index) => ({
    payloads: packetize([unit], 'h264', { mtu: 1100 }).map(({ payload }) => payload),
    keyframe: index % 25 === 0,
    later: (order[index] ?? index) - index,
  }));
}

/** The same as VP8. */
export function vp8Units(size: string, frames: number): CodedUnit[] {
  const packetizer = new Vp8Packetizer({ maxPayloadSize: 1100 });
  return encodeIvf('libvpx', size, frames, ['-g', `${GOP}`, '-b:v', '2M']).map((frame) => ({
    payloads: packetizer.packetize(Buffer.from(frame), 0).map(({ payload }) => payload),
    keyframe: ((frame[0] ?? 1) & 1) === 0,
  }));
}

/** Options of {@link WhipPublisher.publish}. */
export interface PublishOptions {
  readonly codec: 'H264' | 'VP8';
  readonly units: readonly CodedUnit[];
  /** The network between publisher and server. */
  readonly path?: ImpairedPath;
  /** First sequence number. Default 0. */
  readonly sequence?: number;
  /** False: no NACK is offered. Default true. */
  readonly nack?: boolean;
  /** Its role in DTLS, as offered. Default `actpass`. */
  readonly setup?: string;
}

/** A publisher that is connected. */
export class WhipPublisher implements AsyncDisposable {
  /** What it was asked for. */
  readonly asked = { packets: 0, keyframes: 0, reports: 0, arrivals: 0 };
  /** Access units sent. */
  units = 0;
  /** Full URL of its session. */
  readonly resource: string;
  /** The server's, as it came. */
  readonly answer: string;
  readonly #pc: RTCPeerConnection;
  readonly #transceiver: RTCRtpTransceiver;
  readonly #options: PublishOptions;
  readonly #sent = new Map<number, { readonly payload: Buffer; readonly header: RtpHeader }>();
  readonly #timestamp = 2 ** 32 - 90_000;
  #sequence: number;
  #transport = 0;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  #dropping = 0;

  private constructor(
    pc: RTCPeerConnection,
    transceiver: RTCRtpTransceiver,
    options: PublishOptions,
    { resource, answer }: { readonly resource: string; readonly answer: string },
  ) {
    this.#pc = pc;
    this.#transceiver = transceiver;
    this.#options = options;
    this.#sequence = options.sequence ?? 0;
    this.resource = resource;
    this.answer = answer;
    transceiver.dtlsTransport.onRtcp.subscribe((packet) => this.#onRtcp(packet));
  }

  /**
   * Posts an offer to `url` and waits until media can flow.
   * @throws Error with status and body when it is refused.
   */
  static async publish(url: string, options: PublishOptions): Promise<WhipPublisher> {
    const nack = options.nack === false ? [] : [{ type: 'nack' }];
    const parameters = options.codec === 'H264' ? 'packetization-mode=1;profile-level-id=42e01f' : undefined;
    const pc = new RTCPeerConnection({
      codecs: {
        video: [
          new RTCRtpCodecParameters({
            mimeType: `video/${options.codec}`,
            clockRate: 90_000,
            rtcpFeedback: [...nack, { type: 'nack', parameter: 'pli' }, { type: 'transport-cc' }],
            ...(parameters === undefined ? {} : { parameters }),
          }),
        ],
      },
      headerExtensions: {
        video: [new RTCRtpHeaderExtensionParameters({ uri: PUBLISHER_EXTENSIONS.transportCc })],
      },
      // Without one werift asks a public STUN server; this one is nobody.
      iceServers: [{ urls: 'stun:127.0.0.1:9' }],
      iceStunGatherTimeout: 0.01,
      iceAdditionalHostAddresses: ['127.0.0.1'],
    });
    const transceiver = pc.addTransceiver('video', { direction: 'sendonly' });
    mendRollover(transceiver.dtlsTransport);
    await pc.setLocalDescription(await pc.createOffer());
    // Only what comes through the path may arrive.
    const offer = (pc.localDescription?.sdp ?? '')
      .replace(/a=candidate:.*\r\n/g, options.path ? '' : '$&')
      .replaceAll('a=setup:actpass', `a=setup:${options.setup ?? 'actpass'}`);
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...bearer(TOKENS.publish) },
      body: offer,
    });
    const answer = await response.text();
    if (response.status !== 201) {
      await pc.close();
      throw new Error(`WHIP refused: ${response.status} ${answer}`);
    }
    const resource = new URL(response.headers.get('Location') ?? '', url).href;
    const publisher = new WhipPublisher(pc, transceiver, options, { resource, answer });
    const connected = new Promise<void>((resolve) => {
      pc.connectionStateChange.subscribe((state) => {
        if (state === 'connected') resolve();
      });
    });
    await pc.setRemoteDescription({ type: 'answer', sdp: options.path?.through(answer) ?? answer });
    await connected;
    return publisher;
  }

  /** Sends 30 access units a second, over and over, until {@link stop}. */
  start(): void {
    const started = performance.now();
    let ticks = 0;
    const tick = (): void => {
      this.#sendUnit(Math.round((performance.now() - started) * 90));
      ticks += 1;
      this.#timer = setTimeout(tick, Math.max(0, started + (ticks * 1000) / 30 - performance.now()));
    };
    tick();
  }

  /** Stops sending; the connection stays. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /**
   * The next `packets` packets are never sent, nor sent again: a burst of loss that nothing mends.
   */
  loseForGood(packets: number): void {
    this.#dropping = packets;
  }

  /** The sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Vanishes without a word. */
  async vanish(): Promise<void> {
    this.stop();
    await this.#transceiver.dtlsTransport.iceTransport.connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#pc.close();
  }

  #sendUnit(ticks: number): void {
    const { units } = this.#options;
    const unit = units[this.#next % units.length];
    this.#next += 1;
    this.units += 1;
    const shown = ticks + (unit?.later ?? 0) * FRAME_TICKS;
    unit?.payloads.forEach((payload, index) => {
      const header = new RtpHeader({
        ssrc: this.#transceiver.sender.ssrc,
        payloadType: this.#transceiver.codecs[0]?.payloadType ?? 96,
        sequenceNumber: this.#sequence,
        timestamp: (this.#timestamp + shown) >>> 0,
        marker: index === unit.payloads.length - 1,
      });
      this.#sequence = (this.#sequence + 1) & 0xffff;
      if (this.#dropping > 0) {
        this.#dropping -= 1;
        return;
      }
      this.#sent.set(header.sequenceNumber, { payload: Buffer.from(payload), header });
      this.#sent.delete((header.sequenceNumber - 2000) & 0xffff);
      this.#send(header.sequenceNumber);
    });
  }

  #send(sequence: number): void {
    const packet = this.#sent.get(sequence);
    if (!packet) return;
    const number = Buffer.alloc(2);
    number.writeUInt16BE(this.#transport);
    this.#transport = (this.#transport + 1) & 0xffff;
    const [id = '1'] = /a=extmap:(\d+) \S*transport-wide-cc/.exec(this.#pc.localDescription?.sdp ?? '')?.slice(1) ?? [];
    packet.header.extensions = [{ id: Number(id), payload: number }];
    packet.header.extension = true;
    void this.#transceiver.dtlsTransport.sendRtp(packet.payload, packet.header);
  }

  #onRtcp(packet: unknown): void {
    if (packet instanceof RtcpRrPacket) this.asked.reports += 1;
    if (packet instanceof RtcpPayloadSpecificFeedback && packet.feedback instanceof PictureLossIndication) {
      this.asked.keyframes += 1;
      const { units } = this.#options;
      while (!units[this.#next % units.length]?.keyframe) this.#next += 1;
    }
    if (!(packet instanceof RtcpTransportLayerFeedback)) return;
    if (packet.feedback instanceof TransportWideCC) this.asked.arrivals += 1;
    if (!(packet.feedback instanceof GenericNack)) return;
    this.asked.packets += packet.feedback.lost.length;
    for (const sequence of packet.feedback.lost) this.#send(sequence & 0xffff);
  }
}

/** A WHEP player without a picture, for tests that speak RTCP: it sees each RTP packet and sends what it is told. */
import { randomBytes } from 'node:crypto';
import {
  GenericNack,
  PictureLossIndication,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RTCRtpHeaderExtensionParameters,
  type RTCRtpTransceiver,
  RtcpHeader,
  RtcpPayloadSpecificFeedback,
  RtcpTransportLayerFeedback,
  type RtpPacket,
} from 'werift';
import { EXTENSIONS } from '../../src/egress/offer.ts';

/** The server gives up earlier. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Connected player. */
export class WhepClient implements AsyncDisposable {
  readonly packets: RtpPacket[] = [];
  /** The server's, as it came. */
  readonly answer: string;
  /** Full URL of its session. */
  readonly resource: string;
  readonly #pc: RTCPeerConnection;
  readonly #transceiver: RTCRtpTransceiver;
  readonly #senderSsrc = randomBytes(4).readUInt32BE(0);

  private constructor(
    pc: RTCPeerConnection,
    transceiver: RTCRtpTransceiver,
    session: { answer: string; resource: string },
  ) {
    this.answer = session.answer;
    this.resource = session.resource;
    this.#pc = pc;
    this.#transceiver = transceiver;
  }

  /**
   * Posts an offer to `url` and waits until media can flow. Each packet goes to `onPacket`, without one to {@link packets}.
   * @param setup its role in DTLS, as offered.
   */
  static async play(
    url: string,
    onPacket?: (packet: RtpPacket) => void,
    headers: Record<string, string> = {},
    setup = 'actpass',
  ): Promise<WhepClient> {
    const feedback = [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'ccm', parameter: 'fir' }];
    const pc = new RTCPeerConnection({
      codecs: {
        video: [
          new RTCRtpCodecParameters({
            mimeType: 'video/H264',
            clockRate: 90_000,
            rtcpFeedback: feedback,
            parameters: 'packetization-mode=1;profile-level-id=42e01f',
          }),
          new RTCRtpCodecParameters({ mimeType: 'video/rtx', clockRate: 90_000 }),
        ],
      },
      headerExtensions: { video: Object.values(EXTENSIONS).map((uri) => new RTCRtpHeaderExtensionParameters({ uri })) },
      // Without one werift asks a public STUN server; this one is nobody.
      iceServers: [{ urls: 'stun:127.0.0.1:9' }],
      iceStunGatherTimeout: 0.01,
      iceAdditionalHostAddresses: ['127.0.0.1'],
    });
    const transceiver = pc.addTransceiver('video', { direction: 'recvonly' });
    await pc.setLocalDescription(await pc.createOffer());
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...headers },
      body: (pc.localDescription?.sdp ?? '').replaceAll('a=setup:actpass', `a=setup:${setup}`),
    });
    const answer = await response.text();
    if (response.status !== 201) throw new Error(`WHEP refused: ${response.status} ${answer}`);
    const resource = new URL(response.headers.get('Location') ?? '', url).href;
    const client = new WhepClient(pc, transceiver, { answer, resource });
    const connected = new Promise<boolean>((resolve) => {
      pc.connectionStateChange.subscribe((state) => {
        if (state === 'connected') resolve(false);
      });
    });
    await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    transceiver.dtlsTransport.onRtp.subscribe(onPacket ?? ((packet) => client.packets.push(packet.clone())));
    const timeout = new Promise<boolean>((resolve) => setTimeout(resolve, CONNECT_TIMEOUT_MS, true).unref());
    if (!(await Promise.race([connected, timeout]))) return client;
    await pc.close();
    throw new Error(`not connected within ${CONNECT_TIMEOUT_MS} ms`);
  }

  /** Picture loss indication for `ssrc`. */
  async sendPli(ssrc: number): Promise<void> {
    const feedback = new PictureLossIndication({ senderSsrc: this.#senderSsrc, mediaSsrc: ssrc });
    await this.#transceiver.dtlsTransport.sendRtcp([new RtcpPayloadSpecificFeedback({ feedback })]);
  }

  /** Negative acknowledgement of packets of `ssrc`. */
  async sendNack(ssrc: number, lost: number[]): Promise<void> {
    const feedback = new GenericNack({
      senderSsrc: this.#senderSsrc,
      mediaSourceSsrc: ssrc,
      lost,
      header: new RtcpHeader({ type: RtcpTransportLayerFeedback.type, count: GenericNack.count, version: 2 }),
    });
    await this.#transceiver.dtlsTransport.sendRtcp([new RtcpTransportLayerFeedback({ feedback })]);
  }

  /** Vanishes without a word, as a machine that loses power does. */
  async vanish(): Promise<void> {
    await this.#transceiver.dtlsTransport.iceTransport.connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pc.close();
  }
}

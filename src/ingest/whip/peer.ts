/**
 * A WebRTC publisher's connection; the only adapter of werift on the way in. Packets come out as
 * they arrive; what is made of them is decided elsewhere.
 */
import { randomBytes } from 'node:crypto';
import {
  GenericNack,
  PacketStatus,
  PictureLossIndication,
  RecvDelta,
  RtcpHeader,
  RtcpPayloadSpecificFeedback,
  RtcpReceiverInfo,
  RtcpRrPacket,
  RtcpSrPacket,
  RtcpTransportLayerFeedback,
  RunLengthChunk,
  TransportWideCC,
  type RtpPacket as WeriftRtpPacket,
} from 'werift';
import { asFrameliftError } from '../../errors.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, plus } from '../../time.ts';
import { openTransport, type PeerTransport, type TransportSettings } from '../../webrtc/transport.ts';
import { TransportWatch } from '../../webrtc/watch.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { parseRtcp, type ReceptionReport, type RtcpEvent } from '../rtp/rtcp.ts';
import { type PublishedVideo, writePublicationAnswer } from './offer.ts';
import { ArrivalLog, type ArrivalReport } from './transport-cc.ts';

/** What a connection tells. */
export interface PeerEvents {
  /** Media can flow. Called once. */
  connected(): void;
  /** A packet of any payload type. */
  packet(packet: RtpPacket): void;
  rtcp(event: RtcpEvent): void;
  /** Called once a second while connected: the report to send, if there is one. */
  report(): ReceptionReport | undefined;
  /**
   * It broke, never came about, or the publisher fell silent. Called at most once, and not after
   * `close`.
   */
  broken(reason: string): void;
}

type Rtcp = Parameters<PeerTransport['dtls']['sendRtcp']>[0][number];

/** Reports of arrival times go out so often: senders adapt to them within a few. */
const ARRIVALS_INTERVAL = fromMs(100);

/** A publisher at the other end of a werift connection. */
export class WhipPeer {
  /** SDP answer with all candidates. */
  readonly answer: string;
  readonly #transport: PeerTransport;
  readonly #video: PublishedVideo;
  readonly #clock: Clock;
  readonly #events: PeerEvents;
  readonly #ownSsrc: number;
  readonly #arrivals = new ArrivalLog();
  readonly #watch: TransportWatch;
  #cancelArrivals: CancelTimer = () => {};
  #mediaSsrc = 0;
  #closing: Promise<void> | undefined;

  private constructor(transport: PeerTransport, video: PublishedVideo, clock: Clock, events: PeerEvents) {
    this.#transport = transport;
    this.#video = video;
    this.#clock = clock;
    this.#events = events;
    this.#ownSsrc = randomBytes(4).readUInt32BE(0);
    this.answer = writePublicationAnswer(video, transport.local, this.#ownSsrc);
    transport.dtls.onRtp.subscribe((packet) => this.#onRtp(packet));
    transport.dtls.onRtcp.subscribe((packet) => {
      transport.heard.at = clock.now();
      if (packet instanceof RtcpSrPacket) for (const event of parseRtcp(packet.serialize())) events.rtcp(event);
    });
    this.#watch = new TransportWatch(
      transport,
      clock,
      { connected: () => this.#onConnected(), broken: (reason) => events.broken(reason) },
      () => this.#report(),
    );
  }

  /**
   * Makes a connection for an offer that was read.
   * @throws FrameliftError `webrtc.bad-offer`, `server.failed`.
   */
  static async open(
    video: PublishedVideo,
    settings: TransportSettings,
    clock: Clock,
    events: PeerEvents,
  ): Promise<WhipPeer> {
    try {
      return new WhipPeer(await openTransport(video.remote, settings, clock), video, clock, events);
    } catch (thrown) {
      throw asFrameliftError(thrown, 'webrtc.bad-offer', false);
    }
  }

  /** Asks for packets of `ssrc` again. */
  requestPackets(ssrc: number, lost: readonly number[]): void {
    const header = new RtcpHeader({ type: RtcpTransportLayerFeedback.type, count: GenericNack.count, version: 2 });
    const feedback = new GenericNack({ header, senderSsrc: this.#ownSsrc, mediaSourceSsrc: ssrc, lost: [...lost] });
    this.#send(new RtcpTransportLayerFeedback({ feedback }), 'NACK', { ssrc, lost });
  }

  /** Asks the sender of `ssrc` for a keyframe. */
  requestKeyframe(ssrc: number): void {
    const feedback = new PictureLossIndication({ senderSsrc: this.#ownSsrc, mediaSsrc: ssrc });
    this.#send(new RtcpPayloadSpecificFeedback({ feedback }), 'PLI', { ssrc });
  }

  /** Takes a candidate of the publisher's that was not in its offer. */
  addCandidate(candidate: string): void {
    if (!this.#closing) this.#transport.addCandidate(candidate);
  }

  /** True once the publisher has proven by ICE that it is there. */
  get reached(): boolean {
    return this.#watch.reached;
  }

  /** How long it has been silent since it connected. */
  get silence(): Micros {
    return this.#watch.silence;
  }

  /** Ends the connection. Closing twice is harmless. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watch.stop();
    this.#cancelArrivals();
    await this.#transport.close();
  }

  #onConnected(): void {
    if (this.#video.transportCc !== undefined && this.#video.feedback.includes('transport-cc')) this.#reportArrivals();
    this.#events.connected();
  }

  #onRtp({ header, payload }: WeriftRtpPacket): void {
    if (this.#closing) return;
    const arrival = this.#clock.now();
    this.#transport.heard.at = arrival;
    const numbered = header.extensions.find(({ id }) => id === this.#video.transportCc);
    if (numbered?.payload.length === 2) this.#arrivals.received(numbered.payload.readUInt16BE(0), arrival);
    if (header.payloadType === this.#video.payloadType) this.#mediaSsrc = header.ssrc;
    const { payloadType, marker, sequenceNumber: sequence, timestamp, ssrc } = header;
    this.#events.packet({ payloadType, marker, sequence, timestamp, ssrc, payload, arrival });
  }

  #report(): void {
    const report = this.#events.report();
    if (!report) return;
    const info = new RtcpReceiverInfo({
      ssrc: report.ssrc,
      fractionLost: report.fractionLost,
      packetsLost: Math.min(report.cumulativeLost, 0x7fffff),
      highestSequence: report.highestSequence,
      jitter: report.jitter,
      lsr: report.lastReport,
      dlsr: report.lastReport === 0 ? 0 : Math.round((report.sinceLastReport / 1e6) * 65_536),
    });
    this.#send(new RtcpRrPacket({ ssrc: this.#ownSsrc, reports: [info] }), 'receiver report', report);
  }

  #reportArrivals(): void {
    this.#cancelArrivals = this.#clock.at(plus(this.#clock.now(), ARRIVALS_INTERVAL), () => {
      const report = this.#arrivals.take();
      if (report) {
        const feedback = arrivalFeedback(report, this.#ownSsrc, this.#mediaSsrc);
        this.#send(feedback, 'transport-cc', { base: report.base, packets: report.deltas.length });
      }
      this.#reportArrivals();
    });
  }

  /** @param kind and @param fields for the log. */
  #send(packet: Rtcp, kind: string, fields: object): void {
    if (this.#closing) return;
    this.#transport.log.rtcp('sent', kind, fields);
    void this.#transport.dtls.sendRtcp([packet]);
  }
}

/** A report of arrivals as werift writes it, in runs of equal status. */
function arrivalFeedback(
  report: ArrivalReport,
  senderSsrc: number,
  mediaSourceSsrc: number,
): RtcpTransportLayerFeedback {
  const packetChunks: RunLengthChunk[] = [];
  const recvDeltas: RecvDelta[] = [];
  let bytes = 0;
  for (const delta of report.deltas) {
    const packetStatus = statusOf(delta);
    const run = packetChunks.at(-1);
    if (run?.packetStatus === packetStatus) run.runLength += 1;
    else {
      packetChunks.push(new RunLengthChunk({ packetStatus, runLength: 1 }));
      bytes += 2;
    }
    if (delta === undefined) continue;
    // werift counts in microseconds here.
    recvDeltas.push(new RecvDelta({ delta: delta * 250 }));
    bytes += packetStatus === PacketStatus.TypeTCCPacketReceivedSmallDelta ? 1 : 2;
  }
  const header = new RtcpHeader({ type: RtcpTransportLayerFeedback.type, count: TransportWideCC.count, version: 2 });
  // With the bit set werift writes padding only where some is needed, and the bit all the same.
  header.padding = bytes % 4 !== 0;
  const feedback = new TransportWideCC({
    header,
    senderSsrc,
    mediaSourceSsrc,
    baseSequenceNumber: report.base,
    packetStatusCount: report.deltas.length,
    referenceTime: report.reference,
    fbPktCount: report.count,
    packetChunks,
    recvDeltas,
  });
  return new RtcpTransportLayerFeedback({ feedback });
}

function statusOf(delta: number | undefined): PacketStatus {
  if (delta === undefined) return PacketStatus.TypeTCCPacketNotReceived;
  return delta >= 0 && delta <= 255
    ? PacketStatus.TypeTCCPacketReceivedSmallDelta
    : PacketStatus.TypeTCCPacketReceivedLargeDelta;
}

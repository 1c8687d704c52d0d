/**
 * A WebRTC viewer; the only adapter of werift on the way out. werift does ICE, DTLS and SRTP; packets are numbered, paced, remembered and sent
 * again here, since its sender has no pacer, forgets after 128 packets, and writes wrong NTP fractions.
 */
import {
  GenericNack,
  PictureLossIndication,
  type RTCDataChannel,
  type RTCRtpTransceiver,
  RtcpPayloadSpecificFeedback,
  RtcpRrPacket,
  RtcpSenderInfo,
  RtcpSourceDescriptionPacket,
  RtcpSrPacket,
  RtcpTransportLayerFeedback,
  RtpHeader,
  SourceDescriptionChunk,
  SourceDescriptionItem,
} from 'werift';
import { type CancelTimer, type Clock, type Micros, micros } from '../time.ts';
import type { PeerTransport } from '../webrtc/transport.ts';
import { watchTransport } from '../webrtc/watch.ts';
import type { ExtensionName, OfferedVideo } from './offer.ts';
import { PROVENANCE_CHANNEL, ProvenanceFeed } from './provenance.ts';
import {
  ntpTimestamp,
  playoutDelay,
  roundTrip,
  rtpTimestamp,
  writeAbsCaptureTime,
  writeAbsSendTime,
} from './rtp-time.ts';
import { RtxHistory, type SentPacket } from './rtx-history.ts';
import { type Outgoing, SendQueue } from './send-queue.ts';
import type { PacketizedUnit, Viewer, ViewerChannel, ViewerEvents, ViewerStats } from './viewer.ts';

/** Access units a viewer may lag behind: a quarter of a second at 60 fps. */
const QUEUE_CAPACITY = 16;
/** A packet is not sent again more often than this. */
const RESEND_PAUSE = 10_000;
/** Bytes that may wait in the buffer of a data channel. */
const CHANNEL_BUFFER = 65_536;
/** The first access units carry the playout-delay extension, later only keyframes do: receivers keep the last value. */
const PLAYOUT_DELAY_UNITS = 30;

type DtlsTransport = RTCRtpTransceiver['dtlsTransport'];
type Rtcp = Parameters<Parameters<DtlsTransport['onRtcp']['subscribe']>[0]>[0];

/** What {@link PeerViewer} is made of. */
export interface PeerParts {
  readonly transport: PeerTransport;
  readonly video: OfferedVideo;
  readonly answer: string;
  readonly clock: Clock;
  readonly events: ViewerEvents;
  readonly maxPlayoutDelay: Micros;
}

/** A player at the other end of a werift connection. */
export class PeerViewer implements Viewer {
  readonly answer: string;
  readonly capacity = QUEUE_CAPACITY;
  readonly #parts: PeerParts;
  readonly #dtls: DtlsTransport;
  readonly #queue: SendQueue;
  readonly #history = new RtxHistory();
  readonly #provenance: ProvenanceFeed | undefined;
  readonly #media: RtpHeader;
  readonly #rtx: RtpHeader;
  readonly #extensionData: Record<ExtensionName, Buffer> = {
    mid: Buffer.alloc(0),
    transportCc: Buffer.alloc(2),
    absSendTime: Buffer.alloc(3),
    absCaptureTime: Buffer.alloc(8),
    playoutDelay: Buffer.alloc(3),
  };
  readonly #timestampBase = Math.floor(Math.random() * 2 ** 32);
  #sequence = Math.floor(Math.random() * 0x8000);
  #rtxSequence = Math.floor(Math.random() * 0x8000);
  #transportSequence = 0;
  #units = 0;
  #packets = 0;
  #octets = 0;
  #connected = false;
  #ended = false;
  #rtt: Micros | undefined;
  #loss = 0;
  #cancelSend: CancelTimer | undefined;
  readonly #stopWatching: CancelTimer;

  constructor(parts: PeerParts) {
    this.#parts = parts;
    this.answer = parts.answer;
    const { video, events, clock } = parts;
    const { transceiver } = parts.transport;
    this.#dtls = transceiver.dtlsTransport;
    this.#extensionData.playoutDelay = playoutDelay(parts.maxPlayoutDelay);
    this.#extensionData.mid = Buffer.from(video.mid.slice(0, 16));
    this.#media = new RtpHeader({ ssrc: transceiver.sender.ssrc, payloadType: video.payloadType });
    this.#rtx = new RtpHeader({
      ssrc: transceiver.sender.rtxSsrc,
      payloadType: video.rtxPayloadType ?? video.payloadType,
    });
    this.#queue = new SendQueue({
      capacity: QUEUE_CAPACITY,
      onDrop: (units) => events.dropped(units),
      onKeyframeNeeded: () => events.keyframeNeeded('slow'),
    });
    const records = this.openChannel(PROVENANCE_CHANNEL);
    if (records) this.#provenance = new ProvenanceFeed(records);
    this.#dtls.onRtcp.subscribe((packet) => this.#onRtcp(packet));
    this.#stopWatching = watchTransport(
      parts.transport,
      clock,
      { connected: () => this.#onConnected(), broken: (reason) => void this.close(reason) },
      () => this.#report(),
    );
  }

  get connected(): boolean {
    return this.#connected && !this.#ended;
  }

  get stats(): ViewerStats {
    return { rtt: this.#rtt, loss: this.#loss, depth: this.#queue.depth };
  }

  send(item: PacketizedUnit): void {
    if (!this.connected) return;
    this.#queue.push(item);
    if (!this.#cancelSend) this.#pump();
  }

  get iceUfrag(): string {
    return this.#parts.video.remote.ufrag;
  }

  addCandidate(candidate: string): void {
    if (!this.#ended) this.#parts.transport.addCandidate(candidate);
  }

  openChannel(label: string): ViewerChannel | undefined {
    const { pc, longestMessage } = this.#parts.transport;
    if (longestMessage === undefined) return undefined;
    let channel: RTCDataChannel | undefined;
    return {
      send: (message) => {
        if (this.#ended) return false;
        if (channel?.readyState !== 'open') channel = pc.sctpTransport?.channelByLabel(label);
        return channel !== undefined && sendOn(channel, message, longestMessage);
      },
    };
  }

  async close(reason: string): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelSend?.();
    this.#stopWatching();
    this.#queue.clear();
    this.#parts.events.ended(reason);
    await this.#parts.transport.close();
  }

  #onConnected(): void {
    this.#connected = true;
    this.#parts.events.keyframeNeeded('join');
  }

  #report(): void {
    if (this.#packets === 0) return;
    const { clock, transport } = this.#parts;
    const { pc, transceiver } = transport;
    const { ssrc } = transceiver.sender;
    void this.#dtls.sendRtcp([
      new RtcpSrPacket({
        ssrc,
        senderInfo: new RtcpSenderInfo({
          ntpTimestamp: ntpTimestamp(clock.wall()),
          rtpTimestamp: rtpTimestamp(this.#timestampBase, clock.now()),
          packetCount: this.#packets >>> 0,
          octetCount: this.#octets % 2 ** 32,
        }),
      }),
      new RtcpSourceDescriptionPacket({
        chunks: [
          new SourceDescriptionChunk({ source: ssrc, items: [new SourceDescriptionItem({ type: 1, text: pc.cname })] }),
        ],
      }),
    ]);
  }

  #pump(): void {
    this.#cancelSend = undefined;
    if (this.#ended) return;
    const { clock } = this.#parts;
    const { packets, wake } = this.#queue.next(clock.now());
    for (const packet of packets) this.#sendOne(packet);
    if (wake !== undefined) this.#cancelSend = clock.at(wake, () => this.#pump());
  }

  #sendOne(packet: Outgoing): void {
    if (packet.kind === 'retransmit') {
      this.#resend(packet.sequence);
      return;
    }
    const { unit, payload, marker, first } = packet;
    const header = this.#media;
    header.sequenceNumber = this.#sequence;
    header.timestamp = rtpTimestamp(this.#timestampBase, unit.due);
    header.marker = marker;
    this.#history.add({ sequence: this.#sequence, timestamp: header.timestamp, marker, payload });
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#packets += 1;
    this.#octets += payload.length;
    if (first) {
      this.#units += 1;
      writeAbsCaptureTime(this.#extensionData.absCaptureTime, unit.capture);
      this.#provenance?.push(unit, header.timestamp);
    }
    const playout = first && (unit.keyframe || this.#units <= PLAYOUT_DELAY_UNITS);
    this.#stamp(header, first, playout, unit.keyframe);
    void this.#dtls.sendRtp(payload, header);
    if (first) this.#parts.events.sent(unit, packet.packets, packet.bytes);
  }

  #resend(sequence: number): void {
    const pause = Math.max(RESEND_PAUSE, this.#rtt ?? 0);
    const packet = this.#history.take(sequence, this.#parts.clock.now(), pause);
    if (!packet) return;
    this.#sendAgain(packet);
    this.#parts.events.retransmitted(1);
  }

  /** RFC 4588: own SSRC, payload type and numbering, the original number first; without RTX the very packet again. */
  #sendAgain(packet: SentPacket): void {
    const header = this.#parts.video.rtxPayloadType === undefined ? this.#media : this.#rtx;
    header.timestamp = packet.timestamp;
    header.marker = packet.marker;
    if (header === this.#media) {
      header.sequenceNumber = packet.sequence;
      this.#stamp(header, false, false, false);
      void this.#dtls.sendRtp(packet.payload, header);
      return;
    }
    header.sequenceNumber = this.#rtxSequence;
    this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff;
    const payload = Buffer.allocUnsafe(packet.payload.length + 2);
    payload.writeUInt16BE(packet.sequence, 0);
    packet.payload.copy(payload, 2);
    this.#stamp(header, false, false, true);
    void this.#dtls.sendRtp(payload, header);
  }

  /** Writes the header extensions of one packet. */
  #stamp(header: RtpHeader, capture: boolean, playout: boolean, mid: boolean): void {
    const data = this.#extensionData;
    header.extensions.length = 0;
    for (const [name, id] of this.#parts.video.extensions) {
      if (name === 'transportCc') {
        this.#transportSequence = (this.#transportSequence + 1) & 0xffff;
        data.transportCc.writeUInt16BE(this.#transportSequence, 0);
      } else if (name === 'absSendTime') writeAbsSendTime(data.absSendTime, this.#parts.clock.wall());
      else if (name === 'absCaptureTime' && !capture) continue;
      else if (name === 'playoutDelay' && !playout) continue;
      else if (name === 'mid' && !mid) continue;
      header.extensions.push({ id, payload: data[name] });
    }
    header.extension = header.extensions.length > 0;
  }

  #onRtcp(packet: Rtcp): void {
    const { clock, events, transport } = this.#parts;
    const { ssrc } = transport.transceiver.sender;
    transport.heard.at = clock.now();
    if (packet instanceof RtcpRrPacket || packet instanceof RtcpSrPacket) {
      const report = packet.reports.find((candidate) => candidate.ssrc === ssrc);
      if (!report) return;
      this.#loss = report.fractionLost / 256;
      const rtt = roundTrip(clock.wall(), report.lsr, report.dlsr);
      if (rtt !== undefined) this.#rtt = micros(rtt);
    } else if (packet instanceof RtcpTransportLayerFeedback) {
      if (!(packet.feedback instanceof GenericNack) || packet.feedback.mediaSourceSsrc !== ssrc) return;
      // werift does not wrap the numbers that follow 65535.
      for (const sequence of packet.feedback.lost) this.#queue.retransmit(sequence & 0xffff);
      if (!this.#cancelSend) this.#pump();
    } else if (packet instanceof RtcpPayloadSpecificFeedback) {
      const { feedback } = packet;
      if (feedback instanceof PictureLossIndication && feedback.mediaSsrc === ssrc) events.keyframeNeeded('pli');
      else if ('fir' in feedback && feedback.fir.some((entry) => entry.ssrc === ssrc)) {
        events.keyframeNeeded('fir');
      }
    }
  }
}

/** @param longest bytes of a message. */
function sendOn(channel: RTCDataChannel, message: string | Buffer, longest: number): boolean {
  if (channel.readyState !== 'open' || channel.bufferedAmount > CHANNEL_BUFFER) return false;
  if (Buffer.byteLength(message) > longest) return false;
  channel.send(message);
  return true;
}

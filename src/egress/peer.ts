/**
 * A WebRTC viewer, from its offer to its end. werift does ICE, DTLS and SRTP; what is sent when is
 * decided here, since its sender has no pacer and writes wrong NTP fractions. With rtp-sender.ts
 * the only adapter of werift on the way out.
 */
import {
  GenericNack,
  PictureLossIndication,
  type RTCDataChannel,
  RtcpPayloadSpecificFeedback,
  RtcpRrPacket,
  RtcpSourceDescriptionPacket,
  RtcpSrPacket,
  RtcpTransportLayerFeedback,
  SourceDescriptionChunk,
  SourceDescriptionItem,
} from 'werift';
import { asFrameliftError } from '../errors.ts';
import { type CancelTimer, type Clock, type Micros, micros, ZERO } from '../time.ts';
import { type CandidateSink, openTransport, type PeerTransport } from '../webrtc/transport.ts';
import { TransportWatch } from '../webrtc/watch.ts';
import { type OfferedVideo, readOffer, writeAnswer } from './offer.ts';
import { PROVENANCE_CHANNEL, ProvenanceFeed } from './provenance.ts';
import { RtpSender } from './rtp-sender.ts';
import { roundTrip } from './rtp-time.ts';
import { type Outgoing, SendQueue } from './send-queue.ts';
import type { PacketizedUnit, PeerSettings, Viewer, ViewerChannel, ViewerEvents, ViewerStats } from './viewer.ts';

/** Access units a viewer may lag behind: a quarter of a second at 60 fps. */
const QUEUE_CAPACITY = 16;
/** A packet is not sent again more often than this. */
const MIN_RESEND_INTERVAL = 10_000;
/** Bytes that may wait in the buffer of a data channel. */
const CHANNEL_BUFFER = 65_536;

type DtlsTransport = PeerTransport['dtls'];
type Rtcp = Parameters<Parameters<DtlsTransport['onRtcp']['subscribe']>[0]>[0];

/**
 * Lets a player in: its offer in, an answer and a viewer out.
 * @param trickle takes our candidates, which the answer then lacks.
 * @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable`, `server.failed`.
 */
export async function connectPeer(
  offer: string,
  settings: PeerSettings,
  clock: Clock,
  events: ViewerEvents,
  trickle?: CandidateSink,
): Promise<Viewer> {
  const video = readOffer(offer, settings.profile);
  try {
    const transport = await openTransport(video.remote, settings, clock, trickle);
    const { local, ssrc, rtxSsrc, cname } = transport;
    const answer = writeAnswer(video, { ...local, ssrc, rtxSsrc, cname });
    const maxPlayoutDelay = settings.maxPlayoutDelay ?? ZERO;
    return new PeerViewer({ transport, video, answer, clock, events, maxPlayoutDelay });
  } catch (thrown) {
    throw asFrameliftError(thrown, 'webrtc.bad-offer', false);
  }
}

/** Collaborators of {@link PeerViewer}, and what was agreed with the player. */
interface PeerDeps {
  readonly transport: PeerTransport;
  readonly video: OfferedVideo;
  readonly answer: string;
  readonly clock: Clock;
  readonly events: ViewerEvents;
  readonly maxPlayoutDelay: Micros;
}

/** A player at the other end of a werift connection. */
class PeerViewer implements Viewer {
  readonly answer: string;
  readonly capacity = QUEUE_CAPACITY;
  readonly #deps: PeerDeps;
  readonly #dtls: DtlsTransport;
  readonly #queue: SendQueue;
  readonly #rtp: RtpSender;
  readonly #provenance: ProvenanceFeed | undefined;
  #connected = false;
  #ended = false;
  #rtt: Micros | undefined;
  #loss = 0;
  #cancelSend: CancelTimer | undefined;
  readonly #watch: TransportWatch;

  constructor(deps: PeerDeps) {
    this.#deps = deps;
    this.answer = deps.answer;
    const { video, events, clock, maxPlayoutDelay } = deps;
    const { dtls, ssrc, rtxSsrc } = deps.transport;
    this.#dtls = dtls;
    this.#rtp = new RtpSender({ video, ssrc, rtxSsrc, maxPlayoutDelay }, dtls, clock);
    this.#queue = new SendQueue({
      capacity: QUEUE_CAPACITY,
      onDrop: (units) => events.dropped(units),
      onKeyframeNeeded: () => events.keyframeNeeded('slow'),
    });
    const records = this.openChannel(PROVENANCE_CHANNEL);
    if (records) this.#provenance = new ProvenanceFeed(records);
    this.#dtls.onRtcp.subscribe((packet) => this.#onRtcp(packet));
    this.#watch = new TransportWatch(
      deps.transport,
      clock,
      { connected: () => this.#onConnected(), broken: (reason) => void this.close(reason) },
      () => this.#report(),
    );
  }

  get connected(): boolean {
    return this.#connected && !this.#ended;
  }

  get singleNal(): boolean {
    return this.#deps.video.singleNal;
  }

  get profile(): string | undefined {
    return this.#deps.video.profile;
  }

  get reached(): boolean {
    return this.#watch.reached;
  }

  get silence(): Micros {
    return this.#watch.silence;
  }

  get stats(): ViewerStats {
    return { rtt: this.#rtt, loss: this.#loss, depth: this.#queue.depth };
  }

  send(item: PacketizedUnit): void {
    if (!this.connected) return;
    if (this.singleNal && !item.single) this.#queue.skip();
    else this.#queue.push(item);
    if (!this.#cancelSend) this.#pump();
  }

  get iceUfrag(): string {
    return this.#deps.video.remote.ufrag;
  }

  addCandidate(candidate: string): void {
    if (!this.#ended) this.#deps.transport.addCandidate(candidate);
  }

  openChannel(label: string): ViewerChannel | undefined {
    const { sctp, longestMessage } = this.#deps.transport;
    if (longestMessage === undefined) return undefined;
    let channel: RTCDataChannel | undefined;
    return {
      send: (message) => {
        if (this.#ended) return false;
        if (channel?.readyState !== 'open') channel = sctp?.channelByLabel(label);
        return channel !== undefined && sendOn(channel, message, longestMessage);
      },
    };
  }

  async close(reason: string): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelSend?.();
    this.#watch.stop();
    this.#queue.clear();
    this.#deps.events.ended(reason);
    await this.#deps.transport.close();
  }

  #onConnected(): void {
    this.#connected = true;
    this.#deps.events.keyframeNeeded('join');
  }

  #report(): void {
    const senderInfo = this.#rtp.report;
    if (!senderInfo) return;
    const { ssrc, cname: text } = this.#deps.transport;
    const cname = new SourceDescriptionItem({ type: 1, text });
    void this.#dtls.sendRtcp([
      new RtcpSrPacket({ ssrc, senderInfo }),
      new RtcpSourceDescriptionPacket({ chunks: [new SourceDescriptionChunk({ source: ssrc, items: [cname] })] }),
    ]);
  }

  #pump(): void {
    this.#cancelSend = undefined;
    if (this.#ended) return;
    const { clock } = this.#deps;
    const { packets, wake } = this.#queue.next(clock.now());
    for (const packet of packets) this.#sendOne(packet);
    if (wake !== undefined) this.#cancelSend = clock.at(wake, () => this.#pump());
  }

  #sendOne(packet: Outgoing): void {
    const { events } = this.#deps;
    if (packet.kind === 'retransmit') {
      const pause = Math.max(MIN_RESEND_INTERVAL, this.#rtt ?? 0);
      if (this.#rtp.resend(packet.sequence, pause)) events.retransmitted(1);
      return;
    }
    const { unit, first } = packet;
    if (first) this.#provenance?.push(unit, this.#rtp.timestamp(unit.due));
    this.#rtp.send(packet);
    if (first) events.sent(unit, packet.packets, packet.bytes);
  }

  #onRtcp(packet: Rtcp): void {
    const { clock, events, transport } = this.#deps;
    const { ssrc } = transport;
    transport.heard.at = clock.now();
    if (packet instanceof RtcpRrPacket || packet instanceof RtcpSrPacket) {
      const report = packet.reports.find((candidate) => candidate.ssrc === ssrc);
      if (!report) return;
      this.#loss = report.fractionLost / 256;
      const rtt = roundTrip(clock.wall(), report.lsr, report.dlsr);
      if (rtt !== undefined) this.#rtt = micros(rtt);
    } else if (packet instanceof RtcpTransportLayerFeedback) {
      // Transport-wide feedback comes here, too: offered, numbered, not acted on yet; bandwidth
      // estimation follows.
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

/**
 * A WebRTC viewer, from its offer to its end. werift does ICE, DTLS and SRTP; what is sent when is
 * decided here, since its sender has no pacer and writes wrong NTP fractions. With rtp-sender.ts
 * the only adapter of werift on the way out.
 */
import {
  GenericNack,
  PictureLossIndication,
  ReceiverEstimatedMaxBitrate,
  type RTCDataChannel,
  RtcpPayloadSpecificFeedback,
  RtcpRrPacket,
  RtcpSourceDescriptionPacket,
  RtcpSrPacket,
  RtcpTransportLayerFeedback,
  SourceDescriptionChunk,
  SourceDescriptionItem,
  TransportWideCC,
} from 'werift';
import { asFrameliftError } from '../errors.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, micros, ZERO } from '../time.ts';
import { TokenBucket } from '../token-bucket.ts';
import { type CandidateSink, openTransport, type PeerTransport } from '../webrtc/transport.ts';
import { TransportWatch } from '../webrtc/watch.ts';
import type { SoundUnit } from './audio/sound-out.ts';
import { SoundSender } from './audio/sound-sender.ts';
import type { SentCodec } from './codec/encoder-name.ts';
import { arrivalList } from './congestion/feedback.ts';
import { type Outgoing, SendQueue } from './congestion/send-queue.ts';
import { ViewerPath } from './congestion/viewer-path.ts';
import { type OfferedVideo, readOffer, soundFor, writeAnswer } from './offer.ts';
import { PROVENANCE_CHANNEL, ProvenanceFeed } from './provenance.ts';
import { RtpSender } from './rtp/sender.ts';
import { roundTrip } from './rtp/time.ts';
import type {
  PacketizedUnit,
  PathEstimate,
  PeerSettings,
  Viewer,
  ViewerChannel,
  ViewerEvents,
  ViewerStats,
} from './viewer.ts';
import { readViewingReport, VIEWING_CHANNEL, VIEWING_REPORTS } from './viewing-report.ts';

/** Access units a viewer may lag behind: a quarter of a second at 60 fps. */
const QUEUE_CAPACITY = 16;
/** A packet is not sent again more often than this. */
const MIN_RESEND_INTERVAL = 10_000;
/**
 * A player that plays sound may hold the picture back for it so long: what its buffer of sound needs. Chromium
 * shows frames as soon as they are decoded all the same, until it finds that sound is later.
 */
const WITH_SOUND = fromMs(500);
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
    const heard = soundFor(video, settings.sound);
    const sound = heard && new SoundSender(heard, transport, clock);
    const soundSsrc = heard && transport.soundSsrc;
    const answer = writeAnswer(video, { ...local, ssrc, rtxSsrc, cname, soundSsrc });
    const maxPlayoutDelay = settings.maxPlayoutDelay ?? (heard ? WITH_SOUND : ZERO);
    return new PeerViewer({ transport, video, sound, answer, clock, events, maxPlayoutDelay });
  } catch (thrown) {
    throw asFrameliftError(thrown, 'webrtc.bad-offer', false);
  }
}

/** Collaborators of {@link PeerViewer}, and what was agreed with the player. */
interface PeerDeps {
  readonly transport: PeerTransport;
  readonly video: OfferedVideo;
  readonly sound: SoundSender | undefined;
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
  readonly #path: ViewerPath;
  readonly #provenance: ProvenanceFeed | undefined;
  readonly #reports = new TokenBucket(VIEWING_REPORTS);
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
    this.#path = new ViewerPath(() => clock.now());
    this.#rtp = new RtpSender({ video, ssrc, rtxSsrc, maxPlayoutDelay, path: this.#path }, dtls, clock);
    this.#queue = new SendQueue({
      capacity: QUEUE_CAPACITY,
      onDrop: (units) => events.dropped(units),
      onKeyframeNeeded: () => events.keyframeNeeded('slow'),
    });
    const records = this.openChannel(PROVENANCE_CHANNEL);
    if (records) this.#provenance = new ProvenanceFeed(records);
    this.#dtls.onRtcp.subscribe((packet) => this.#onRtcp(packet));
    deps.transport.sctp?.onDataChannel.subscribe((channel) => {
      if (channel.label === VIEWING_CHANNEL) channel.onMessage.subscribe((message) => this.#onViewing(message));
    });
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

  get codec(): SentCodec {
    return this.#deps.video.codec;
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

  get path(): PathEstimate | undefined {
    const { estimate } = this.#path;
    if (estimate?.congested === undefined) return estimate;
    // What cannot leave at the pace is too much, too.
    return { ...estimate, congested: estimate.congested || this.#queue.depth > QUEUE_CAPACITY / 2 };
  }

  want(bitsPerSecond: number): void {
    this.#path.wanted = bitsPerSecond;
  }

  restart(): void {
    this.#queue.restart();
    this.#rtp.forget();
  }

  send(item: PacketizedUnit): void {
    if (!this.connected) return;
    this.#followPath();
    if (this.singleNal && !item.single) this.#queue.skip();
    else this.#queue.push(item);
    if (!this.#cancelSend) this.#pump();
  }

  sendSound(unit: SoundUnit): void {
    if (this.connected) this.#deps.sound?.send(unit);
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
      ...(this.#deps.sound?.report() ?? []),
    ]);
  }

  /** Paces, probes and holds back as the path asks for. */
  #followPath(): void {
    const { probe, delayChanged } = this.#path.tick(this.#rtt);
    this.#queue.pace(this.#path.pace);
    if (probe) this.#queue.probe(probe);
    if (!delayChanged) return;
    const { playoutDelay } = this.#path;
    const most = Math.max(this.#deps.maxPlayoutDelay, playoutDelay);
    this.#rtp.setPlayoutDelay(playoutDelay, micros(most));
  }

  /** Packets are sent again, as often as the path's losses ask for. */
  #resend(sequences: readonly number[]): void {
    const pause = Math.max(MIN_RESEND_INTERVAL, this.#rtt ?? 0);
    const wanted = sequences.filter((sequence) => this.#rtp.mayResend(sequence, pause));
    for (let copy = 0; copy < this.#path.copies; copy += 1) {
      for (const sequence of wanted) this.#queue.retransmit(sequence);
    }
    if (!this.#cancelSend) this.#pump();
  }

  #pump(): void {
    this.#cancelSend = undefined;
    if (this.#ended) return;
    const { clock } = this.#deps;
    const { packets, wake, probe } = this.#queue.next(clock.now());
    this.#path.probing(probe);
    for (const packet of packets) this.#sendOne(packet);
    if (wake !== undefined) this.#cancelSend = clock.at(wake, () => this.#pump());
  }

  #sendOne(packet: Outgoing): void {
    const { events } = this.#deps;
    if (packet.kind === 'padding') {
      this.#rtp.pad();
      return;
    }
    if (packet.kind === 'retransmit') {
      if (this.#rtp.resend(packet.sequence, 0)) events.retransmitted(1);
      return;
    }
    const { unit, first } = packet;
    if (first) this.#provenance?.push(unit, this.#rtp.timestamp(unit.due));
    this.#rtp.send(packet);
    if (first) events.sent(unit, packet.packets, packet.bytes);
  }

  #onViewing(message: string | Buffer): void {
    const { clock, events } = this.#deps;
    const report = this.#reports.take(1, clock.now()) ? readViewingReport(message) : undefined;
    if (report && this.connected) events.seen(report);
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
      if (rtt === undefined) return;
      this.#rtt = micros(rtt);
      events.roundTrip(this.#rtt);
    } else if (packet instanceof RtcpTransportLayerFeedback) {
      const { feedback } = packet;
      if (feedback instanceof TransportWideCC) this.#resend(this.#path.report(arrivalList(feedback)));
      // werift does not wrap the numbers that follow 65535.
      else if (feedback instanceof GenericNack && feedback.mediaSourceSsrc === ssrc) {
        events.asked(feedback.lost.length);
        this.#resend(feedback.lost.map((sequence) => sequence & 0xffff));
      }
    } else if (packet instanceof RtcpPayloadSpecificFeedback) {
      const { feedback } = packet;
      if (feedback instanceof ReceiverEstimatedMaxBitrate) this.#path.bound(Number(feedback.bitrate));
      else if (feedback instanceof PictureLossIndication && feedback.mediaSsrc === ssrc) events.keyframeNeeded('pli');
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

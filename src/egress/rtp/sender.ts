/**
 * One RTP stream to a viewer: numbers packets, stamps their header extensions, remembers them and
 * sends them again. werift's own sender forgets after 128 packets.
 */
import { type RTCRtpTransceiver, RtcpSenderInfo, RtpHeader } from 'werift';
import type { Clock, Micros } from '../../time.ts';
import { RtxHistory, type SentPacket } from '../congestion/rtx-history.ts';
import type { Outgoing } from '../congestion/send-queue.ts';
import type { ExtensionName, OfferedVideo } from '../offer.ts';
import { ntpTimestamp, playoutDelay, rtpTimestamp, writeAbsCaptureTime, writeAbsSendTime } from './time.ts';
import { numberVp8 } from './vp8.ts';

/**
 * The first access units carry the playout-delay extension, later only keyframes do: receivers keep
 * the last value.
 */
const PLAYOUT_DELAY_UNITS = 30;

/** Options of {@link RtpSender}. */
export interface RtpSenderOptions {
  readonly video: Pick<OfferedVideo, 'mid' | 'codec' | 'payloadType' | 'rtxPayloadType' | 'extensions'>;
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly maxPlayoutDelay: Micros;
  /** Numbers all packets of the connection, and is told of each. */
  readonly path: PacketLog;
}

/** Numbers the packets of one connection, whatever they carry. */
interface PacketLog {
  /** Transport-wide number of the packet that is sent next, 16 bits. */
  readonly next: number;
  /** It is sent. @param payload bytes of RTP payload. @param sequence its RTP number, where it may be sent again. */
  sent(payload: number, sequence: number | undefined): void;
}

/** Sends the packets of one viewer. */
export class RtpSender {
  readonly #options: RtpSenderOptions;
  readonly #dtls: Pick<RTCRtpTransceiver['dtlsTransport'], 'sendRtp'>;
  readonly #clock: Clock;
  readonly #history = new RtxHistory();
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
  /** Of VP8's pictures, 15 bits. */
  #picture = Math.floor(Math.random() * 0x8000);
  #units = 0;
  #packets = 0;
  #octets = 0;

  constructor(options: RtpSenderOptions, dtls: Pick<RTCRtpTransceiver['dtlsTransport'], 'sendRtp'>, clock: Clock) {
    this.#options = options;
    this.#dtls = dtls;
    this.#clock = clock;
    const { video, ssrc, rtxSsrc, maxPlayoutDelay } = options;
    this.#extensionData.playoutDelay = playoutDelay(maxPlayoutDelay);
    this.#extensionData.mid = Buffer.from(video.mid.slice(0, 16));
    this.#media = new RtpHeader({ ssrc, payloadType: video.payloadType });
    this.#rtx = new RtpHeader({ ssrc: rtxSsrc, payloadType: video.rtxPayloadType ?? video.payloadType });
  }

  /** The RTP timestamp of what is shown at `due`. */
  timestamp(due: Micros): number {
    return rtpTimestamp(this.#timestampBase, due);
  }

  /** Sends a packet for the first time. */
  send({ unit, payload: shared, marker, first }: Extract<Outgoing, { kind: 'media' }>): void {
    if (first) this.#picture += 1;
    const payload = this.#options.video.codec === 'vp8' ? numberVp8(shared, this.#picture) : shared;
    const header = this.#media;
    header.sequenceNumber = this.#sequence;
    header.timestamp = this.timestamp(unit.due);
    header.marker = marker;
    this.#history.add({ sequence: this.#sequence, timestamp: header.timestamp, marker, payload });
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#packets += 1;
    this.#octets += payload.length;
    if (first) {
      this.#units += 1;
      writeAbsCaptureTime(this.#extensionData.absCaptureTime, unit.capture);
    }
    const playout = first && (unit.keyframe || this.#units <= PLAYOUT_DELAY_UNITS);
    this.#stamp(header, first, playout, unit.keyframe);
    this.#options.path.sent(payload.length, header.sequenceNumber);
    void this.#dtls.sendRtp(payload, header);
  }

  /** Players hold frames back at least and at most so long; told with the next units. */
  setPlayoutDelay(min: Micros, max: Micros): void {
    this.#extensionData.playoutDelay = playoutDelay(max, min);
    this.#units = 0;
  }

  /** What was sent so far is not sent again: a keyframe follows. */
  forget(): void {
    this.#history.clear();
  }

  /**
   * False where a packet is forgotten, or was asked for less than `pause` microseconds ago: asking
   * for it again is in vain.
   */
  mayResend(sequence: number, pause: number): boolean {
    return this.#history.take(sequence, this.#clock.now(), pause) !== undefined;
  }

  /** Sends the newest packet once more, as padding; false where the player knows no retransmissions. */
  pad(): boolean {
    const packet = this.#options.video.rtxPayloadType === undefined ? undefined : this.#history.newest;
    if (packet) this.#sendAgain(packet);
    return packet !== undefined;
  }

  /**
   * Sends a packet again; false where it is forgotten, or was sent again less than `pause`
   * microseconds ago.
   */
  resend(sequence: number, pause: number): boolean {
    const packet = this.#history.take(sequence, this.#clock.now(), pause);
    if (packet) this.#sendAgain(packet);
    return packet !== undefined;
  }

  /** What a sender report says of the stream now; undefined before the first packet. */
  get report(): RtcpSenderInfo | undefined {
    if (this.#packets === 0) return undefined;
    return new RtcpSenderInfo({
      ntpTimestamp: ntpTimestamp(this.#clock.wall()),
      rtpTimestamp: this.timestamp(this.#clock.now()),
      packetCount: this.#packets >>> 0,
      octetCount: this.#octets % 2 ** 32,
    });
  }

  /**
   * RFC 4588: own SSRC, payload type and numbering, the original number first; without RTX the very
   * packet again.
   */
  #sendAgain(packet: SentPacket): void {
    const header = this.#options.video.rtxPayloadType === undefined ? this.#media : this.#rtx;
    header.timestamp = packet.timestamp;
    header.marker = packet.marker;
    if (header === this.#media) {
      header.sequenceNumber = packet.sequence;
      this.#stamp(header, false, false, false);
      this.#options.path.sent(packet.payload.length, undefined);
      void this.#dtls.sendRtp(packet.payload, header);
      return;
    }
    header.sequenceNumber = this.#rtxSequence;
    this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff;
    const payload = Buffer.allocUnsafe(packet.payload.length + 2);
    payload.writeUInt16BE(packet.sequence, 0);
    packet.payload.copy(payload, 2);
    this.#stamp(header, false, false, true);
    this.#options.path.sent(payload.length, undefined);
    void this.#dtls.sendRtp(payload, header);
  }

  /** Writes the header extensions of one packet. */
  #stamp(header: RtpHeader, capture: boolean, playout: boolean, mid: boolean): void {
    const data = this.#extensionData;
    header.extensions.length = 0;
    for (const [name, id] of this.#options.video.extensions) {
      if (name === 'transportCc') {
        data.transportCc.writeUInt16BE(this.#options.path.next, 0);
      } else if (name === 'absSendTime') writeAbsSendTime(data.absSendTime, this.#clock.wall());
      else if (name === 'absCaptureTime' && !capture) continue;
      else if (name === 'playoutDelay' && !playout) continue;
      else if (name === 'mid' && !mid) continue;
      header.extensions.push({ id, payload: data[name] });
    }
    header.extension = header.extensions.length > 0;
  }
}

/** The RTP stream of sound to one viewer. An adapter of werift. */
import {
  RtcpSenderInfo,
  RtcpSourceDescriptionPacket,
  RtcpSrPacket,
  RtpHeader,
  SourceDescriptionChunk,
  SourceDescriptionItem,
} from 'werift';
import { SOUND_CLOCK } from '../../media/sound.ts';
import type { Clock } from '../../time.ts';
import type { PeerTransport } from '../../webrtc/transport.ts';
import type { ViewerSound } from '../offer.ts';
import { ntpTimestamp } from '../rtp/time.ts';
import type { SoundUnit } from './sound-out.ts';

/** The first packets say which section they belong to. */
const MID_PACKETS = 50;

/** Sends the sound of one viewer. */
export class SoundSender {
  readonly #sound: ViewerSound;
  readonly #transport: PeerTransport;
  readonly #clock: Clock;
  readonly #header: RtpHeader;
  readonly #mid: Buffer;
  readonly #base = Math.floor(Math.random() * 2 ** 32);
  #sequence = Math.floor(Math.random() * 0x8000);
  #packets = 0;
  #octets = 0;
  #last: SoundUnit | undefined;

  constructor(sound: ViewerSound, transport: PeerTransport, clock: Clock) {
    this.#sound = sound;
    this.#transport = transport;
    this.#clock = clock;
    this.#header = new RtpHeader({ ssrc: transport.soundSsrc });
    this.#mid = Buffer.from((sound.mid ?? '').slice(0, 16));
  }

  /** Sends a piece; one in a codec that the player does not take is left out. */
  send(unit: SoundUnit): void {
    const payloadType = this.#sound.payloadTypes.get(unit.codec);
    if (payloadType === undefined) return;
    const header = this.#header;
    header.payloadType = payloadType;
    header.sequenceNumber = this.#sequence;
    header.timestamp = this.#timestamp(unit.ticks);
    header.marker = unit.first || this.#packets === 0;
    header.extensions.length = 0;
    const { midExtension: id } = this.#sound;
    if (id !== undefined && this.#packets < MID_PACKETS) header.extensions.push({ id, payload: this.#mid });
    header.extension = header.extensions.length > 0;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#packets += 1;
    this.#octets += unit.data.length;
    this.#last = unit;
    void this.#transport.dtls.sendRtp(Buffer.from(unit.data.buffer, unit.data.byteOffset, unit.data.length), header);
  }

  /**
   * Sender report and name, beside those of the picture: the same clock, the same CNAME. What would leave now has the
   * timestamp that is told, however far sound is from its due time. Nothing before the first packet.
   */
  report(): (RtcpSrPacket | RtcpSourceDescriptionPacket)[] {
    const last = this.#last;
    if (!last) return [];
    const { soundSsrc: ssrc, cname: text } = this.#transport;
    const ticks = Math.round((this.#clock.now() / 1e6) * SOUND_CLOCK[last.codec]) + last.error;
    const senderInfo = new RtcpSenderInfo({
      ntpTimestamp: ntpTimestamp(this.#clock.wall()),
      rtpTimestamp: this.#timestamp(ticks),
      packetCount: this.#packets >>> 0,
      octetCount: this.#octets % 2 ** 32,
    });
    const cname = new SourceDescriptionItem({ type: 1, text });
    return [
      new RtcpSrPacket({ ssrc, senderInfo }),
      new RtcpSourceDescriptionPacket({ chunks: [new SourceDescriptionChunk({ source: ssrc, items: [cname] })] }),
    ];
  }

  #timestamp(ticks: number): number {
    return (this.#base + ticks) % 2 ** 32;
  }
}

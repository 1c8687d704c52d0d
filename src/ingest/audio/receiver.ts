/** One incoming RTP stream of sound: reorder, take apart, place beside the picture. RTSP and WHIP drive it. */
import { asFrameliftError, type FrameliftError } from '../../errors.ts';
import type { SoundPacket } from '../../media/sound.ts';
import type { Micros } from '../../time.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { ReorderBuffer } from '../rtp/reorder-buffer.ts';
import type { RtcpEvent } from '../rtp/rtcp.ts';
import { AacDepacketizer } from './aac.ts';
import { type PictureTimes, SoundPlacement } from './placement.ts';
import { SampleTimes, ticksOf } from './sample-times.ts';
import type { SoundTrack } from './track.ts';
import { OpusTranscoder } from './transcoder.ts';

/** Packets held while one is missing: 1.3 s. A power of two. */
const CAPACITY = 64;
/** A packet of sound has 20 to 60 ms. */
const MAX_PAYLOAD = 4096;

/** Options of {@link SoundReceiver}. */
export interface SoundReceiverOptions {
  readonly track: Pick<SoundTrack, 'sent' | 'payloadType' | 'clockRate' | 'channels' | 'aac'>;
  /** How long a missing packet is waited for; zero on reliable transports. */
  readonly maxWait: Micros;
  readonly picture: PictureTimes;
  /** Takes each piece, during `push` or `expire`. */
  readonly sound: (packet: SoundPacket) => void;
  /** Told of packets lost. */
  readonly lost: (packets: number) => void;
  /** It cannot go on; called once, and nothing comes after it. The picture is none of its business. */
  readonly failed: (error: FrameliftError) => void;
}

/** Packets in, pieces of sound out. Follows one SSRC at a time. Close it. */
export class SoundReceiver {
  readonly #options: SoundReceiverOptions;
  readonly #placement: SoundPlacement;
  readonly #aac: AacDepacketizer | undefined;
  #transcoder: OpusTranscoder | undefined;
  #reorder: ReorderBuffer;
  #times: SampleTimes;
  #ssrc: number | undefined;
  #report: Extract<RtcpEvent, { type: 'sender-report' }> | undefined;
  #fresh = true;
  #closed = false;

  constructor(options: SoundReceiverOptions) {
    this.#options = options;
    const { clockRate, aac } = options.track;
    this.#placement = new SoundPlacement(clockRate);
    this.#aac = aac && new AacDepacketizer(aac);
    this.#reorder = this.#newReorder();
    this.#times = new SampleTimes(options.track.sent);
  }

  /** When {@link expire} has something to do. */
  get deadline(): Micros | undefined {
    return this.#closed ? undefined : this.#reorder.deadline;
  }

  push(packet: RtpPacket): void {
    const { payloadType } = this.#options.track;
    if (this.#closed || packet.payloadType !== payloadType || packet.payload.length > MAX_PAYLOAD) return;
    if (packet.ssrc !== this.#ssrc) this.#follow(packet.ssrc);
    this.#reorder.push(packet);
  }

  /** Takes an RTCP event. */
  rtcp(event: RtcpEvent): void {
    if (event.type !== 'sender-report') return;
    if (this.#ssrc === undefined) this.#report = event;
    else if (event.ssrc === this.#ssrc) this.#placement.senderReport(event.timestamp, event.unix);
  }

  /** Gives up on packets that were waited for too long. */
  expire(now: Micros): void {
    if (!this.#closed) this.#reorder.expire(now);
  }

  /** Frees the codecs. Closing twice is harmless. */
  close(): void {
    this.#closed = true;
    this.#transcoder?.close();
  }

  #newReorder(): ReorderBuffer {
    const { maxWait } = this.#options;
    return new ReorderBuffer({ maxWait, capacity: CAPACITY, deliver: (packet, lost) => this.#deliver(packet, lost) });
  }

  #follow(ssrc: number): void {
    this.#ssrc = ssrc;
    this.#reorder = this.#newReorder();
    this.#placement.newSender();
    this.#times = new SampleTimes(this.#options.track.sent);
    this.#fresh = true;
    if (this.#report?.ssrc === ssrc) this.#placement.senderReport(this.#report.timestamp, this.#report.unix);
    this.#report = undefined;
  }

  #deliver(packet: RtpPacket, lost: number): void {
    if (lost > 0) this.#options.lost(lost);
    if (packet.payload.length === 0) return;
    try {
      if (this.#aac)
        for (const unit of this.#aac.push(packet, lost > 0)) this.#transcode(unit.data, unit.timestamp, packet);
      else this.#pass(packet);
    } catch (error) {
      this.close();
      this.#options.failed(asFrameliftError(error, 'decode.failed'));
    }
  }

  #pass({ payload, timestamp: stamp, arrival }: RtpPacket): void {
    const { track, picture, sound } = this.#options;
    const { pts, fresh } = this.#placement.place(stamp, arrival, picture);
    const timestamp = this.#times.place(stamp, ticksOf(track.sent, payload));
    // The payload is a view of a larger read, which would live as long as it.
    sound({ codec: track.sent, data: Buffer.from(payload), pts, timestamp, fresh: fresh || this.#fresh });
    this.#fresh = false;
  }

  #transcode(data: Uint8Array, timestamp: number, { arrival }: RtpPacket): void {
    const { track, picture, sound } = this.#options;
    const { pts, fresh } = this.#placement.place(timestamp, arrival, picture);
    this.#transcoder ??= new OpusTranscoder({
      channels: track.channels,
      config: track.aac?.config ?? new Uint8Array(0),
    });
    this.#transcoder.push(data, pts, fresh || this.#fresh, (packet) => sound({ codec: 'opus', ...packet }));
    this.#fresh = false;
  }
}

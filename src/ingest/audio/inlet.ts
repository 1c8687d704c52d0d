/** A receiver of sound with its timer: what RTSP and WHIP have in common. */
import type { SoundInfo, SoundPacket } from '../../media/sound.ts';
import type { EventSink } from '../../metrics/events.ts';
import type { CancelTimer, Clock, Micros } from '../../time.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import type { RtcpEvent } from '../rtp/rtcp.ts';
import type { PictureTimes } from './placement.ts';
import { SoundReceiver } from './receiver.ts';
import type { SoundTrack } from './track.ts';

/** Options of {@link SoundInlet}. */
export interface SoundInletOptions {
  readonly track: Omit<SoundTrack, 'control'>;
  readonly clock: Clock;
  readonly stream: string;
  readonly events: EventSink;
  readonly log: { warn(fields: object, message: string): void };
  /** How long a missing packet is waited for. */
  readonly maxWait: Micros;
  readonly picture: PictureTimes;
  readonly sound: (packet: SoundPacket) => void;
}

/** Takes the packets of one track until it is closed. Sound that fails leaves the picture alone. */
export class SoundInlet {
  readonly info: SoundInfo;
  readonly #clock: Clock;
  readonly #receiver: SoundReceiver;
  #cancel: CancelTimer | undefined;

  constructor({ track, clock, stream, events, log, maxWait, picture, sound }: SoundInletOptions) {
    this.info = { codec: track.codec, sent: track.sent };
    this.#clock = clock;
    this.#receiver = new SoundReceiver({
      ...{ track, maxWait, picture, sound },
      lost: (count) => events.emit({ type: 'sound-drop', stream, reason: 'loss', count }),
      failed: (error) => {
        events.emit({ type: 'sound-drop', stream, reason: 'decode-failed', count: 1 });
        log.warn({ code: error.code }, `the sound has failed, the picture goes on: ${error.message}`);
      },
    });
  }

  push(packet: RtpPacket): void {
    this.#receiver.push(packet);
    this.#setTimer();
  }

  rtcp(event: RtcpEvent): void {
    this.#receiver.rtcp(event);
  }

  /** Forgets what waits, and frees the codecs. Closing twice is harmless. */
  close(): void {
    this.#cancel?.();
    this.#receiver.close();
  }

  #setTimer(): void {
    const due = this.#receiver.deadline;
    if (due === undefined || this.#cancel) return;
    this.#cancel = this.#clock.at(due, () => {
      this.#cancel = undefined;
      this.#receiver.expire(this.#clock.now());
      this.#setTimer();
    });
  }
}

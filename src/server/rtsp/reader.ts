/** What an RTSP reader is sent: the access units and the sound of a publication, as RTP over its connection or by UDP. */
import type { SoundUnit } from '../../egress/audio/sound-out.ts';
import type { Follower } from '../../egress/followers.ts';
import type { Publication } from '../../egress/publication.ts';
import { packetizeH264 } from '../../egress/rtp/packetizer.ts';
import type { EncodedUnit } from '../../egress/viewer.ts';
import { SOUND_CLOCK, type SoundCodec } from '../../media/sound.ts';
import type { EventSink, Variant } from '../../metrics/events.ts';
import { type CancelTimer, type Clock, fromMs, plus } from '../../time.ts';
import { SOUND_PAYLOAD_TYPES, VIDEO_PAYLOAD_TYPE } from './description.ts';
import { Track } from './track.ts';

/** Where the packets of a track go. */
export interface Lane {
  rtp(packet: Buffer): void;
  rtcp(packet: Buffer): void;
}

/** Options of {@link Reader}. */
export interface ReaderOptions {
  readonly stream: string;
  readonly variant: Variant;
  readonly publication: Pick<Publication, 'follow'>;
  readonly sound: SoundCodec | undefined;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly cname: string;
}

const VIDEO_CLOCK = 90_000;
/** Bytes of payload: with all headers they pass Ethernet in one piece. */
const MAX_PAYLOAD = 1400;
const REPORT_INTERVAL = fromMs(5000);

/** Of access units that some reader has just been sent: all are sent the same. */
const packetized = new WeakMap<Buffer, readonly Buffer[]>();

function payloadsOf(data: Buffer): readonly Buffer[] {
  const before = packetized.get(data);
  if (before) return before;
  const payloads = packetizeH264(data, { maxPayload: MAX_PAYLOAD });
  packetized.set(data, payloads);
  return payloads;
}

/** One reader's tracks. Close it. */
export class Reader implements Follower {
  readonly #options: ReaderOptions;
  readonly tracks: readonly [Track, Track | undefined];
  readonly #lanes: [Lane | undefined, Lane | undefined] = [undefined, undefined];
  #following: ReturnType<Publication['follow']> | undefined;
  #cancelReport: CancelTimer = () => {};

  constructor(options: ReaderOptions) {
    this.#options = options;
    const { sound } = options;
    this.tracks = [
      new Track(VIDEO_PAYLOAD_TYPE, VIDEO_CLOCK),
      sound && new Track(SOUND_PAYLOAD_TYPES[sound], SOUND_CLOCK[sound]),
    ];
  }

  /** Says where a track goes; false for one that there is not. */
  setUp(track: 0 | 1, lane: Lane): boolean {
    if (!this.tracks[track]) return false;
    this.#lanes[track] = lane;
    return true;
  }

  /** True once a track is set up. */
  get ready(): boolean {
    return this.#lanes.some((lane) => lane !== undefined);
  }

  get playing(): boolean {
    return this.#following !== undefined;
  }

  /** Sends from the next keyframe on. Twice is harmless. */
  play(): void {
    this.#following ??= this.#options.publication.follow(this);
    this.#cancelReport();
    this.#reportLater();
  }

  /** The reader has lost something. */
  requestKeyframe(): void {
    this.#following?.requestKeyframe();
  }

  /** Sends nothing from now on. Twice is harmless. */
  pause(): void {
    this.#following?.[Symbol.dispose]();
    this.#following = undefined;
    this.#cancelReport();
  }

  take(unit: EncodedUnit): void {
    const [track] = this.tracks;
    const [lane] = this.#lanes;
    if (!lane) return;
    const ticks = track.ticks(unit.due);
    const payloads = payloadsOf(unit.data);
    const starts = track.packets === 0;
    for (const payload of payloads) lane.rtp(track.packet(payload, ticks, payload === payloads.at(-1)));
    // At once, so that sound and picture are shown together from the start.
    if (starts) this.#report(0);
    const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
    const { stream, variant } = this.#options;
    this.#options.events.emit({ type: 'sent', stream, variant, bytes, packets: payloads.length });
  }

  takeSound({ codec, data, ticks, error, first }: SoundUnit): void {
    const [, track] = this.tracks;
    const [, lane] = this.#lanes;
    if (!track || !lane || codec !== this.#options.sound) return;
    const starts = track.packets === 0;
    lane.rtp(track.packet(data, ticks, first || starts, error));
    if (starts) this.#report(1);
  }

  #report(index: 0 | 1): void {
    const { clock, cname } = this.#options;
    const track = this.tracks[index];
    if (track && track.packets > 0) this.#lanes[index]?.rtcp(track.report(clock.wall(), clock.now(), cname));
  }

  #reportLater(): void {
    const { clock } = this.#options;
    this.#cancelReport = clock.at(plus(clock.now(), REPORT_INTERVAL), () => {
      this.#report(0);
      this.#report(1);
      this.#reportLater();
    });
  }
}

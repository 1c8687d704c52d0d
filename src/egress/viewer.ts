/**
 * The words of egress: encoded units, and what a publication asks of a viewer's connection. Only
 * the adapters know FFmpeg and WebRTC.
 */
import type { FrameInfo } from '../media/frame.ts';
import type { SoundCodec } from '../media/sound.ts';
import type { Micros } from '../time.ts';
import type { TransportSettings } from '../webrtc/transport.ts';
import type { SoundUnit } from './audio/sound-out.ts';
import type { SentCodec } from './codec/encoder-name.ts';
import type { H264Profile } from './codec/h264-syntax.ts';
import type { ViewingReport } from './viewing-report.ts';

/**
 * An access unit on its way out: a frame of ours, encoded, with its times and its provenance. What
 * comes in is `AccessUnit` in src/media.
 */
export interface EncodedUnit extends Omit<FrameInfo, 'discontinuity' | 'coded'> {
  /** H.264 as Annex B, parameter sets included when it is a keyframe; a frame of VP8 as it is. */
  readonly data: Buffer;
  /** True for an IDR, or a key frame of VP8: decodable without anything before it. */
  readonly keyframe: boolean;
  /**
   * Even release time of the frame, monotonic: the RTP timestamp is this at 90 kHz. Strictly
   * rising.
   */
  readonly due: Micros;
  /** When the encoder was done with it, monotonic. */
  readonly encoded: Micros;
  /**
   * The source's own bytes, sent on: as they came, or from what was kept, for a viewer that came later.
   * Absent: encoded here.
   */
  readonly passed?: 'live' | 'kept';
}

/** An access unit as RTP payloads. They are shared by all viewers: never written to. */
export interface PacketizedUnit {
  readonly unit: EncodedUnit;
  readonly payloads: readonly Buffer[];
  /** All are single NAL units: viewers of packetization mode 0 take them. */
  readonly single: boolean;
}

/** Settings of viewers' connections. */
export interface PeerSettings extends TransportSettings {
  /**
   * How long a player may hold frames back to even out their cadence (playout-delay extension).
   * Default 0: each is shown as soon as it is decoded, since they leave here evenly.
   */
  readonly maxPlayoutDelay?: Micros;
  /** The sound that there is to send. Default: none. */
  readonly sound?: SoundCodec | undefined;
  /** What is sent at present, where it is not constrained baseline: formats that take it come first. */
  readonly profile?: H264Profile | undefined;
}

/**
 * Why a viewer needs a keyframe: its decoder asks, it has just come, or it was too slow and starts
 * again.
 */
export type KeyframeCause = 'pli' | 'fir' | 'join' | 'slow';

/** What a connection tells its publication. */
export interface ViewerEvents {
  /** The viewer needs an IDR. */
  keyframeNeeded(cause: KeyframeCause): void;
  /** The first packet of `unit` has left; `packets` and payload `bytes` of the whole unit. */
  sent(unit: EncodedUnit, packets: number, bytes: number): void;
  /** Packets sent again on request. */
  retransmitted(packets: number): void;
  /** Packets that the player asked for again. */
  asked(packets: number): void;
  /** A packet's way there and back was measured. */
  roundTrip(span: Micros): void;
  /** The player says what its viewer sees. */
  seen(report: ViewingReport): void;
  /** Access units given up because this viewer cannot keep up. */
  dropped(units: number): void;
  /** The connection has ended, by either side. Called once. */
  ended(reason: string): void;
}

/** Feedback of one viewer. */
export interface ViewerStats {
  /** Round-trip time; undefined until the first report. */
  readonly rtt: Micros | undefined;
  /** Share of packets lost in the last report, 0…1. */
  readonly loss: number;
  /** Access units waiting to be sent. */
  readonly depth: number;
}

/** What a path carries. */
export interface PathEstimate {
  /** Bits per second for access units: without headers, and what is sent again. */
  readonly available: number;
  /** Packets queue on it, or are lost for lack of room; undefined: the player does not tell. */
  readonly congested: boolean | undefined;
  /** Share of packets lost of late, 0…1. */
  readonly loss: number;
}

/** A data channel that the player opens, to be told. What it sends there is not read. */
export interface ViewerChannel {
  /**
   * Sends a message, text or bytes. False, and nothing is sent, while the player has no such
   * channel open, when more than 64 KiB wait in its buffer, when the message is longer than the
   * player takes, and after the end.
   */
  send(message: string | Buffer): boolean;
}

/** A viewer's connection. It owns a bounded queue and sends from it at its own pace. */
export interface Viewer {
  /** SDP answer, with all candidates unless they are trickled. */
  readonly answer: string;
  /** The player's ICE user name. */
  readonly iceUfrag: string;
  /**
   * Takes a candidate of the player's that was not in its offer: the value of an `a=candidate:`
   * line, checked.
   */
  addCandidate(candidate: string): void;
  /** Queues an access unit. Never blocks. */
  send(item: PacketizedUnit): void;
  /** Sends a piece of sound, if the player takes any. Never blocks. */
  sendSound(unit: SoundUnit): void;
  /**
   * The data channel that the player calls `label`; it may open it later. Undefined when its offer
   * has no data channels.
   */
  openChannel(label: string): ViewerChannel | undefined;
  /** What it is sent. */
  readonly codec: SentCodec;
  /** The `profile-level-id` that was agreed; undefined where its format has none. */
  readonly profile: string | undefined;
  /** It takes single NAL unit packets alone (H.264's packetization mode 0). */
  readonly singleNal: boolean;
  /** True once media can flow. */
  readonly connected: boolean;
  /** True once the player has proven by ICE that it is there. */
  readonly reached: boolean;
  /** How long it has been silent since it connected, while this process ran. */
  readonly silence: Micros;
  readonly stats: ViewerStats;
  /** What its path carries; undefined while its player has told nothing. */
  readonly path: PathEstimate | undefined;
  /** Bits per second of access units that it would be sent if its path carried them: looked for by probes. */
  want(bitsPerSecond: number): void;
  /** Forgets what waits to be sent: what comes next begins with a keyframe. */
  restart(): void;
  /** Access units the queue holds at most. */
  readonly capacity: number;
  /** Ends the connection; `ended` is called. Twice is harmless. */
  close(reason: string): Promise<void>;
}

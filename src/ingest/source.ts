/** The contract of every source: frames into a sink until told to stop. */
import type { Frame } from '../media/frame.ts';
import type { PictureTraits } from '../media/picture-traits.ts';
import type { SoundInfo, SoundPacket } from '../media/sound.ts';

/** What a source knows once it is connected. */
export interface SourceInfo {
  /** `h264`, `hevc`, `vp8` … in FFmpeg's spelling. */
  readonly codec: string;
  /** Luma samples; 0 when only the first frame will tell. */
  readonly width: number;
  readonly height: number;
  /**
   * Nominal frame rate if the source declares one (SDP, container), else undefined. Never used for
   * timing.
   */
  readonly fps: number | undefined;
  /** For people: `rtsp/tcp`, `file`, `ffmpeg`. */
  readonly transport: string;
  /** What its pictures are beside their size: encoders must pass it on. Absent = unknown. */
  readonly traits?: PictureTraits;
  /** The sound beside its pictures. Absent = none that is taken. */
  readonly sound?: SoundInfo;
  /** What makes its frames known later than they were sent. Absent = nothing. */
  readonly waits?: SourceWaits;
  /** What is wrong with its clock. Absent = nothing that is known. */
  readonly clock?: ClockFault;
}

/** What the frames of a source wait for after they have arrived, in frames. */
export interface SourceWaits {
  /** They are sent in another order than they are shown in. */
  readonly reordered: number;
  /** One where the end of a frame is only known from the start of the next: no marker bit. */
  readonly unmarked: 0 | 1;
}

/** What is wrong with a source's clock, once it has been so for some seconds. */
export type ClockFault =
  /** The stamps run so many times as fast as time. */
  | { readonly kind: 'speed'; readonly speed: number }
  /** There are none, or they do not advance. */
  | { readonly kind: 'none' };

/** Where frames go. Calls are synchronous and must not throw. */
export interface FrameSink {
  /** Hands a frame over: the sink owns it. */
  frame(frame: Frame): void;
  /**
   * Called once per connection, before the first frame; again when the source's size or codec
   * changes.
   */
  info(info: SourceInfo): void;
  /** Hands over a piece of the sound beside the frames. Absent: nobody wants it. */
  sound?(packet: SoundPacket): void;
}

/** A source of frames. One instance may be run many times, one run at a time. */
export interface Source {
  /** For logs: kind and URL without credentials. */
  readonly label: string;
  /**
   * Connects and delivers until `signal` aborts (then resolves) or the source ends or breaks (then
   * rejects with a FrameliftError; `source.ended` for an orderly end). Settles only when every
   * socket, child process and native object is closed.
   */
  run(sink: FrameSink, signal: AbortSignal): Promise<void>;
  /**
   * Asks whoever encodes for a keyframe, at most twice a second however often it is called. False:
   * that cannot be asked for here, or nobody sends. Absent: it never can.
   */
  requestKeyframe?(): boolean;
}

/** One published variant of one stream: encoded once for all viewers, from a frame pushed at its release time. */
import type { Frame } from '../frame.ts';
import type { EventSink, Variant } from '../metrics/events.ts';
import type { Clock, Micros } from '../time.ts';
import type { PeerSettings } from './viewer.ts';

/** Options of {@link Publication}. */
export interface PublicationOptions {
  readonly stream: string;
  readonly variant: Variant;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Nominal output rate, frames per second: sizes the encoder's buffer and spreads packets. */
  readonly fps: number;
  /** Bits per second; undefined = by pixels and rate. */
  readonly bitrate?: number;
  /** Most viewers at a time. Default 16. */
  readonly maxViewers?: number;
  /** How WebRTC connections are made. */
  readonly peer?: PeerSettings;
}

/** What joining gives back: the session of one viewer. */
export interface ViewerSession {
  /** SDP answer with all candidates. */
  readonly answer: string;
  /** Resolves once, when the session has ended for whatever reason. */
  readonly ended: Promise<void>;
  /** Ends the session. Calling it twice is harmless. */
  close(): Promise<void>;
}

/** Takes frames, gives them to viewers. */
export class Publication implements AsyncDisposable {
  readonly stream: string;
  readonly variant: Variant;

  constructor(options: PublicationOptions) {
    this.stream = options.stream;
    this.variant = options.variant;
  }

  /** Sends `frame` to all viewers; takes ownership. `due` (default: now) is its even release time and becomes its RTP timestamp. Never blocks, never throws. */
  push(frame: Frame, _due?: Micros): void {
    frame.release();
  }

  /** True once a frame has been pushed: a viewer that joins now sees a picture at once, even when the source is gone. */
  get live(): boolean {
    return false;
  }

  /** Viewers now. */
  get viewers(): number {
    return 0;
  }

  /** Lets a viewer in by its SDP offer. @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable`, `webrtc.overloaded`, `webrtc.no-source`. */
  join(_offer: string): Promise<ViewerSession> {
    return Promise.reject(new Error('to be built'));
  }

  /** Changes the encoder's bitrate live, bits per second. */
  setBitrate(_bitsPerSecond: number): void {}

  /** Closes all viewers and the encoder, releases everything. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

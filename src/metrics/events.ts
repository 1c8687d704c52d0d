/** What stages report, as plain typed events. Only `instruments.ts` knows Prometheus. */
import type { PairDecision } from '../media/pair-decision.ts';
import type { StreamState } from '../media/stream-state.ts';
import type { Micros } from '../time.ts';

/** The stages that report, in the order of a frame's path. `ingest` reports drops alone. */
export type StageName = 'ingest' | 'decode' | 'interpolate' | 'pace' | 'encode' | 'packetize' | 'peer';

/** Which of the two published streams. */
export type Variant = 'upconverted' | 'source';

/** Why a frame or packet never reached the next stage. Bounded: it becomes a label. */
export type DropReason =
  | 'queue-full'
  | 'late'
  | 'loss'
  | 'corrupt'
  | 'awaiting-keyframe'
  | 'stopped'
  | 'arena-full'
  | 'duplicate'
  | 'foreign-sender'
  | 'viewer-slow'
  | 'encode-failed'
  | 'not-on-grid'
  | 'overtaken';

/** Where a recording stands. Bounded: it becomes a label. */
export type RecordingState = 'off' | 'waiting' | 'recording' | 'disk-full' | 'failed';

/** Why sound was lost. Bounded: it becomes a label. */
export type SoundDropReason = 'loss' | 'late' | 'queue-full' | 'no-picture' | 'decode-failed' | 'stopped';

/** One thing that happened. */
export type MetricEvent =
  /** A frame left the pacer. */
  | {
      readonly type: 'frame';
      readonly stream: string;
      readonly fate: 'source' | 'interpolated' | 'extrapolated' | 'repeated';
      readonly reason?: string;
    }
  /** When it left: `late` after its due time; for a source frame also `added`, after its own arrival. */
  | { readonly type: 'release'; readonly stream: string; readonly late: Micros; readonly added: Micros | undefined }
  /** The most that a source frame may be held back, and the part of it that is arithmetic. */
  | { readonly type: 'budget'; readonly stream: string; readonly budget: Micros; readonly floor: Micros }
  | {
      readonly type: 'drop';
      readonly stream: string;
      readonly stage: StageName;
      readonly reason: DropReason;
      readonly count?: number;
    }
  /** Time spent in one stage, queueing for it included. `pace`: from the source frame's arrival to release. */
  | { readonly type: 'stage'; readonly stream: string; readonly stage: StageName; readonly span: Micros }
  /** Source arrival (last byte of the frame; for synthetic frames, of the later parent) to first packet sent. */
  | { readonly type: 'latency'; readonly stream: string; readonly variant: Variant; readonly span: Micros }
  | { readonly type: 'deadline-miss'; readonly stream: string }
  /** A queue's depth has changed. */
  | {
      readonly type: 'queue';
      /** Empty for a queue that all streams share. */
      readonly stream: string;
      /** Where each variant has a queue of its own. */
      readonly variant?: Variant;
      readonly stage: StageName;
      readonly depth: number;
      readonly capacity: number;
    }
  | { readonly type: 'viewers'; readonly stream: string; readonly variant: Variant; readonly count: number }
  /** Viewers of the source variant that are sent the source's own access units. */
  | { readonly type: 'passed-viewers'; readonly stream: string; readonly count: number }
  | {
      readonly type: 'sent';
      readonly stream: string;
      readonly variant: Variant;
      readonly bytes: number;
      readonly packets: number;
    }
  | {
      readonly type: 'keyframe-request';
      readonly stream: string;
      readonly variant: Variant;
      readonly cause: 'pli' | 'fir' | 'join';
    }
  | { readonly type: 'keyframe'; readonly stream: string; readonly variant: Variant }
  | { readonly type: 'retransmit'; readonly stream: string; readonly variant: Variant; readonly packets: number }
  | {
      readonly type: 'encoder-bitrate';
      readonly stream: string;
      readonly variant: Variant;
      readonly bitsPerSecond: number;
    }
  /** What the path of one viewer carries, bits per second, and the share of packets it loses: once a second. */
  | {
      readonly type: 'viewer-path';
      readonly stream: string;
      readonly variant: Variant;
      readonly bitsPerSecond: number;
      readonly loss: number;
    }
  /** Packets that a viewer asked for again. */
  | { readonly type: 'viewer-asked'; readonly stream: string; readonly variant: Variant; readonly packets: number }
  | { readonly type: 'viewer-round-trip'; readonly stream: string; readonly variant: Variant; readonly span: Micros }
  /** What a viewer sees, by its player: each second or so. */
  | {
      readonly type: 'viewer-seen';
      readonly stream: string;
      readonly variant: Variant;
      /** Frames presented per second. */
      readonly fps: number;
      readonly freezes: number;
      readonly frozen: Micros;
      /** From capture to presentation. */
      readonly latency?: Micros;
    }
  /** An output takes the stream, or does not. */
  | { readonly type: 'output-live'; readonly stream: string; readonly output: string; readonly live: boolean }
  | { readonly type: 'output-sent'; readonly stream: string; readonly output: string; readonly bytes: number }
  /** An output has failed, and is tried again. */
  | { readonly type: 'output-restart'; readonly stream: string; readonly output: string; readonly reason: string }
  /** Readers that play by RTSP. */
  | { readonly type: 'rtsp-readers'; readonly stream: string; readonly variant: Variant; readonly count: number }
  /** Viewers that are sent a rendition, and its bitrate: 0 while nobody is. */
  | {
      readonly type: 'rendition';
      readonly stream: string;
      readonly variant: Variant;
      readonly rendition: 'reduced' | 'small' | 'vp8';
      readonly viewers: number;
      readonly bitsPerSecond: number;
    }
  /** A viewer is sent another rendition. */
  | {
      readonly type: 'rendition-change';
      readonly stream: string;
      readonly variant: Variant;
      readonly rendition: 'full' | 'reduced' | 'small';
    }
  /** Where the recording of a variant stands. */
  | {
      readonly type: 'recording-state';
      readonly stream: string;
      readonly variant: Variant;
      readonly state: RecordingState;
    }
  /** A segment was begun. */
  | { readonly type: 'recording-segment'; readonly stream: string; readonly variant: Variant }
  /** Bytes went to the disk. */
  | { readonly type: 'recorded'; readonly stream: string; readonly variant: Variant; readonly bytes: number }
  /** Pictures that the disk was too slow for. */
  | { readonly type: 'recording-drop'; readonly stream: string; readonly variant: Variant; readonly count: number }
  /** A segment was deleted. */
  | { readonly type: 'recording-removed'; readonly stream: string; readonly reason: string }
  /** What lies on the disk. */
  | { readonly type: 'recordings-kept'; readonly stream: string; readonly bytes: number; readonly segments: number }
  /** RTP packets lost on the way in, after reordering. */
  | { readonly type: 'ingest-loss'; readonly stream: string; readonly packets: number }
  /** Pieces of sound that reach no viewer. */
  | { readonly type: 'sound-drop'; readonly stream: string; readonly reason: SoundDropReason; readonly count: number }
  /** A piece of sound has left for the viewers, this much later than the picture that belongs to it. */
  | { readonly type: 'sound'; readonly stream: string; readonly variant: Variant; readonly skew: Micros }
  | { readonly type: 'reconnect'; readonly stream: string; readonly reason: string }
  /** A WebRTC peer, or somebody in its place, sent something in vain. */
  | { readonly type: 'webrtc-refused'; readonly reason: string }
  | {
      readonly type: 'pair';
      readonly stream: string;
      readonly decision: PairDecision;
    }
  /** Things that came to or should have left the port of WebRTC and were dropped, since it was last told. */
  | { readonly type: 'webrtc-drop'; readonly reason: string; readonly count: number }
  /** A peer was refused because no network port is open. */
  | { readonly type: 'webrtc-no-port' }
  /** What the source's frames wait for after their arrival, and how fast its clock runs: 1 where it is right. */
  | {
      readonly type: 'source-timing';
      readonly stream: string;
      readonly reordered: Micros;
      readonly unmarked: Micros;
      readonly speed: number;
    }
  /** The added latency had grown beyond the budget for good: what waited was dropped. */
  | { readonly type: 'latency-cut'; readonly stream: string; readonly latency: Micros }
  /** A model runs on this execution provider. */
  | { readonly type: 'provider'; readonly model: string; readonly provider: string }
  /** One run of a model on `jobs` pairs. */
  | {
      readonly type: 'inference';
      readonly model: string;
      readonly provider: string;
      readonly span: Micros;
      readonly jobs: number;
    }
  /** A frame whose model judges itself was shown. */
  | { readonly type: 'confidence'; readonly stream: string; readonly model: string; readonly value: number }
  /** The ladder stands so many rungs below the best; with the change that led there. */
  | {
      readonly type: 'ladder';
      readonly stream: string;
      readonly depth: number;
      readonly change?: { readonly to: string; readonly reason: string };
    }
  | { readonly type: 'state'; readonly stream: string; readonly state: StreamState }
  /** The source was opened, or its size or codec changed. Width and height are 0 while unknown. */
  | {
      readonly type: 'source-info';
      readonly stream: string;
      readonly codec: string;
      readonly width: number;
      readonly height: number;
      readonly fps?: number | undefined;
      /** Each frame holds two moments. Absent = no. */
      readonly interlaced?: boolean | undefined;
    };

/** Takes events. Must not throw and must not block. */
export interface EventSink {
  emit(event: MetricEvent): void;
}

/** An {@link EventSink} that forgets everything, for library users and tests. */
export const noEvents: EventSink = { emit: () => {} };

/** The access unit: what depacketizers and demuxers hand to the decoder. */
import type { Micros } from '../time.ts';

/** Codecs that arrive over RTP, in FFmpeg's spelling. Files may hold any other that FFmpeg decodes. */
export type VideoCodec = 'h264' | 'hevc' | 'vp8' | 'vp9' | 'av1';

/** The coded bytes of one frame, with its times. */
export interface AccessUnit {
  /** Annex B for H.264 and H.265 (or as the container's extradata says), one temporal unit or frame for the others. */
  readonly data: Uint8Array;
  /** Presentation time on the source's own timeline. */
  readonly pts: Micros;
  /** Monotonic clock when its last byte arrived. */
  readonly arrival: Micros;
  /** Wall-clock capture time where known, else the wall clock at arrival. */
  readonly capture: Micros;
  /** True when decoding can start here: IDR, CRA, BLA, a recovery point, an intra frame of VP8/VP9/AV1. */
  readonly keyframe: boolean;
  /** True when no pair may be formed with the frame before it: a jump or a gap in time. */
  readonly discontinuity: boolean;
  /** Bytes of this access unit are missing: it must not be decoded. Absent = false. */
  readonly damaged?: boolean;
  /** An access unit before this one is missing: only a keyframe can be decoded. Absent = false. */
  readonly afterLoss?: boolean;
  /** The coded alpha beside it, as Matroska has it of VP8 and VP9. Absent = none, or nobody wants it. */
  readonly alpha?: Uint8Array | undefined;
}

/** The coded bytes that a frame came in, for those who are sent them as they are. */
export interface CodedPicture {
  /** Annex B, as the source sent it. */
  readonly data: Uint8Array;
  /**
   * One more than that of the access unit before it, at the same decoder. Any other step: units
   * between the two are missing, or another decoder's.
   */
  readonly serial: number;
  /** Parameter sets that the source told beside the video, as Annex B. Empty for none. */
  readonly parameterSets: Uint8Array;
}

/** What a decoder is to do. */
import type { Arena } from '../../media/arena.ts';
import type { SampleAspect } from '../../media/picture-traits.ts';
import type { EventSink } from '../../metrics/events.ts';
import type { Clock, Micros } from '../../time.ts';
import type { SourceLog } from '../source-log.ts';
import type { CodecOptions } from './codec-context.ts';
import type { DeinterlaceChoice } from './deinterlacer.ts';

/**
 * Options of `VideoDecoder.open`. Give `codec` (RTP) or `codecParameters` (a container's
 * stream).
 */
export interface VideoDecoderOptions extends CodecOptions {
  readonly arena: Arena;
  readonly clock: Clock;
  /** For events. */
  readonly stream: string;
  readonly events?: EventSink;
  readonly log?: SourceLog;
  /**
   * What becomes of damage. `drop` (default): damaged frames are dropped, and all up to the next
   * keyframe. `conceal`, for files: units are decoded as they are, from the first on, references are
   * kept, and frames are delivered as FFmpeg conceals them.
   */
  readonly damage?: 'drop' | 'conceal';
  /** Told of the time of each damaged frame that is delivered, and of each unit that gave none. */
  readonly onDamage?: (what: 'frame' | 'unit', pts: Micros) => void;
  /**
   * Drop frames that are not later than the one before. Default true. False for live sources, whose
   * stamps are judged as a whole: frames come out in the order in which they are shown.
   */
  readonly dropLate?: boolean;
  /** Whether frames that hold two fields are taken apart. Default `off`. */
  readonly deinterlace?: DeinterlaceChoice;
  /**
   * Frames hold beside their I420 form what that cannot hold (`Frame.deep`), and traits tell how the
   * source stores it. Default false: nothing that is live needs it.
   */
  readonly keepForm?: boolean;
  /**
   * H.264 frames carry the coded bytes that they came in, where one access unit gave one frame at once
   * (`Frame.coded`). Default false.
   */
  readonly keepCoded?: boolean;
  /** The shape of samples that a container tells. It wins over what frames say. */
  readonly sampleAspect?: SampleAspect | undefined;
}

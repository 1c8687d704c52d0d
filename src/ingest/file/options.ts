/** How a file is to be read. */
import type { Log } from '../../log.ts';
import type { Arena } from '../../media/arena.ts';
import type { Rational } from '../../media/rate.ts';
import type { EventSink } from '../../metrics/events.ts';
import type { Clock } from '../../time.ts';
import type { DeinterlaceChoice } from '../decode/deinterlacer.ts';
import type { IngestLimits } from '../limits.ts';

/** Options of `openVideoFile`. */
export interface VideoFileOptions {
  readonly path: string;
  /** For events and logs. */
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Default: none. */
  readonly log?: Log;
  /** Decoder threads, default 1. */
  readonly threads?: number;
  /** A file that exceeds them fails. Its bitrate does not matter. Default: none. */
  readonly limits?: IngestLimits | undefined;
  /**
   * What happens to a frame that finds the arena full. Default `throw`; live sources drop it,
   * counted.
   */
  readonly whenFull?: 'throw' | 'drop';
  /** Whether frames that hold two fields are taken apart. Default `off`. */
  readonly deinterlace?: DeinterlaceChoice | undefined;
  /**
   * Frames hold beside 8-bit 4:2:0 what that cannot hold, and traits tell how the file stores it.
   * Default false.
   */
  readonly keepForm?: boolean;
  /** Images per second, where `path` stands for numbered ones. */
  readonly imageRate?: Rational | undefined;
  /**
   * True for tools that must lose nothing: damage is concealed and noted, a file that breaks off just
   * ends, and timestamps that jump, repeat or go back are mended. Default false, as for live sources:
   * damage is dropped up to the next keyframe, and a break is thrown.
   */
  readonly offline?: boolean;
}

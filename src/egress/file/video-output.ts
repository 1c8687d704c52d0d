/** What takes the frames of a video. */
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';

/** Takes the frames of one video. All must have the size of the first. */
export interface VideoOutput extends AsyncDisposable {
  /**
   * Writes one frame and releases it; the first one's `traits` tag the output. Times must increase.
   * @throws FrameliftError `encode.failed`, `mux.failed`.
   */
  write(frame: Frame, traits?: PictureTraits): Promise<void>;
  /** Writes what still waits, and closes. @throws FrameliftError `encode.failed`, `mux.failed`. */
  finish(): Promise<void>;
  /** What is worth knowing about what was written, a sentence each. @param sourceFrames that were read. */
  notes?(sourceFrames: number): string[];
}

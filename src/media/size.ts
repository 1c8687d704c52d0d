/** The size of frames. */

/** Luma samples. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

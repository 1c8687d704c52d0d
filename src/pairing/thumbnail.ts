/** What pairing keeps of a frame: a thumbnail of its luma. Pure. */
import type { PlaneLayout } from '../media/frame.ts';

/** Cells of a thumbnail. */
export const THUMB_WIDTH = 64;
export const THUMB_HEIGHT = 36;
/** Samples per cell and axis. */
export const TAPS = 4;

/**
 * A frame's fingerprint: TAPS² luma samples for each cell (kept for the duplicate test) and their
 * mean (for the cut test). Costs about 0.1 ms at any frame size; reused from frame to frame.
 */
export class Thumbnail {
  readonly samples = new Uint8Array(THUMB_WIDTH * THUMB_HEIGHT * TAPS * TAPS);
  readonly cells = new Float32Array(THUMB_WIDTH * THUMB_HEIGHT);

  /** Reads the luma plane of `bytes`, which is laid out as `layout` says. */
  read(bytes: Uint8Array, layout: PlaneLayout): void {
    const { width, height, strideY } = layout;
    let s = 0;
    for (let cy = 0; cy < THUMB_HEIGHT; cy++) {
      for (let cx = 0; cx < THUMB_WIDTH; cx++) {
        let sum = 0;
        for (let j = 0; j < TAPS; j++) {
          const y = Math.floor(((cy * TAPS + j + 0.5) * height) / (THUMB_HEIGHT * TAPS));
          for (let i = 0; i < TAPS; i++) {
            const x = Math.floor(((cx * TAPS + i + 0.5) * width) / (THUMB_WIDTH * TAPS));
            const value = bytes[layout.y + y * strideY + x] ?? 0;
            this.samples[s++] = value;
            sum += value;
          }
        }
        this.cells[cy * THUMB_WIDTH + cx] = sum / (TAPS * TAPS);
      }
    }
  }
}

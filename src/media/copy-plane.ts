/** Copying planes. */
import { FrameliftError } from '../errors.ts';

/**
 * Copies `rows` rows of `width` bytes between planes of different strides.
 * @throws FrameliftError `decode.failed` when `from` is absent or smaller than it should be.
 */
export function copyPlane(
  to: Uint8Array,
  toStride: number,
  from: Uint8Array | undefined,
  fromStride: number | undefined,
  width: number,
  rows: number,
): void {
  if (!from || !fromStride || fromStride < width || from.length < fromStride * (rows - 1) + width) {
    throw new FrameliftError('decode.failed', 'a decoded plane is smaller than the frame', { recoverable: true });
  }
  if (fromStride === toStride) {
    to.set(from.subarray(0, Math.min(from.length, toStride * rows)));
    return;
  }
  for (let row = 0; row < rows; row += 1) {
    to.set(from.subarray(row * fromStride, row * fromStride + width), row * toStride);
  }
}

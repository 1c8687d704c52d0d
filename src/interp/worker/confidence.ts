/** From a network's own estimate of its error to the confidence that frames carry. */

/** Expected luma error (0…1) at which confidence has fallen to 1/e. */
const ERROR_SCALE = 0.05;

/** exp(−error / 0.05) of a frame's mean expected luma error (0…1); 0 when that is not a number. */
export function confidenceFrom(error: number): number {
  const confidence = Math.exp(-Math.max(0, error) / ERROR_SCALE);
  return Number.isFinite(confidence) ? confidence : 0;
}

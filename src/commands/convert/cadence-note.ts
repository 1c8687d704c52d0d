/** What `convert` says of repeated pictures. Pure. */
import type { ConversionResult } from './conversion.ts';

/** What was found of repeated pictures; undefined where there were none. @param fps the input's rate, if it declares one. */
export function cadenceNote(
  { cadenceRepeats, drawnFps }: ConversionResult,
  fps: number | undefined,
): string | undefined {
  if (cadenceRepeats === 0 || drawnFps === undefined) return undefined;
  const within = fps === undefined ? '' : ` in ${rate(fps)}`;
  return (
    `cadence: ${rate(nearlyWhole(drawnFps))} drawn frames a second${within}; ${cadenceRepeats} repeated frames gave way to ` +
    'interpolated ones (--cadence off keeps them)'
  );
}

function rate(fps: number): string {
  return fps.toFixed(2).replace(/\.?0+$/, '');
}

/** Stretches begin and end amid a pattern. */
function nearlyWhole(fps: number): number {
  const whole = Math.round(fps);
  return Math.abs(fps - whole) < 0.015 * fps ? whole : fps;
}

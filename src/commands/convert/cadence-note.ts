/** What `convert` says of repeated pictures and of fields. Pure. */

import type { PictureTraits } from '../../media/picture-traits.ts';
import type { Rational } from '../../media/rate.ts';
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

/** What was made of frames that hold two fields; undefined where there were none. @param fps the rate of what was made. */
export function deinterlacedNote(traits: PictureTraits | undefined, fps: Rational | undefined): string | undefined {
  if (traits?.interlaced) {
    return 'the input is interlaced and was left so: what is interpolated shows combs (--deinterlace auto takes its fields apart)';
  }
  const per = fps === undefined ? '' : `, ${rate(fps.num / fps.den)} a second`;
  if (traits?.deinterlaced === 'film') {
    return `the input is film in interlaced video (3:2 pulldown): its own pictures were put together again${per} (--deinterlace off leaves the fields)`;
  }
  if (traits?.deinterlaced !== 'fields') return undefined;
  return `the input is interlaced: each field became a frame of its own${per} (--deinterlace off leaves them)`;
}

function rate(fps: number): string {
  return fps.toFixed(2).replace(/\.?0+$/, '');
}

/** Stretches begin and end amid a pattern. */
function nearlyWhole(fps: number): number {
  const whole = Math.round(fps);
  return Math.abs(fps - whole) < 0.015 * fps ? whole : fps;
}

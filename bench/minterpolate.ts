/** Times ffmpeg's motion-compensated interpolation on the same frames. */
import { runFfmpeg } from './ffmpeg.ts';
import { quantile } from './statistics.ts';

/** Milliseconds that ffmpeg takes to send raw frames through `filter` to nowhere. */
async function run(clip: readonly Uint8Array[], width: number, height: number, filter: string): Promise<number> {
  const begin = performance.now();
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', '30', '-i', 'pipe:0'];
  await runFfmpeg(['-hide_banner', '-loglevel', 'error', ...input, '-vf', filter, '-f', 'null', '-'], clip);
  return performance.now() - begin;
}

/**
 * Milliseconds per interpolated frame of `minterpolate=mi_mode=mci` at twice the rate in one run; reading the raw frames and starting the
 * program (measured by the `null` filter) subtracted. @throws FrameliftError `ffmpeg.missing`, `ffmpeg.failed`.
 */
export async function runMinterpolate(clip: readonly Uint8Array[], width: number, height: number): Promise<number> {
  const idle = await run(clip, width, height, 'null');
  const busy = await run(clip, width, height, 'minterpolate=fps=60:mi_mode=mci');
  return (busy - idle) / (clip.length - 1);
}

/** The median of `runs` of {@link runMinterpolate}. */
export async function timeMinterpolate(
  clip: readonly Uint8Array[],
  width: number,
  height: number,
  runs: number,
): Promise<number> {
  const spans: number[] = [];
  for (let i = 0; i < runs; i++) spans.push(await runMinterpolate(clip, width, height));
  return quantile(spans, 0.5);
}

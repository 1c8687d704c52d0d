/** Times ffmpeg's motion-compensated interpolation on the same frames. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { FrameliftError } from '../src/errors.ts';
import { median } from './interpolation.ts';

/** Runs ffmpeg on raw frames to nowhere; resolves to milliseconds. */
async function run(clip: readonly Uint8Array[], width: number, height: number, filter: string): Promise<number> {
  const begin = performance.now();
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', '30', '-i', 'pipe:0'];
  const args = ['-hide_banner', '-loglevel', 'error', ...input, '-vf', filter, '-f', 'null', '-'];
  const child = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    messages += text;
  });
  const ended = once(child, 'close').catch((cause: unknown) => {
    throw new FrameliftError('ffmpeg.missing', 'the benchmark compares with ffmpeg, which is not on the PATH', {
      cause,
      remedy: 'Install ffmpeg (Debian: apt install ffmpeg), or run with --no-ffmpeg.',
    });
  });
  // A failed start ends the pipe as well; the reason is in `ended`.
  const fed = pipeline(clip, child.stdin).catch(() => {});
  const [code] = await ended;
  await fed;
  if (code !== 0) throw new FrameliftError('ffmpeg.failed', `ffmpeg ended with ${String(code)}: ${messages.trim()}`);
  return performance.now() - begin;
}

/** First line of `ffmpeg -version`. @throws FrameliftError `ffmpeg.missing`. */
export async function ffmpegVersion(): Promise<string> {
  const child = spawn('ffmpeg', ['-version'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  try {
    await once(child, 'close');
  } catch (cause) {
    throw new FrameliftError('ffmpeg.missing', 'the benchmark compares with ffmpeg, which is not on the PATH', {
      cause,
      remedy: 'Install ffmpeg (Debian: apt install ffmpeg), or run with --no-ffmpeg.',
    });
  }
  return text.split('\n')[0] ?? '';
}

/**
 * Milliseconds per new frame of `minterpolate=mi_mode=mci` at twice the rate: median of `runs`, reading the raw frames and
 * starting the program (measured by the `null` filter) subtracted.
 */
export async function timeMinterpolate(
  clip: readonly Uint8Array[],
  width: number,
  height: number,
  runs: number,
): Promise<number> {
  const spans: number[] = [];
  for (let i = 0; i < runs; i++) {
    const idle = await run(clip, width, height, 'null');
    const busy = await run(clip, width, height, 'minterpolate=fps=60:mi_mode=mci');
    spans.push((busy - idle) / (clip.length - 1));
  }
  return median(spans);
}

/** Runs the ffmpeg program. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { FrameliftError } from '../src/errors.ts';

/**
 * Runs ffmpeg to its end and resolves to what it wrote to standard output. @param input given to its standard input.
 * @throws FrameliftError `ffmpeg.missing`, `ffmpeg.failed`.
 */
export async function runFfmpeg(args: readonly string[], input: Iterable<Uint8Array> = []): Promise<Buffer> {
  const child = spawn('ffmpeg', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'close').catch((cause: unknown) => {
    throw new FrameliftError('ffmpeg.missing', 'the benchmark needs ffmpeg, which is not on the PATH', {
      cause,
      remedy: 'Install ffmpeg (Debian: apt install ffmpeg), or run `npm run bench -- frame --no-ffmpeg`.',
    });
  });
  // A failed start ends the pipe as well; the reason is in `ended`.
  const fed = pipeline(input, child.stdin).catch(() => {});
  const [[code], stdout, stderr] = await Promise.all([ended, buffer(child.stdout), text(child.stderr), fed]);
  if (code !== 0) throw new FrameliftError('ffmpeg.failed', `ffmpeg ended with ${String(code)}: ${stderr.trim()}`);
  return stdout;
}

/** First line of `ffmpeg -version`. @throws FrameliftError `ffmpeg.missing`. */
export async function ffmpegVersion(): Promise<string> {
  return (await runFfmpeg(['-version'])).toString().split('\n')[0] ?? '';
}

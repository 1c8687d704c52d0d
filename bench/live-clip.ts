/** The file that live measurements play: the demo's pictures with motion everywhere, H.264, made once and kept. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runFfmpeg } from './ffmpeg.ts';

const DEMO = fileURLToPath(new URL('../demo/fluoroscopy15.mp4', import.meta.url));

/** Size in luma samples and frames per second. */
export interface LiveFormat {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** Frames in one turn of the clip: the demo forward and back. */
const TURN = 300;

/**
 * Path of an H.264 file without B-frames, as cameras send it, of at least `seconds`. The demo runs forward and back at `fps`,
 * scaled to cover the frame, under a camera that moves on a closed curve of {@link TURN} frames: no cut anywhere.
 * @throws FrameliftError `ffmpeg.missing`, `ffmpeg.failed`.
 */
export async function liveClip({ width, height, fps }: LiveFormat, seconds: number): Promise<string> {
  const folder = join(tmpdir(), 'framelift-bench');
  mkdirSync(folder, { recursive: true });
  const swing = Math.max(2, Math.round(width / 32) * 2);
  const filter = [
    '[0:v]split[a][b]',
    '[b]reverse[r]',
    `[a][r]concat=n=2,scale=${width + 2 * swing}:${height + 2 * swing}:force_original_aspect_ratio=increase,` +
      `crop=${width}:${height}:(iw-ow)/2+${swing}*sin(2*PI*n/100):(ih-oh)/2+${swing}*sin(2*PI*n/150)`,
  ].join(';');
  const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', '-g', '60', '-crf', '23', '-pix_fmt', 'yuv420p'];
  const turn = await kept(folder, ['-r', `${fps}`, '-i', DEMO, '-filter_complex', filter, ...codec]);
  const turns = Math.ceil((seconds * fps) / TURN);
  return kept(folder, ['-stream_loop', `${turns - 1}`, '-i', turn, '-c', 'copy']);
}

/** The file that ffmpeg makes with these arguments, made again only when they or the demo change. */
async function kept(folder: string, args: readonly string[]): Promise<string> {
  const origin = createHash('sha256').update(args.join(' ')).update(readFileSync(DEMO)).digest('hex');
  const path = join(folder, `${origin.slice(0, 16)}.mp4`);
  if (existsSync(path)) return path;
  const unfinished = `${path}.${process.pid}.mp4`;
  await runFfmpeg(['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...args, unfinished]);
  renameSync(unfinished, path);
  return path;
}

/** Where ffmpeg is: given, on the PATH, or the one that came with node-av. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ffmpegPath as bundledPath } from 'node-av/ffmpeg';
import { FrameliftError } from '../../errors.ts';

/** An ffmpeg that can be run. */
export interface FfmpegBinary {
  readonly path: string;
  readonly origin: 'FFMPEG_PATH' | 'PATH' | 'node-av';
}

/**
 * Finds ffmpeg: `FFMPEG_PATH`, then the PATH, then the download of node-av's installation.
 * @throws FrameliftError `ffmpeg.missing`, also when FFMPEG_PATH names something that cannot be
 * run.
 */
export function findFfmpeg(env: Readonly<Record<string, string | undefined>>, bundled = bundledPath()): FfmpegBinary {
  const given = env.FFMPEG_PATH;
  if (given) {
    if (runnable(given)) return { path: given, origin: 'FFMPEG_PATH' };
    throw new FrameliftError('ffmpeg.missing', `FFMPEG_PATH is ${given}, which is not a program that can be run`, {
      remedy: 'Correct FFMPEG_PATH, or unset it to use the ffmpeg on the PATH.',
    });
  }
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    // An empty entry means the working directory: never run a program from there.
    if (folder === '') continue;
    const path = join(folder, name);
    if (runnable(path)) return { path, origin: 'PATH' };
  }
  if (runnable(bundled)) return { path: bundled, origin: 'node-av' };
  throw new FrameliftError(
    'ffmpeg.missing',
    'no ffmpeg: FFMPEG_PATH is unset, and none is on the PATH or beside node-av',
    {
      remedy: 'Install it (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg) or set FFMPEG_PATH.',
    },
  );
}

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

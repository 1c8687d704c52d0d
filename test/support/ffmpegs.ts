/** The ffmpeg programs that the tests run against: Debian's, and the newest that a Python wheel brings. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findFfmpeg } from '../../src/ingest/ffmpeg/source.ts';

/** Where test/setup.sh puts the wheel. */
const FOLDER = fileURLToPath(new URL('../../build/imageio-ffmpeg/imageio_ffmpeg/binaries/', import.meta.url));

/** The newest ffmpeg. @throws when it is not installed. */
export function newestFfmpeg(): string {
  const name = readdirSync(FOLDER).find((file) => file.startsWith('ffmpeg'));
  if (name === undefined) throw new Error(`no ffmpeg in ${FOLDER}: run test/setup.sh`);
  return FOLDER + name;
}

/** All of them by name. */
export const FFMPEGS: readonly (readonly [name: string, path: string])[] = [
  ['installed', findFfmpeg(process.env).path],
  ['newest', newestFfmpeg()],
];

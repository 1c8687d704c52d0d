/** Codecs of files, and the containers that hold them. */
import { extname } from 'node:path';
import { FrameliftError } from '../../errors.ts';

/** Encoders of files: `h264` by quality, `ffv1` without loss. */
export type FileCodec = 'h264' | 'ffv1';

/** Containers that each codec may be put in. */
const CONTAINERS: Readonly<Record<FileCodec, readonly string[]>> = {
  h264: ['.mp4', '.mkv', '.mov', '.ts', '.avi', '.flv'],
  ffv1: ['.mkv', '.avi', '.mov', '.nut'],
};

/** @throws FrameliftError `config.invalid` for a name that is none. */
export function fileCodec(name: string): FileCodec {
  if (name === 'h264' || name === 'ffv1') return name;
  throw new FrameliftError('config.invalid', `codec "${name}" is unknown`, {
    remedy: 'Use --codec h264 or --codec ffv1.',
  });
}

/** @throws FrameliftError `config.invalid` for a container that cannot hold the codec. */
export function requireContainer(path: string, codec: FileCodec): void {
  const ending = extname(path).toLowerCase();
  const containers = CONTAINERS[codec];
  if (containers.includes(ending)) return;
  throw new FrameliftError('config.invalid', `"${path}": ${codec} cannot be written to a "${ending}" file`, {
    remedy: `Give an output ending in ${containers.join(', ')}.`,
  });
}

/** H.264 of the test picture as access units, for tests of what is sent on as it came. */
import type { CodedPicture } from '../../src/media/access-unit.ts';
import { cutAtDelimiters, encodeTestPicture } from './coded.ts';

const NONE = new Uint8Array(0);

/** `frames` access units, a keyframe every ten; `args` are further encoder arguments. */
export function h264Clip(frames: number, args: readonly string[] = ['-bf', '0'], size = '64x64'): Uint8Array[] {
  const encoder = ['-pix_fmt', 'yuv420p', '-g', '10', '-keyint_min', '10', '-sc_threshold', '0', ...args];
  return cutAtDelimiters(encodeTestPicture('libx264', size, frames, encoder), 'h264');
}

/** The same with numbers that follow each other. */
export function codedPictures(units: readonly Uint8Array[], first = 1): CodedPicture[] {
  return units.map((data, index) => ({ data, serial: first + index, parameterSets: NONE }));
}

/**
 * Reading PNG pictures, with an optional package that is loaded when it is first needed: no other
 * command pays for it.
 */
import { readFile } from 'node:fs/promises';
import { FrameliftError } from '../errors.ts';

/** Pixels of a picture: red, green, blue, alpha, one byte each. */
export interface RgbaPicture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

/**
 * The picture library. @throws FrameliftError `config.invalid` that says what to install where it
 * is not.
 */
export async function loadJimp(): Promise<typeof import('jimp')> {
  try {
    return await import('jimp');
  } catch (cause) {
    throw new FrameliftError('config.invalid', 'PNG files and contact sheets need the package jimp', {
      cause,
      remedy: 'Run: npm install jimp, with --global where framelift is installed so.',
    });
  }
}

/**
 * Reads a PNG file of any colour type as 8-bit RGBA. @throws FrameliftError `source.not-found`,
 * `source.protocol` naming the file.
 */
export async function readPng(path: string): Promise<RgbaPicture> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FrameliftError('source.not-found', `the picture ${path} cannot be read`, { cause });
  }
  const { Jimp } = await loadJimp();
  try {
    const { bitmap } = await Jimp.fromBuffer(bytes);
    return { width: bitmap.width, height: bitmap.height, rgba: bitmap.data };
  } catch (cause) {
    throw new FrameliftError('source.protocol', `${path} is not a PNG picture that can be read`, {
      cause,
      remedy: 'Fetch or write the file again; it may be cut off, or hold another format.',
    });
  }
}

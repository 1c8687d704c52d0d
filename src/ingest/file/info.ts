/** What containers say about their video. Pure. */
import type { Rational } from '../../media/rate.ts';
import type { Micros } from '../../time.ts';

/** Numbered images that are read as a video. */
export interface ImageNumbers {
  /** `frames/%06d.png`. */
  readonly pattern: string;
  readonly first: number;
  readonly last: number;
  /** Images with smaller numbers than the first, which are not read. */
  readonly before: number;
}

/** What a container says about its video. */
export interface VideoFileInfo {
  /** Given for images, which have no container. */
  readonly images?: ImageNumbers;
  /** Luma samples as stored. */
  readonly width: number;
  readonly height: number;
  /** Average rate; undefined when the container declares none. Timing comes from the timestamps. */
  readonly fps: Rational | undefined;
  /** Number of frames, if the container tells. */
  readonly frames: number | undefined;
  /** Seconds of the container's unit of time. */
  readonly tick: Rational;
  /** Size of the file. */
  readonly bytes: number;
  /** Length of the video, if the container tells. */
  readonly duration: Micros | undefined;
  /** FFmpeg's name, `h264`. */
  readonly codec: string;
  /** FFmpeg's name of the container, `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string;
  /**
   * Degrees clockwise by which a player turns the image. Frames are delivered as stored, not
   * turned.
   */
  readonly rotation: 0 | 90 | 180 | 270;
}

/**
 * The rotation in a display matrix: nine 32-bit numbers, of which the first two are cosine and
 * sine. 0 without one.
 */
export function rotationOf(matrix: Buffer | null): VideoFileInfo['rotation'] {
  if (!matrix || matrix.length < 36) return 0;
  const degrees = (Math.atan2(matrix.readInt32LE(4), matrix.readInt32LE(0)) * 180) / Math.PI;
  const quarter = ((Math.round(degrees / 90) % 4) + 4) % 4;
  return ([0, 90, 180, 270] as const)[quarter as 0 | 1 | 2 | 3]; // a number modulo 4
}

/** Coded streams for tests, made by the installed ffmpeg, cut into access units. */
import { execFileSync } from 'node:child_process';
import type { AccessUnit } from '../../src/media/access-unit.ts';
import { fromMs, micros } from '../../src/time.ts';

const IVF_HEADER = 32;
const IVF_FRAME_HEADER = 12;

/** An Annex B stream of ffmpeg's moving test picture. `args` are further encoder arguments. */
export function encodeTestPicture(codec: 'libx264' | 'libx265', size: string, frames: number, args: string[]): Buffer {
  const x264 = codec === 'libx264';
  return execFileSync(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=30`],
      ...['-frames:v', String(frames), '-c:v', codec, '-preset', 'ultrafast', '-threads', '1', ...args],
      ...(x264 ? ['-x264-params', 'aud=1'] : ['-x265-params', 'aud=1:log-level=none']),
      ...['-f', x264 ? 'h264' : 'hevc', 'pipe:1'],
    ],
    { maxBuffer: 1 << 26 },
  );
}

/** Frames of the same picture, coded by libvpx or libaom and cut out of ffmpeg's IVF. `args` are further encoder arguments. */
export function encodeIvf(
  codec: 'libvpx' | 'libvpx-vp9' | 'libaom-av1',
  size: string,
  frames: number,
  args: string[],
): Uint8Array[] {
  const ivf = execFileSync(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=30`],
      ...['-frames:v', String(frames), '-c:v', codec, '-cpu-used', '8'],
      ...[codec === 'libaom-av1' ? '-usage' : '-deadline', 'realtime'],
      ...['-lag-in-frames', '0', ...args, '-f', 'ivf', 'pipe:1'],
    ],
    { maxBuffer: 1 << 26 },
  );
  const coded: Uint8Array[] = [];
  for (let at = IVF_HEADER; at + IVF_FRAME_HEADER <= ivf.length; ) {
    const start = at + IVF_FRAME_HEADER;
    at = start + ivf.readUInt32LE(at);
    coded.push(ivf.subarray(start, at));
  }
  return coded;
}

/** The same pictures as raw planes of `pixelFormat`, one frame after the other. */
export function decodeReference(coded: Buffer, format: 'h264' | 'hevc', pixelFormat = 'yuv420p'): Buffer {
  return execFileSync(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-f', format, '-i', 'pipe:0'],
      ...['-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', pixelFormat, 'pipe:1'],
    ],
    { input: coded, maxBuffer: 1 << 28 },
  );
}

/** Cuts an Annex B stream at its access unit delimiters. */
export function cutAtDelimiters(coded: Uint8Array, codec: 'h264' | 'hevc'): Uint8Array[] {
  const starts: number[] = [];
  for (let i = 0; i + 4 < coded.length; i += 1) {
    if (coded[i] !== 0 || coded[i + 1] !== 0 || coded[i + 2] !== 0 || coded[i + 3] !== 1) continue;
    const header = coded[i + 4] ?? 0;
    if (codec === 'h264' ? (header & 31) === 9 : ((header >> 1) & 63) === 35) starts.push(i);
  }
  return starts.map((start, index) => coded.subarray(start, starts[index + 1] ?? coded.length));
}

/** True when an Annex B access unit holds an IDR or CRA picture. */
function holdsKeyframe(unit: Uint8Array, codec: 'h264' | 'hevc'): boolean {
  for (let i = 0; i + 3 < unit.length; i += 1) {
    if (unit[i] !== 0 || unit[i + 1] !== 0 || unit[i + 2] !== 1) continue;
    const header = unit[i + 3] ?? 0;
    const type = codec === 'h264' ? header & 31 : (header >> 1) & 63;
    if (codec === 'h264' ? type === 5 : type >= 16 && type <= 21) return true;
  }
  return false;
}

/** Access units of a stream without B-frames, at 30 per second. */
export function accessUnits(coded: Uint8Array, codec: 'h264' | 'hevc'): AccessUnit[] {
  return cutAtDelimiters(coded, codec).map((data, index) => ({
    data,
    pts: micros((index * 1e6) / 30),
    arrival: fromMs(index),
    capture: fromMs(index),
    keyframe: holdsKeyframe(data, codec),
    discontinuity: false,
  }));
}

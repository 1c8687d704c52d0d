/**
 * The beginning of streams in a finished AVI file (`dwStart` of a stream's header): FFmpeg writes all as beginning at once, and
 * fills later gaps. A picture that comes late stands from the beginning; sound that comes late would come early. Pure.
 */
import type { Micros } from '../../../time.ts';
import type { Patch } from './matroska.ts';

/** Offsets in a stream's header, behind its name and size. */
const SCALE = 20;
const RATE = 24;
const START = 28;

/** What is to be written. @param head all before the media. @param starts of the streams in order; the first is the picture. */
export function aviStarts(head: Buffer, starts: readonly Micros[]): Patch[] {
  const patches: Patch[] = [];
  let at = head.indexOf('strh', 0, 'latin1');
  for (const start of starts) {
    const header = at + 8;
    if (at < 0 || header + START + 4 > head.length) break;
    const [scale, rate] = [head.readUInt32LE(header + SCALE), head.readUInt32LE(header + RATE)];
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(Math.max(0, Math.round((start * rate) / (Math.max(1, scale) * 1e6))));
    if (start > 0) patches.push({ at: header + START, bytes });
    at = head.indexOf('strh', header, 'latin1');
  }
  return patches;
}

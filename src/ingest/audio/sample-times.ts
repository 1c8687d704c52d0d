/**
 * How long pieces of sound are, and timestamps that follow on each other by just that. Cameras stamp sound when
 * they come to it: players would hear a gap or an overlap in each piece. Pure.
 */
import { SOUND_CLOCK, type SoundCodec } from '../../media/sound.ts';

/** Stamps that are off by more than this, in seconds, are believed: something is missing. */
const TOLERANCE = 0.045;

/** Milliseconds of a frame of Opus, by configuration (RFC 6716 section 3.1). */
const OPUS_FRAMES = [
  ...[10, 20, 40, 60, 10, 20, 40, 60, 10, 20, 40, 60],
  ...[10, 20, 10, 20],
  ...[2.5, 5, 10, 20, 2.5, 5, 10, 20, 2.5, 5, 10, 20, 2.5, 5, 10, 20],
];

/** Ticks of the codec's clock that a piece lasts; 0 for one that holds nothing. */
export function ticksOf(codec: SoundCodec, data: Uint8Array): number {
  if (codec !== 'opus') return data.length;
  const [toc = 0, count = 0] = data;
  if (data.length === 0) return 0;
  const frames = [1, 2, 2, count & 63][toc & 3] ?? 1;
  return Math.min(5760, frames * (OPUS_FRAMES[toc >> 3] ?? 20) * 48);
}

/** Timestamps of one stream of sound. */
export class SampleTimes {
  readonly #tolerance: number;
  #last: { readonly timestamp: number; readonly ticks: number } | undefined;

  constructor(codec: SoundCodec) {
    this.#tolerance = TOLERANCE * SOUND_CLOCK[codec];
  }

  /** The timestamp of a piece of so many ticks that the source stamps so. */
  place(stamp: number, ticks: number): number {
    const last = this.#last;
    const expected = last ? (last.timestamp + last.ticks) >>> 0 : stamp;
    // What has been evened out so far is part of it: small errors do not add up unseen.
    const off = (stamp - expected) | 0;
    const timestamp = Math.abs(off) <= this.#tolerance ? expected : stamp;
    this.#last = { timestamp, ticks };
    return timestamp;
  }
}

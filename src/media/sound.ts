/** Sound on its way from sources to viewers: coded, one piece for each RTP packet. */
import type { Micros } from '../time.ts';

/** What viewers are sent. Sources of other codecs are decoded, and encoded to Opus. */
export type SoundCodec = 'opus' | 'pcmu' | 'pcma';

/** All that viewers may be sent, best first. */
export const SOUND_CODECS: readonly SoundCodec[] = ['opus', 'pcmu', 'pcma'];

/** The clock of RTP timestamps, in Hz. */
export const SOUND_CLOCK: Readonly<Record<SoundCodec, number>> = { opus: 48_000, pcmu: 8000, pcma: 8000 };

/** As SDP spells them, with their clocks and channels. */
export const SOUND_MAPPING: Readonly<Record<SoundCodec, string>> = {
  opus: 'opus/48000/2',
  pcmu: 'PCMU/8000',
  pcma: 'PCMA/8000',
};

/** The sound that a source has. */
export interface SoundInfo {
  /** As the source sends it, in FFmpeg's spelling: `aac`, `opus`, `pcm_alaw`. */
  readonly codec: string;
  /** What it goes out as: the same where viewers can take it. */
  readonly sent: SoundCodec;
}

/** A piece of coded sound, some 20 ms. Never written to. */
export interface SoundPacket {
  readonly codec: SoundCodec;
  readonly data: Uint8Array;
  /** Where its first sample stands on the timeline of the source's frames. */
  readonly pts: Micros;
  /** The same on its own clock, in ticks modulo 2^32: what follows without a gap, follows by its samples. */
  readonly timestamp: number;
  /** Nothing is to be concluded from what came before it: another sender, or another timeline. */
  readonly fresh: boolean;
}

/** Where pieces of sound stand in a segment. */
import { AV_CODEC_ID_PCM_ALAW, AV_CODEC_ID_PCM_MULAW, AVMEDIA_TYPE_AUDIO, CodecParameters } from 'node-av';
import { ticksOf } from '../../ingest/audio/sample-times.ts';
import { OpusTranscoder } from '../../ingest/audio/transcoder.ts';
import { SOUND_CLOCK, type SoundCodec } from '../../media/sound.ts';
import { type Micros, minus } from '../../time.ts';
import type { SoundUnit } from '../audio/sound-out.ts';

/** Samples are played one after the other; where that is further from their time than this, in seconds, they jump. */
const MAX_OFF = 0.02;

/** A piece with its place, in ticks of its codec's clock since the segment began. */
export interface PlacedSound {
  readonly data: Uint8Array;
  readonly at: number;
  readonly ticks: number;
}

/** Places the sound of one segment. Pure. */
export class SoundTimes {
  readonly #codec: SoundCodec;
  readonly #start: Micros;
  /** By how much pieces are placed after their samples' count. */
  #shift: number | undefined;
  #end = 0;

  /** @param start of the segment, as `due` of units. */
  constructor(codec: SoundCodec, start: Micros) {
    this.#codec = codec;
    this.#start = start;
  }

  /** The place of a piece; undefined: it belongs before the segment, or what is there already. */
  place({ data, due, ticks }: Pick<SoundUnit, 'data' | 'due' | 'ticks'>): PlacedSound | undefined {
    const clock = SOUND_CLOCK[this.#codec];
    const ideal = Math.round((minus(due, this.#start) / 1e6) * clock);
    if (this.#shift === undefined || Math.abs(ticks + this.#shift - ideal) > MAX_OFF * clock)
      this.#shift = ideal - ticks;
    const at = ticks + this.#shift;
    const length = ticksOf(this.#codec, data);
    if (at < this.#end || length === 0) return undefined;
    this.#end = at + length;
    return { data, at, ticks: length };
  }
}

/** G.711 to Opus: MP4 has no place for it that browsers know. Close it. */
export class G711Transcoder {
  readonly #transcoder: OpusTranscoder;
  readonly #parameters = new CodecParameters();
  #next: Micros | undefined;

  /** @throws FrameliftError `decode.failed`. */
  constructor(codec: Exclude<SoundCodec, 'opus'>) {
    this.#parameters.alloc();
    this.#parameters.codecType = AVMEDIA_TYPE_AUDIO;
    this.#parameters.codecId = codec === 'pcma' ? AV_CODEC_ID_PCM_ALAW : AV_CODEC_ID_PCM_MULAW;
    this.#parameters.sampleRate = SOUND_CLOCK[codec];
    this.#parameters.channels = 1;
    this.#transcoder = new OpusTranscoder({ channels: 1, parameters: this.#parameters });
  }

  /** The Opus that comes of a piece. */
  push({ data, due, first }: SoundUnit): SoundUnit[] {
    const made: SoundUnit[] = [];
    this.#transcoder.push(data, due, first || this.#next === undefined, ({ data, pts, timestamp, fresh }) =>
      made.push({ codec: 'opus', data, due: pts, ticks: timestamp, error: 0, first: fresh }),
    );
    this.#next = due;
    return made;
  }

  /** Closing twice is harmless. */
  close(): void {
    this.#transcoder.close();
    this.#parameters.free();
  }
}

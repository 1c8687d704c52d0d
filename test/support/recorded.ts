/** Access units and sound as a publication gives them to recordings, and one that does. */
import type { SoundUnit } from '../../src/egress/audio/sound-out.ts';
import type { Follower, Following } from '../../src/egress/followers.ts';
import type { EncodedUnit } from '../../src/egress/viewer.ts';
import { type Provenance, SOURCE } from '../../src/media/frame.ts';
import { SOUND_CLOCK, type SoundCodec } from '../../src/media/sound.ts';
import { type Micros, micros } from '../../src/time.ts';

/** Sequence sets of x264 for 512 × 512, and for 320 × 180. */
const SEQUENCES = {
  large: '6742c01eda020041a6a0404028000003000800000301e478b175',
  small: '6742c00dd901419f9f0110000003001000000303c0f142a480',
} as const;

/** What a unit may be beside a picture of the source. */
export interface UnitTraits {
  readonly keyframe?: boolean;
  readonly passed?: boolean;
  readonly size?: keyof typeof SEQUENCES;
  /** Of its slice. */
  readonly bytes?: number;
  readonly provenance?: Provenance;
}

/** A unit whose slice nobody can decode: muxers do not look. */
export function pictureUnit(due: Micros, traits: UnitTraits = {}): EncodedUnit {
  const { keyframe = false, passed = false, size = 'large', bytes = 500, provenance = SOURCE } = traits;
  const sets = keyframe ? `00000001${SEQUENCES[size]}0000000168ce3c80` : '';
  const data = Buffer.concat([
    Buffer.from(`${sets}00000001${keyframe ? '65' : '41'}`, 'hex'),
    Buffer.alloc(bytes, 0x9a),
  ]);
  const times = { due, pts: due, arrival: due, capture: due, encoded: due };
  return { data, keyframe, provenance, ...times, ...(passed && { passed: 'live' as const }) };
}

/** 20 ms of silence. */
export function soundUnit(codec: SoundCodec, due: Micros, ticks = (due / 1e6) * SOUND_CLOCK[codec]): SoundUnit {
  const data = codec === 'opus' ? Buffer.from([0xfc, 0xff, 0xfe]) : Buffer.alloc(160, 0xd5);
  return { codec, data, due, ticks: Math.round(ticks), error: 0, first: false };
}

/** A publication that gives its follower what the test says. */
export class ScriptedPublication {
  readonly sound: { codec: SoundCodec | undefined };
  /** Keyframes that were asked for. */
  asked = 0;
  follower: Follower | undefined;

  constructor(codec?: SoundCodec) {
    this.sound = { codec };
  }

  follow(follower: Follower): Following {
    this.follower = follower;
    return {
      requestKeyframe: () => {
        this.asked += 1;
      },
      [Symbol.dispose]: () => {
        this.follower = undefined;
      },
    };
  }

  /** Pictures of 30 a second from `from` until `to` in seconds, the first a keyframe. */
  give(from: number, to: number, traits: UnitTraits = {}): void {
    for (let frame = 0; from + frame / 30 < to - 1e-6; frame += 1) {
      const due = micros((from + frame / 30) * 1e6);
      this.follower?.take(pictureUnit(due, { ...traits, keyframe: frame === 0 && traits.keyframe !== false }));
    }
  }
}

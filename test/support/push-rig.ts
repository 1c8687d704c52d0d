/** A stream to hand on without a source: real H.264 of a clip and silence, at their times. */
import { Followers } from '../../src/egress/followers.ts';
import type { PushSource } from '../../src/egress/push/push.ts';
import { SOUND_CLOCK, type SoundCodec } from '../../src/media/sound.ts';
import { fromMs, micros, plus, systemClock } from '../../src/time.ts';
import { encodedUnit } from './encoded-unit.ts';
import { h264Clip } from './h264-clip.ts';

/** Frames per second. */
const FPS = 30;
/** Of a clip, which repeats: a keyframe each third of a second. */
const FRAMES = 30;

/** A running stream. */
export interface PushRig extends PushSource, Disposable {
  /** Access units of the clip, Annex B. */
  readonly clip: readonly Uint8Array[];
  /** How many take it. */
  readonly followers: number;
}

/** Starts it. Pieces of sound are 20 ms of silence. */
export function startPushRig(sound?: SoundCodec, size = '128x96'): PushRig {
  const clip = h264Clip(FRAMES, ['-bf', '0', '-bsf:v', 'dump_extra'], size);
  const followers = new Followers({ keyframe: () => {}, onPresence: () => {} });
  let [frames, pieces] = [0, 0];
  const start = systemClock.now();
  const timer = setInterval(() => {
    const now = systemClock.now();
    for (; ; frames += 1) {
      const due = plus(start, micros((frames * 1e6) / FPS));
      if (due > now) break;
      const data = Buffer.from(clip[frames % FRAMES] ?? []);
      followers.push({ ...encodedUnit(due, frames % 10 === 0), data });
    }
    if (sound === undefined) return;
    const clock = SOUND_CLOCK[sound];
    for (; ; pieces += 1) {
      const due = plus(start, fromMs(20 * pieces));
      if (due > now) break;
      const data = sound === 'opus' ? Buffer.from('f8fffe', 'hex') : Buffer.alloc(160, 0xff);
      const ticks = Math.round((start / 1e6) * clock) + (pieces * clock) / 50;
      followers.pushSound({ codec: sound, data, due, ticks, error: 0, first: pieces === 0 });
    }
  }, 5);
  return {
    clip,
    sound: { codec: sound },
    follow: (follower) => followers.enter(follower, []),
    get followers() {
      return followers.size;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

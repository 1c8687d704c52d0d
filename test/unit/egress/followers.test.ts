import { describe, expect, it } from 'vitest';
import type { SoundUnit } from '../../../src/egress/audio/sound-out.ts';
import { type Follower, Followers } from '../../../src/egress/followers.ts';
import type { EncodedUnit } from '../../../src/egress/viewer.ts';
import { fromMs } from '../../../src/time.ts';

const unit = (ms: number, keyframe = false, passed?: 'live' | 'kept'): EncodedUnit => ({
  ...{ data: Buffer.of(ms), keyframe, due: fromMs(ms), encoded: fromMs(ms), pts: fromMs(ms), arrival: fromMs(ms) },
  ...{ capture: fromMs(ms), provenance: { kind: 'source' }, ...(passed && { passed }) },
});

const sound: SoundUnit = {
  ...{ codec: 'opus', data: Uint8Array.of(1), due: fromMs(0), ticks: 0, error: 0, first: false },
};

function rig() {
  const asked: string[] = [];
  const presence: boolean[] = [];
  const followers = new Followers({
    keyframe: () => asked.push('keyframe'),
    onPresence: (present) => presence.push(present),
  });
  const enter = (kept: readonly EncodedUnit[] = []) => {
    const got: number[] = [];
    let sounds = 0;
    const follower: Follower = {
      take: ({ due }) => got.push(due / 1000),
      takeSound: () => {
        sounds += 1;
      },
    };
    const following = followers.enter(follower, kept);
    return { got, following, sounds: () => sounds };
  };
  return { followers, enter, asked, presence };
}

describe('a follower', () => {
  it('begins with a keyframe, which it asks for, and has no sound before', () => {
    const { followers, enter, asked } = rig();
    const { got, sounds } = enter();
    expect(asked).toEqual(['keyframe']);
    followers.push(unit(1));
    followers.pushSound(sound);
    followers.push(unit(2, true));
    followers.pushSound(sound);
    followers.push(unit(3));
    expect(got).toEqual([2, 3]);
    expect(sounds()).toBe(1);
  });

  it('is given what was kept of the source, and asks for nothing then', () => {
    const { followers, enter, asked } = rig();
    const { got } = enter([unit(1, true, 'live'), unit(2, false, 'live')]);
    followers.push(unit(3, false, 'live'));
    expect(got).toEqual([1, 2, 3]);
    expect(asked).toEqual([]);
  });

  it('changes between encoded units and those of the source with a keyframe, in rising order', () => {
    const { followers, enter, asked } = rig();
    const { got } = enter([unit(1, true, 'live')]);
    followers.push(unit(2, false));
    expect(asked).toHaveLength(1);
    followers.push(unit(1, true));
    expect(asked).toHaveLength(2);
    followers.push(unit(4, true));
    followers.push(unit(5, false, 'live'));
    followers.push(unit(6, false));
    followers.push(unit(7, true, 'live'));
    expect(got).toEqual([1, 4, 6, 7]);
  });

  it('takes nothing once it has left; who is there is told of the first and the last alone', () => {
    const { followers, enter, presence } = rig();
    const first = enter();
    const second = enter();
    first.following[Symbol.dispose]();
    first.following[Symbol.dispose]();
    followers.push(unit(1, true));
    second.following[Symbol.dispose]();
    followers.push(unit(2, true));
    expect([first.got, second.got]).toEqual([[], [1]]);
    expect(presence).toEqual([true, false]);
  });
});

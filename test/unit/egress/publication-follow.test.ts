import { afterEach, expect, it } from 'vitest';
import { Publication } from '../../../src/egress/publication.ts';
import { Arena } from '../../../src/media/arena.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';
import { EventLog, flatFrame } from '../../support/frames.ts';
import { ScriptedEncoder } from '../../support/scripted-encoder.ts';

const arena = new Arena(16);
afterEach(() => expect(arena.liveFrames).toBe(0));

function rig() {
  const clock = new ManualClock(fromMs(10_000));
  const encoders: ScriptedEncoder[] = [];
  const publication = new Publication({
    ...{ stream: 's', variant: 'source', clock, events: new EventLog(), fps: 50 },
    createEncoder: (options) => {
      const encoder = new ScriptedEncoder(options);
      encoders.push(encoder);
      return encoder;
    },
  });
  const frames = (count: number): void => {
    for (let i = 0; i < count; i++) {
      clock.advance(fromMs(20));
      publication.push(flatFrame(arena, clock.now()));
    }
  };
  const follow = () => {
    const keyframes: boolean[] = [];
    const following = publication.follow({ take: (unit) => keyframes.push(unit.keyframe), takeSound: () => {} });
    return { keyframes, following };
  };
  return {
    publication,
    clock,
    frames,
    follow,
    open: () => encoders.filter(({ closed }) => !closed).length,
    opened: () => encoders.length,
  };
}

it('encodes for a follower alone, and stops when it has been gone for a while', async () => {
  const { publication, clock, frames, follow, open } = rig();
  frames(2);
  expect(open()).toBe(0);
  const { keyframes, following } = follow();
  frames(3);
  expect(keyframes).toEqual([true, false, false]);
  following[Symbol.dispose]();
  frames(3);
  expect(keyframes).toHaveLength(3);
  expect(open()).toBe(1);
  clock.advance(fromMs(5000));
  expect(open()).toBe(0);
  await publication[Symbol.asyncDispose]();
});

it('keeps the encoder for one that comes back in time, and makes it a keyframe', async () => {
  const { publication, clock, frames, follow, opened } = rig();
  frames(1);
  const first = follow();
  frames(2);
  first.following[Symbol.dispose]();
  clock.advance(fromMs(3000));
  const second = follow();
  clock.advance(fromMs(9000));
  frames(2);
  expect(second.keyframes[0]).toBe(true);
  expect(opened()).toBe(1);
  await publication[Symbol.asyncDispose]();
});

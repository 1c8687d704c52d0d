import { expect, it } from 'vitest';
import type { ParameterSets } from '../../../../src/egress/codec/parameter-sets.ts';
import { Beginning, pushOf } from '../../../../src/egress/push/life.ts';
import type { PushSource } from '../../../../src/egress/push/push.ts';
import type { SoundCodec } from '../../../../src/media/sound.ts';
import { fromMs, ManualClock } from '../../../../src/time.ts';

const SETS: ParameterSets = {
  ...{ sequence: Buffer.of(0x67), picture: Buffer.of(0x68), annexB: Buffer.alloc(0) },
  size: { width: 64, height: 64 },
};

const sourceWith = (codec: SoundCodec | undefined): PushSource => ({
  follow: () => ({ requestKeyframe: () => {}, [Symbol.dispose]: () => {} }),
  sound: { codec },
});

function rig(announced: SoundCodec | undefined, audio = true) {
  const clock = new ManualClock(fromMs(0));
  const source = sourceWith(announced);
  const begun: (SoundCodec | undefined)[] = [];
  const beginning = new Beginning({ audio, source, clock, begin: (_sets, sound) => begun.push(sound) });
  return { clock, beginning, begun };
}

it('begins with the first keyframe where there is no sound, or none is to go along', () => {
  for (const { beginning, begun } of [rig(undefined), rig('opus', false)]) {
    beginning.sound('opus');
    expect(begun).toEqual([]);
    beginning.keyframe(SETS);
    beginning.keyframe(SETS);
    beginning.sound('opus');
    expect(begun).toEqual([undefined]);
  }
});

it('waits for sound that there is said to be, a second at most', () => {
  const soon = rig('opus');
  soon.beginning.keyframe(SETS);
  expect(soon.begun).toEqual([]);
  soon.beginning.sound('opus');
  soon.clock.advance(fromMs(5000));
  expect(soon.begun).toEqual(['opus']);

  const never = rig('pcma');
  never.beginning.keyframe(SETS);
  never.clock.advance(fromMs(1000));
  never.beginning.sound('pcma');
  expect(never.begun).toEqual([undefined]);
});

it('begins no more once it is closed', () => {
  const { clock, beginning, begun } = rig('opus');
  beginning.keyframe(SETS);
  beginning.close();
  beginning.sound('opus');
  clock.advance(fromMs(5000));
  expect(begun).toEqual([]);
});

it('disposes of a life when it has ended, not before, and when it failed', async () => {
  const log: string[] = [];
  let life = Promise.withResolvers<'stopped' | 'changed'>();
  const push = pushOf('there', () => ({
    ended: life.promise,
    [Symbol.asyncDispose]: async () => void log.push('disposed'),
  }));
  const begin = () => push.run(sourceWith(undefined), { live: () => {}, sent: () => {} }, new AbortController().signal);
  const run = begin();
  await Promise.resolve();
  expect(log).toEqual([]);
  life.resolve('changed');
  expect(await run).toBe('changed');
  expect(log).toEqual(['disposed']);
  life = Promise.withResolvers();
  const failed = begin();
  life.reject(new Error('broke'));
  await expect(failed).rejects.toThrow('broke');
  expect(log).toEqual(['disposed', 'disposed']);
});

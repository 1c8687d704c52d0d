import { expect, it } from 'vitest';
import { Presence } from '../../../src/egress/presence.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';

function rig() {
  const clock = new ManualClock(fromMs(0));
  const told: boolean[] = [];
  let there = 0;
  const presence = new Presence({ clock, isEmpty: () => there === 0, onChange: (present) => told.push(present) });
  const come = (): void => {
    there += 1;
    presence.arrived();
  };
  const go = (): void => {
    there -= 1;
    presence.left();
  };
  return { clock, told, presence, come, go };
}

it('tells of the first who comes at once, of the last who has left after 5 s', () => {
  const { clock, told, come, go } = rig();
  come();
  come();
  expect(told).toEqual([true]);
  go();
  clock.advance(fromMs(6000));
  expect(told).toEqual([true]);
  go();
  clock.advance(fromMs(4999));
  expect(told).toEqual([true]);
  clock.advance(fromMs(1));
  expect(told).toEqual([true, false]);
  come();
  expect(told).toEqual([true, false, true]);
});

it('says nothing when somebody is back within 5 s', () => {
  const { clock, told, come, go } = rig();
  come();
  go();
  clock.advance(fromMs(4000));
  come();
  clock.advance(fromMs(9000));
  expect(told).toEqual([true]);
});

it('lets who comes wait for a frame: 10 s, or until it is closed', async () => {
  const { clock, presence } = rig();
  const [first, second] = [presence.nextFrame(), presence.nextFrame()];
  presence.frame();
  expect(await Promise.all([first, second])).toEqual([true, true]);
  const late = presence.nextFrame();
  clock.advance(fromMs(10_000));
  expect(await late).toBe(false);
  const closed = presence.nextFrame();
  presence.close();
  expect(await closed).toBe(false);
  expect(await presence.nextFrame()).toBe(false);
});

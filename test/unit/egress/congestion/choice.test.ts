import { describe, expect, it } from 'vitest';
import { RenditionChoice, type RenditionName } from '../../../../src/egress/congestion/choice.ts';
import { type Micros, micros } from '../../../../src/time.ts';

const NEEDS = { fullNow: 4e6, fullTarget: 4e6, reducedLeast: 300e3 };
const at = (seconds: number): Micros => micros(seconds * 1e6);

/** What is chosen at each tenth of a second of a path that carries `available` of the time. */
function choose(
  choice: RenditionChoice,
  from: number,
  to: number,
  available: number,
  congested?: boolean,
): RenditionName {
  let name = choice.name;
  for (let now = from; now < to; now += 0.1) {
    name = choice.update({ available, congested, loss: 0 }, NEEDS, at(now));
  }
  return name;
}

describe('RenditionChoice', () => {
  it('leaves a viewer that tells nothing of its path, or whose path is free, with everything', () => {
    const choice = new RenditionChoice();
    expect(choice.update(undefined, NEEDS, at(0))).toBe('full');
    // Less was sent, so that no more could be proved.
    expect(choose(choice, 0, 30, 1e6, false)).toBe('full');
  });

  it('takes the interpolated frames first, the size last, and gives back in the other order', () => {
    const choice = new RenditionChoice();
    expect(choose(choice, 0, 1, 1.5e6, true)).toBe('reduced');
    expect(choose(choice, 1, 2, 400e3, false)).toBe('reduced');
    expect(choose(choice, 2, 4, 200e3, true)).toBe('small');
    expect(choose(choice, 4, 8, 420e3, false)).toBe('small');
    expect(choose(choice, 8, 12, 500e3, false)).toBe('reduced');
    expect(choose(choice, 12, 16, 4.1e6, false)).toBe('reduced');
    expect(choose(choice, 16, 20, 4.3e6, false)).toBe('full');
  });

  it('at a great shortage changes at once, at a small one when it lasts', () => {
    expect(new RenditionChoice().update({ available: 1e6, congested: true, loss: 0 }, NEEDS, at(0))).toBe('reduced');
    const hiccup = new RenditionChoice();
    expect(choose(hiccup, 0, 0.15, 3.5e6, true)).toBe('full');
    expect(choose(hiccup, 0.2, 10, 3.5e6, false)).toBe('full');
    expect(choose(hiccup, 10, 10.5, 3.5e6, true)).toBe('reduced');
  });

  it('of a player that tells a bitrate alone believes a shortage that lasts a second', () => {
    const choice = new RenditionChoice();
    expect(choose(choice, 0, 0.9, 3.5e6)).toBe('full');
    expect(choose(choice, 0.9, 1.3, 3.5e6)).toBe('reduced');
  });

  it('waits twice as long after each step up that did not last, and as at first after one that did', () => {
    const choice = new RenditionChoice();
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 4; i += 1) {
      choice.update({ available: 1e6, congested: true, loss: 0 }, NEEDS, at(now));
      expect(choice.name).toBe('reduced');
      const down = now;
      while (choice.name !== 'full') {
        now += 0.1;
        choice.update({ available: 5e6, congested: false, loss: 0 }, NEEDS, at(now));
      }
      waits.push(Math.round(now - down));
      now += i === 2 ? 20 : 1;
    }
    expect(waits).toEqual([2, 4, 8, 2]);
  });

  it('without a smaller size stays with the reduced rendition, however little there is', () => {
    const choice = new RenditionChoice();
    const needs = { ...NEEDS, reducedLeast: undefined };
    for (let now = 0; now < 10; now += 0.1)
      choice.update({ available: 90e3, congested: true, loss: 0 }, needs, at(now));
    expect(choice.name).toBe('reduced');
  });
});

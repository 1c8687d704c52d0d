import { describe, expect, it } from 'vitest';
import { DelayControl } from '../../../src/pacing/delay-control.ts';
import { fromMs, micros, plus, toMs } from '../../../src/time.ts';
import { seededRandom } from '../../support/random.ts';

const FLOOR = fromMs(20);
const control = (budgetMs: number): DelayControl => new DelayControl({ budget: plus(FLOOR, fromMs(budgetMs)) });

/** What is added to the floor now, in ms. */
const extra = (delay: DelayControl): number => toMs(delay.delay(FLOOR)) - toMs(FLOOR);

function feed(delay: DelayControl, count: number, needMs: (i: number) => number): void {
  for (let i = 0; i < count; i++) delay.observe(fromMs(needMs(i)));
}

describe('DelayControl', () => {
  it('uses the whole budget until it knows better', () => {
    const delay = control(40);
    expect(extra(delay)).toBe(40);
    feed(delay, 31, () => 7);
    expect(extra(delay)).toBe(40);
    feed(delay, 1, () => 7);
    expect(extra(delay)).toBe(8);
  });

  it('follows the floor as far as the budget goes', () => {
    const delay = control(40);
    feed(delay, 64, () => 10);
    expect([0, 16.5, 45, 55].map((ms) => toMs(delay.delay(fromMs(ms))))).toEqual([10.5, 27, 55.5, 60]);
    expect([0, 45, 60].map((ms) => toMs(delay.headroom(fromMs(ms))))).toEqual([60, 15, 0]);
  });

  it('allows the floor and 40 ms where no budget is given', () => {
    const delay = new DelayControl({});
    expect([0, 20, 66].map((ms) => toMs(delay.budget(fromMs(ms))))).toEqual([40, 60, 106]);
    for (let i = 0; i < 64; i++) delay.missed();
    expect(extra(delay)).toBe(40);
  });

  it('holds nothing back where frames are carried on, whatever they need: what is theirs is the time until they are due', () => {
    const [delay, ahead] = [new DelayControl({ budget: fromMs(0) }), fromMs(-16)];
    expect([delay.delay(ahead), toMs(delay.headroom(ahead)), toMs(delay.headroom(ahead, fromMs(12)))]).toEqual([
      0, 16, 16,
    ]);
    feed(delay, 128, () => 50);
    expect([delay.delay(ahead), delay.delay(ahead, false)]).toEqual([0, 0]);
    feed(delay, 1024, () => 1);
    expect(delay.delay(ahead)).toBe(0);
  });

  it('keeps a budget that is below the floor, and says that there is no headroom', () => {
    const delay = new DelayControl({ budget: fromMs(15) });
    feed(delay, 64, () => 10);
    expect(toMs(delay.delay(FLOOR))).toBe(15);
    expect(toMs(delay.headroom(FLOOR))).toBe(-5);
  });

  it('leaves headroom for the jitter that is smoothed, but never less than 8 ms, or what there is', () => {
    const delay = control(40);
    feed(delay, 64, () => 30);
    expect([0, 5, 20, 100].map((ms) => toMs(delay.delay(FLOOR, true, fromMs(ms))))).toEqual([50.5, 50.5, 40, 28]);
    expect([0, 5, 20, 100].map((ms) => toMs(delay.headroom(FLOOR, fromMs(ms))))).toEqual([40, 35, 20, 8]);
    expect(toMs(control(3).headroom(FLOOR, fromMs(2)))).toBe(3);
    expect(toMs(control(-5).headroom(FLOOR, fromMs(2)))).toBe(-5);
  });

  it('uses all of the budget while the need is about to change', () => {
    const delay = control(40);
    feed(delay, 64, () => 10);
    expect(toMs(delay.delay(FLOOR, false))).toBe(60);
    expect(toMs(delay.delay(FLOOR))).toBe(30.5);
  });

  it.each([0, 3, 8, 12, 40, 200])('never adds more than a budget of %i ms, whatever is needed', (budget) => {
    const random = seededRandom(budget);
    const delay = control(budget);
    expect(extra(delay)).toBe(Math.min(budget, 40));
    for (let i = 0; i < 1000; i++) {
      delay.observe(fromMs((random() - 0.3) * 400));
      expect(extra(delay)).toBeLessThanOrEqual(budget);
      expect(extra(delay)).toBeGreaterThanOrEqual(0);
    }
  });

  it('keeps a little in hand when there is time to spare', () => {
    const delay = control(40);
    feed(delay, 300, () => -25);
    expect(extra(delay)).toBe(8);
  });

  it('covers at least 98 % of a steady spread of needs, and not its worst', () => {
    const random = seededRandom(1);
    const delay = control(100);
    const needs = Array.from({ length: 2000 }, () => 20 + 10 * random() ** 2 + (random() < 0.002 ? 60 : 0));
    for (const need of needs) delay.observe(fromMs(need));
    const chosen = extra(delay);
    expect(needs.filter((need) => need <= chosen).length / needs.length).toBeGreaterThan(0.98);
    expect(chosen).toBeLessThan(36);
  });

  it('reacts to a machine that slows down within a second of 30 gaps, and forgets it within twenty', () => {
    const delay = control(60);
    feed(delay, 256, () => 10);
    expect(extra(delay)).toBe(10.5);
    feed(delay, 32, () => 30);
    expect(extra(delay)).toBe(30.5);
    feed(delay, 512, () => 10);
    expect(extra(delay)).toBe(10.5);
  });

  it('forgets the needs of a cold machine after 64 gaps', () => {
    const delay = control(40);
    feed(delay, 63, () => 30);
    feed(delay, 32, () => 10);
    expect(extra(delay)).toBe(30.5);
    feed(delay, 1, () => 10);
    expect(extra(delay)).toBe(10.5);
  });

  it('forgets what it knows when the work changes', () => {
    const delay = control(40);
    feed(delay, 64, () => 10);
    delay.forget();
    expect(extra(delay)).toBe(40);
    feed(delay, 32, () => 20);
    expect(extra(delay)).toBe(20.5);
  });

  it('counts a gap that was given up as beyond the budget', () => {
    const delay = control(60);
    feed(delay, 128, () => 10);
    for (let i = 0; i < 16; i++) delay.missed();
    expect(extra(delay)).toBe(60);
  });

  it('is not moved by a few outliers in a full window', () => {
    const delay = control(60);
    feed(delay, 512, (i) => (i % 300 === 50 ? 55 : 10));
    expect(extra(delay)).toBe(10.5);
  });

  it('covers a need that three gaps in a hundred have', () => {
    const delay = control(60);
    feed(delay, 256, (i) => (i % 33 === 5 ? 40 : 10));
    expect(extra(delay)).toBe(40.5);
  });

  it('gives whole microseconds', () => {
    const delay = control(40);
    feed(delay, 64, () => 7.0005);
    expect(Number.isInteger(delay.delay(micros(16_667)))).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { BandwidthEstimator, MIN_RATE } from '../../../../src/egress/congestion/estimator.ts';
import { fromMs, type Micros, micros } from '../../../../src/time.ts';
import { type SimFlow, type SimPath, type SimSecond, simulate } from '../../../support/network-sim.ts';
import { seededRandom } from '../../../support/random.ts';

const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length;

/** Share of the path used and the worst second's queue, from the fourth second on: the start may overshoot. */
function settled(seconds: readonly SimSecond[], from = 3): { used: number; queueMs: number } {
  const rest = seconds.slice(from);
  return { used: mean(rest.map(({ used }) => used)), queueMs: Math.max(...rest.map(({ queueMs }) => queueMs)) };
}

/** Time in which packets are sent, and nothing comes back. */
function pass(estimator: BandwidthEstimator, now: Micros): void {
  estimator.sent(now);
  estimator.tick(4e6, now);
}

/** One flow alone on a path. */
function alone(path: SimPath, seconds = 60, flow: SimFlow = {}, seed = 1): SimSecond[] {
  return simulate(path, [flow], seconds, seed)[0] ?? [];
}

describe('the bandwidth estimate on a steady path', () => {
  it.each([
    { capacity: 0.5e6, delay: 0.04 },
    { capacity: 1.5e6, delay: 0.005 },
    { capacity: 2.5e6, delay: 0.04 },
    { capacity: 8e6, delay: 0.02 },
  ])('of $capacity b/s uses nine tenths, with a short queue, though the queue could be a second long', (path) => {
    for (const seed of [1, 2, 3]) {
      const { used, queueMs } = settled(alone({ ...path, capacity: () => path.capacity }, 60, {}, seed));
      expect(used).toBeGreaterThan(0.9);
      expect(used).toBeLessThan(1.01);
      // At half a megabit a frame of one flow alone takes 40 ms.
      expect(queueMs).toBeLessThan(path.capacity < 1e6 ? 250 : 100);
    }
  });

  it('that is full from the first packet on is known within 3 s, though its delay never was shorter', () => {
    const seen = alone({ capacity: () => 0.4e6, queue: 0.3 }, 30, { initial: 50e6, wanted: 4e6 });
    expect(seen[3]?.target).toBeLessThan(0.6e6);
    expect(settled(seen, 6).used).toBeGreaterThan(0.85);
  });

  it('with a queue that holds 50 ms, where most of what is known comes from losses, too', () => {
    expect(settled(alone({ capacity: () => 1.5e6, queue: 0.05 })).used).toBeGreaterThan(0.9);
  });

  it('with 20 ms of jitter', () => {
    expect(settled(alone({ capacity: () => 3e6, jitter: 0.02 })).used).toBeGreaterThan(0.8);
  });
});

describe('the bandwidth estimate where packets are lost at random', () => {
  it('of 5 % goes on sending all that is wanted, where there is room', () => {
    const { used } = settled(alone({ capacity: () => 8e6, loss: 0.05, delay: 0.1 }, 60, { wanted: 4e6 }));
    expect(used * 8e6).toBeGreaterThan(0.94 * 4e6);
    for (const seed of [1, 2, 3, 4]) {
      const targets = alone({ capacity: () => 20e6, loss: 0.05, delay: 0.1 }, 120, { wanted: 4e6 }, seed).map(
        ({ target }) => target,
      );
      expect(Math.min(...targets)).toBeGreaterThan(3.5e6);
    }
  });

  it('and the path is narrow uses it all the same', () => {
    expect(settled(alone({ capacity: () => 2e6, loss: 0.05, delay: 0.1 })).used).toBeGreaterThan(0.85);
  });

  it('of a third sends less: that is no random loss', () => {
    const flow = { wanted: 4e6 };
    expect(alone({ capacity: () => 20e6, loss: 0.33 }, 30, flow).at(-1)?.target).toBeLessThan(2e6);
  });
});

describe('the bandwidth estimate on a path that changes', () => {
  it('follows a fall to a third within 2 s, and drains the queue within 3', () => {
    const seen = alone({ capacity: (at) => (at < 20 ? 3e6 : 1e6) }, 40);
    expect(seen[22]?.target).toBeLessThan(1.1e6);
    expect(settled(seen, 24).queueMs).toBeLessThan(100);
    expect(settled(seen, 24).used).toBeGreaterThan(0.88);
  });

  it('that becomes 150 ms longer is not taken for a full one for long', () => {
    const [seen = []] = simulate(
      { capacity: () => 8e6, delay: (at) => (at < 10 ? 0.01 : 0.16) },
      [{ wanted: 4e6 }],
      30,
    );
    expect(settled(seen, 16).used * 8e6).toBeGreaterThan(0.9 * 4e6);
  });

  it('finds by probes within 6 s that there is room for 4 Mb/s, where 1.5 were', () => {
    for (const seed of [1, 2, 3, 4]) {
      const seen = alone({ capacity: (at) => (at < 20 ? 1.5e6 : 20e6) }, 30, { wanted: 4e6 }, seed);
      expect(seen[26]?.target).toBeGreaterThan(4e6);
    }
  });

  it('follows a mobile network: most of it used, the queue half a second at the worst falls', () => {
    const random = seededRandom(5);
    const phases = [random(), random()].map((value) => value * 10);
    const trace = (at: number): number =>
      2.5e6 + 1.3e6 * Math.sin(at / 4 + (phases[0] ?? 0)) + 0.5e6 * Math.sin(at * 1.3 + (phases[1] ?? 0));
    const seen = alone({ capacity: trace, delay: 0.03 }, 90);
    expect(settled(seen).used).toBeGreaterThan(0.8);
    const queues = seen
      .slice(3)
      .map(({ queueMs }) => queueMs)
      .sort((a, b) => a - b);
    expect(queues[Math.floor(queues.length / 2)]).toBeLessThan(100);
    expect(queues.at(-1)).toBeLessThan(600);
  });

  it('shares with another flow: neither has less than a third', () => {
    for (const seed of [1, 2]) {
      const both = simulate({ capacity: () => 4e6 }, [{}, { begin: 10 }], 90, seed).map((seen) => settled(seen, 20));
      for (const { used } of both) expect(used).toBeGreaterThan(0.33);
      expect(mean(both.map(({ used }) => used)) * 2).toBeGreaterThan(0.9);
    }
  });
});

describe('the bandwidth estimate without reports of packets', () => {
  it('follows what the player says itself, down and up', () => {
    const estimator = new BandwidthEstimator(4e6);
    estimator.bound(1e6, fromMs(100));
    expect(estimator.target).toBe(1e6);
    estimator.bound(6e6, fromMs(200));
    expect(estimator.target).toBe(6e6);
  });

  it('falls while nothing is heard any more, never below the least, and is back with the next report', () => {
    const estimator = new BandwidthEstimator(4e6);
    const at = (seconds: number): Micros => micros(seconds * 1e6);
    estimator.bound(4e6, at(0));
    for (let now = 0; now < 5; now += 0.1) pass(estimator, at(now));
    expect(estimator.target).toBeLessThan(2.5e6);
    for (let now = 5; now < 60; now += 0.1) pass(estimator, at(now));
    expect(estimator.target).toBe(MIN_RATE);
    estimator.bound(4e6, at(60));
    expect(estimator.target).toBe(4e6);
  });

  it('never probes', () => {
    const estimator = new BandwidthEstimator(1e6);
    for (let now = 0; now < 10e6; now += 1e5) expect(estimator.tick(4e6, micros(now))).toBeUndefined();
  });
});

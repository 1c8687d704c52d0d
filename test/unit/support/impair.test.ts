/** The bad network that other tests rely on does what it says, and the same in every run. */
import { expect, test } from 'vitest';
import { ImpairedDirection, type Impairment } from '../../support/impair.ts';

interface Fate {
  readonly number: number;
  readonly sentMs: number;
  /** Undefined: lost. */
  readonly arrivedMs: number | undefined;
}

/** The fates of `count` packets, sent `everyMs`. */
function send(impairment: Impairment, count: number, { seed = 1, everyMs = 5, bytes = 1200 } = {}): Fate[] {
  const direction = new ImpairedDirection(impairment, seed);
  return Array.from({ length: count }, (_, number) => {
    const sentMs = number * everyMs;
    const delay = direction.delay(bytes, sentMs);
    return { number, sentMs, arrivedMs: delay === undefined ? undefined : sentMs + delay };
  });
}

const delays = (fates: readonly Fate[]): number[] =>
  fates.flatMap(({ sentMs, arrivedMs }) => (arrivedMs === undefined ? [] : [arrivedMs - sentMs]));

/** Packets that arrive after one that was sent later. */
function overtaken(fates: readonly Fate[]): number {
  const arrived = fates.filter(({ arrivedMs }) => arrivedMs !== undefined);
  return arrived.filter(({ arrivedMs = 0 }, i) =>
    arrived.slice(i + 1, i + 20).some((later) => (later.arrivedMs ?? 0) < arrivedMs),
  ).length;
}

test('without impairment packets arrive at once', () => {
  expect(new Set(delays(send({}, 1000)))).toEqual(new Set([0]));
});

test('loss: the share that was asked for, the same packets in every run, others with another seed', () => {
  const lost = (seed: number) =>
    send({ loss: 0.05 }, 20_000, { seed }).filter(({ arrivedMs }) => arrivedMs === undefined);
  expect(lost(7).length).toBeGreaterThan(850);
  expect(lost(7).length).toBeLessThan(1150);
  expect(lost(7)).toEqual(lost(7));
  expect(lost(7)).not.toEqual(lost(8));
});

test('delay and jitter: within their bounds, and all of them', () => {
  const found = delays(send({ delayMs: 10, jitterMs: 30 }, 5000));
  expect(Math.min(...found)).toBeGreaterThanOrEqual(10);
  expect(Math.min(...found)).toBeLessThan(11);
  expect(Math.max(...found)).toBeLessThanOrEqual(40);
  expect(Math.max(...found)).toBeGreaterThan(39);
});

test('reordering: the share that was asked for is overtaken, nothing is lost', () => {
  const fates = send({ reorder: 0.02 }, 5000);
  expect(delays(fates)).toHaveLength(5000);
  expect(overtaken(fates)).toBeGreaterThan(60);
  expect(overtaken(fates)).toBeLessThan(140);
});

test('rate: packets leave one after the other; what would wait for more than 100 ms is lost', () => {
  const fates = send({ rate: 1e6 }, 1000);
  const arrivals = fates.flatMap(({ arrivedMs }) => arrivedMs ?? []);
  const steps = arrivals.slice(1).map((at, i) => at - (arrivals[i] ?? 0));
  // 1200 bytes take 9.6 ms, one is sent every 5 ms.
  expect(Math.min(...steps)).toBeCloseTo(9.6, 5);
  expect(arrivals.length / 1000).toBeCloseTo(5 / 9.6, 1);
  expect(Math.max(...delays(fates))).toBeLessThanOrEqual(100);
  expect(delays(send({ rate: 1e7 }, 1000)).every((delay) => delay < 1)).toBe(true);
});

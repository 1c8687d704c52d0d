/** A stream that ends while the engine, which others share, still works for it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { FrameSink, Source } from '../../src/ingest/source.ts';
import type { InterpJob, InterpResult } from '../../src/interp/engine/job.ts';
import { EnginePool, type ModelLease } from '../../src/interp/engine/pool.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { Arena } from '../../src/media/arena.ts';
import { MetricsRegistry } from '../../src/metrics/registry.ts';
import { Stream } from '../../src/stream/stream.ts';
import { fromMs, plus, systemClock } from '../../src/time.ts';
import { flatFrame } from '../support/frames.ts';

/** Gives one model, whose jobs end when told: refused, as those that wait too long are, and reported under the stream's name. */
class HeldPool extends EnginePool {
  readonly jobs: (() => void)[] = [];
  readonly #metrics: MetricsRegistry;

  constructor(arena: Arena, metrics: MetricsRegistry) {
    super({ arena, clock: systemClock, events: metrics });
    this.#metrics = metrics;
  }

  override async acquire(): Promise<ModelLease> {
    const interpolate = ({ stream }: InterpJob): Promise<InterpResult> =>
      new Promise((resolve) => {
        this.jobs.push(() => {
          this.#metrics.emit({ type: 'drop', stream, stage: 'interpolate', reason: 'late' });
          resolve({ status: 'refused', reason: 'late' });
        });
      });
    const tier = {
      model: 'held',
      times: 'any',
      extrapolates: false,
      workers: 1,
      interpolate,
      warmUp: async () => {},
    } as const;
    return { model: 'held', provider: 'cpu', tiers: [tier], release: () => {} };
  }
}

test('a stream has ended when the engine has done with its pairs: nothing is told of it after it was forgotten', async () => {
  const clock = systemClock;
  const arena = new Arena(16);
  using metrics = new MetricsRegistry({ clock });
  await using pool = new HeldPool(arena, metrics);
  let sink: FrameSink | undefined;
  const source: Source = {
    label: 'by hand',
    run: (to, signal) => {
      sink = to;
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  };
  const log = SILENT_LOG;
  const stream = new Stream(
    { name: 'gone', source, target: { kind: 'factor', factor: 2 }, minConfidence: 0 },
    { arena, clock, events: metrics, pool, log },
  );
  // What nobody takes is not interpolated.
  stream.publication('upconverted').follow({ take: () => {}, takeSound: () => {} });
  await stream.useModel('held');
  stream.start();
  const start = clock.now();
  let frames = 0;
  const push = (): void => {
    const arrival = clock.now();
    const pts = plus(start, fromMs(40 * frames));
    sink?.frame(flatFrame(arena, pts, 100 + 4 * frames, 64, { arrival }));
    frames += 1;
  };
  await vi.waitFor(() => expect(sink).toBeDefined());
  push();
  await vi.waitFor(() => expect(stream.warm).toBe(true));
  push();
  await vi.waitFor(() => expect(pool.jobs).toHaveLength(1));

  let ended = false;
  const end = stream[Symbol.asyncDispose]().then(() => {
    ended = true;
    metrics.forget('gone');
  });
  await Promise.race([end, sleep(100)]);
  expect(ended).toBe(false);
  for (const finish of pool.jobs) finish();
  await end;
  expect(await metrics.text()).not.toContain('gone');
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

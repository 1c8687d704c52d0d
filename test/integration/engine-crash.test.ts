import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InterpEngine, type InterpResult } from '../../src/interp/engine/engine.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock, ZERO } from '../../src/time.ts';
import { RecordedLog } from '../support/recorded-log.ts';

const SCRIPT = new URL('../support/engine-scripted-worker.ts', import.meta.url);
const INFO = { pts: ZERO, arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };

describe('InterpEngine when its worker misbehaves', () => {
  let arena: Arena;
  let engine: InterpEngine;
  let a: Frame;
  let log: RecordedLog;

  beforeEach(async () => {
    arena = new Arena(16);
    log = new RecordedLog();
    a = Frame.allocate(arena, 64, 64, INFO);
    engine = await InterpEngine.start({
      arena,
      clock: systemClock,
      events: noEvents,
      model: 'blend',
      workerScript: SCRIPT,
      limitMs: 1500,
      log,
    });
  });

  afterEach(async () => {
    a.release();
    await engine.close();
    expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  });

  const ask = (t: number): Promise<InterpResult> => engine.interpolate({ stream: 's', a, b: a, timesteps: [t] });
  const settle = async (result: Promise<InterpResult>): Promise<string> => {
    const r = await result;
    if (r.status === 'done') for (const f of r.frames) f.release();
    return r.status;
  };

  it.each([0.25, 0.125])(
    'rejects the job of a crashed worker as recoverable, restarts, and goes on (t = %d)',
    async (t) => {
      const [crashed, next] = [ask(t), ask(0.5)];
      await expect(crashed).rejects.toMatchObject({ code: 'engine.failed', recoverable: true });
      expect(await settle(next)).toBe('done');
      expect(engine.stats).toMatchObject({ restarts: 1, failed: 1, done: 1 });
      expect(log.messages('debug')).toEqual([
        'interpolation worker started',
        'interpolation engine opened',
        'interpolation worker crashed',
        'interpolation worker restarted',
      ]);
    },
  );

  it('passes on a failure that the worker reports, without a restart', async () => {
    await expect(ask(0.75)).rejects.toThrow('scripted failure');
    expect(await settle(ask(0.5))).toBe('done');
    expect(engine.stats.restarts).toBe(0);
  });

  it('treats a worker that never answers as crashed', async () => {
    await expect(ask(0.375)).rejects.toThrow(/no answer for 1.5 s/);
    expect(await settle(ask(0.5))).toBe('done');
  });

  it('waits for a worker that is inside ONNX Runtime, where it cannot be ended', async () => {
    expect(await settle(ask(0.875))).toBe('done');
    expect(engine.stats.restarts).toBe(0);
    const begun = systemClock.now();
    await expect(ask(0.625)).rejects.toThrow(/no answer for 1.5 s/);
    expect(systemClock.now() - begun).toBeGreaterThan(2_400_000);
    expect(await settle(ask(0.5))).toBe('done');
  });

  it('pauses after four crashes in a row, for waiting jobs too, and goes on by itself', async () => {
    for (let i = 0; i < 3; i++) await expect(ask(0.25)).rejects.toMatchObject({ recoverable: true });
    const [last, waiting] = await Promise.allSettled([ask(0.25), ask(0.5)]);
    expect(last.status).toBe('rejected');
    const paused = /crashed 4 times in a row .*next start in 1 s/;
    expect(waiting).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(paused) } });
    await expect(ask(0.5)).rejects.toThrow(paused);
    expect(engine.fault?.message).toMatch(paused);
    expect(log.messages('error')).toEqual(['interpolation pauses: every worker crashes repeatedly']);
    await expect.poll(() => engine.fault, { timeout: 5000 }).toBeUndefined();
    expect(await settle(ask(0.5))).toBe('done');
    expect(log.messages('info')).toEqual(['interpolation goes on']);
  });
});

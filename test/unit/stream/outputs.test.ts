import { describe, expect, it } from 'vitest';
import type { Push, PushReport } from '../../../src/egress/push/push.ts';
import { FrameliftError } from '../../../src/errors.ts';
import type { MetricEvent } from '../../../src/metrics/events.ts';
import { Outputs } from '../../../src/stream/outputs.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';
import { RecordedLog } from '../../support/recorded-log.ts';

/** A push that does what it is told, and its outputs. */
function rig(count = 1) {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const events: MetricEvent[] = [];
  const runs: { report: PushReport; end: PromiseWithResolvers<'stopped' | 'changed'>; at: number }[] = [];
  const push: Push = {
    label: 'rtsp://host/x',
    run: (_source, report, signal) => {
      const end = Promise.withResolvers<'stopped' | 'changed'>();
      signal.addEventListener('abort', () => end.resolve('stopped'));
      runs.push({ report, end, at: clock.now() });
      return end.promise;
    },
  };
  const settings = Array.from({ length: count }, (_, i) => ({ name: `${i}`, variant: 'upconverted' as const, push }));
  const unused = (): never => {
    throw new Error('the push follows by itself');
  };
  const publication = () => ({ follow: unused, sound: { codec: undefined } as never });
  const outputs = new Outputs(settings, {
    ...{ stream: 's', clock, log, publication, random: () => 0.5 },
    events: { emit: (event) => events.push(event) },
  });
  /** Lets promises settle, then time pass. */
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < 20; i += 1) await Promise.resolve();
    clock.advance(fromMs(ms));
    for (let i = 0; i < 20; i += 1) await Promise.resolve();
  };
  const fail = (code: 'output.refused' | 'output.unauthorized'): void => {
    runs.at(-1)?.end.reject(new FrameliftError(code, 'no', { recoverable: code === 'output.refused' }));
  };
  return { outputs, runs, log, events, pass, fail };
}

describe('an output', () => {
  it('that refuses is tried again, less and less often, and says so once', async () => {
    await using parts = new AsyncDisposableStack();
    const { outputs, runs, log, events, pass, fail } = rig();
    parts.use(outputs);
    outputs.start();
    for (const wait of [250, 500, 1000, 2000, 3000]) {
      fail('output.refused');
      await pass(wait - 1);
      expect(outputs.status[0]).toMatchObject({ state: 'waiting', error: { code: 'output.refused' } });
      await pass(1);
    }
    expect(runs).toHaveLength(6);
    expect(outputs.status[0]).toMatchObject({ state: 'connecting', restarts: 5, bytes: 0 });
    expect(log.messages('warn')).toEqual(['output to rtsp://host/x failed: no']);
    expect(events.filter(({ type }) => type === 'output-restart')).toHaveLength(5);
    runs.at(-1)?.report.live();
    runs.at(-1)?.report.sent(1000);
    expect(outputs.status[0]).toMatchObject({ state: 'live', error: undefined, bytes: 1000 });
    expect(events.at(-1)).toEqual({ type: 'output-sent', stream: 's', output: '0', bytes: 1000 });
  });

  it('that nobody can mend but a person is tried slowly', async () => {
    const { outputs, runs, pass, fail } = rig();
    outputs.start();
    fail('output.unauthorized');
    await pass(14_000);
    expect(runs).toHaveLength(1);
    await pass(1000);
    expect(runs).toHaveLength(2);
    await outputs[Symbol.asyncDispose]();
  });

  it('that lets in and throws out at once does not begin from the shortest wait; one that was well does', async () => {
    const { outputs, runs, pass, fail } = rig();
    outputs.start();
    for (const wait of [250, 500, 1000]) {
      runs.at(-1)?.report.live();
      fail('output.refused');
      await pass(wait);
    }
    expect(runs).toHaveLength(4);
    runs.at(-1)?.report.live();
    await pass(10_000);
    fail('output.refused');
    await pass(250);
    expect(runs).toHaveLength(5);
    await outputs[Symbol.asyncDispose]();
  });

  it('begins anew when what is sent has changed, which is no failure', async () => {
    const { outputs, runs, events, pass } = rig();
    outputs.start();
    runs[0]?.end.resolve('changed');
    await pass(250);
    expect(runs).toHaveLength(2);
    expect(outputs.status[0]).toMatchObject({ restarts: 0, error: undefined });
    expect(events.filter(({ type }) => type === 'output-restart')).toEqual([]);
    await outputs[Symbol.asyncDispose]();
  });

  it('leaves the others alone, and all stop together, one that waits too', async () => {
    const { outputs, runs, pass, fail } = rig(2);
    outputs.start();
    runs[0]?.report.live();
    fail('output.unauthorized');
    await pass(1);
    expect(outputs.status.map(({ state }) => state)).toEqual(['live', 'waiting']);
    await outputs[Symbol.asyncDispose]();
    expect(runs).toHaveLength(2);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameliftError } from '../../../../src/errors.ts';
import type { PendingJob } from '../../../../src/interp/engine/job-run.ts';
import { EngineReport } from '../../../../src/interp/engine/report.ts';
import { Arena } from '../../../../src/media/arena.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { fromMs, ManualClock, ZERO } from '../../../../src/time.ts';
import { EventLog, flatFrame } from '../../../support/frames.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';

describe('EngineReport', () => {
  let frame: Frame;
  let clock: ManualClock;
  let events: EventLog;
  let log: RecordedLog;
  let report: EngineReport;

  beforeEach(() => {
    frame = flatFrame(new Arena(16), ZERO);
    clock = new ManualClock();
    events = new EventLog();
    log = new RecordedLog();
    report = new EngineReport({ clock, events, log });
  });
  afterEach(() => frame.release());

  const job = (mode: PendingJob['mode'] = 'whole'): PendingJob => ({
    stream: 's',
    group: undefined,
    model: 'm',
    hash: undefined,
    mode,
    a: frame,
    b: frame,
    timesteps: [0.5],
    minConfidence: 0,
    deadline: undefined,
    enqueued: clock.now(),
    resolve() {},
    reject() {},
  });
  const result = { confidence: 0.9, spans: { search: 1500, network: 2500, kernel: 500 } };

  it('logs one pair in a hundred, with where its time went', () => {
    for (let i = 0; i < 250; i++) {
      const pair = job();
      clock.advance(fromMs(7));
      report.done(pair, result);
    }
    expect(report.counts.done).toBe(250);
    expect(log.messages('trace')).toEqual(Array(3).fill('interpolated pair'));
    expect(log.lines[0]).toMatchObject({ ms: 7, searchMs: 1.5, networkMs: 2.5, kernelMs: 0.5, width: 16 });
  });

  it('says once that interpolation pauses, and once that it goes on', () => {
    const error = new FrameliftError('engine.failed', 'crashed 4 times');
    report.fault('m', undefined);
    for (const fault of [error, error, undefined, undefined, error]) report.fault('m', fault);
    const pause = expect.objectContaining({ level: 'error', model: 'm', error: 'crashed 4 times' });
    expect(log.lines).toEqual([pause, expect.objectContaining({ level: 'info', model: 'm' }), pause]);
  });

  it('gives the search to the CPU, whatever runs the network', () => {
    report.run(job('search'), 'webgpu', [result]);
    report.run(job('half'), 'webgpu', [result, result]);
    expect(events.of('inference')).toMatchObject([
      { provider: 'cpu', span: 2500, jobs: 1 },
      { provider: 'webgpu', span: 5000, jobs: 2 },
    ]);
  });

  it.each([
    ['late', 'late', 1],
    ['dropped', 'queue-full', 0],
    ['closed', 'stopped', 0],
  ] as const)('counts a job that is %s as a drop: %s', (reason, drop, late) => {
    report.refused(job(), reason);
    expect(events.count('drop')).toEqual({ [drop]: 1 });
    expect(report.counts).toEqual({ done: 0, late, failed: 0 });
  });
});

import { describe, expect, it } from 'vitest';
import { MetricsRegistry } from '../../../src/metrics/registry.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';

/** 10 s of 15 → 60 fps: one source frame, two interpolated and one repeated of every four. */
function run(): { metrics: MetricsRegistry; clock: ManualClock } {
  const clock = new ManualClock();
  const metrics = new MetricsRegistry({ clock });
  const stream = 'cam';
  for (let i = 0; i < 600; i += 1) {
    if (i % 4 === 0) {
      metrics.emit({ type: 'pair', stream, decision: 'interpolate' });
      metrics.emit({ type: 'frame', stream, fate: 'source' });
    } else if (i % 4 === 1) {
      metrics.emit({ type: 'frame', stream, fate: 'repeated', reason: i % 8 === 1 ? 'deadline' : 'cut' });
    } else {
      metrics.emit({ type: 'frame', stream, fate: 'interpolated' });
      metrics.emit({ type: 'confidence', stream, model: 'flow-s', value: 0.75 });
    }
    metrics.emit({ type: 'latency', stream, variant: 'upconverted', span: fromMs(40 + (i % 10)) });
    metrics.emit({ type: 'stage', stream, stage: 'encode', span: fromMs(5) });
    metrics.emit({ type: 'sent', stream, variant: 'upconverted', bytes: 1000, packets: 1 });
    clock.advance(fromMs(1000 / 60));
  }
  return { metrics, clock };
}

describe('snapshot', () => {
  it('gives rates, shares and percentiles of the last seconds', () => {
    const { metrics } = run();
    const stats = metrics.snapshot('cam');
    expect(stats.fps.upconverted).toBeCloseTo(60, 1);
    expect(stats.fps.source).toBeCloseTo(15, 1);
    expect(stats.syntheticShare).toBeCloseTo(0.5, 1);
    expect(stats.frames.repeated).toBe((stats.repeats.deadline ?? 0) + (stats.repeats.cut ?? 0));
    expect(Math.abs((stats.repeats.deadline ?? 0) - (stats.repeats.cut ?? 0))).toBeLessThanOrEqual(1);
    expect(stats.latencyMs.upconverted?.p95).toBe(49);
    expect([44, 45]).toContain(stats.latencyMs.upconverted?.p50);
    expect(stats.latencyMs.source).toBeUndefined();
    expect(stats.stageMs).toEqual({ encode: { p50: 5, p95: 5 } });
    expect(stats.confidence).toBeCloseTo(0.75, 6);
    expect(stats.bitsPerSecond.upconverted / (60 * 8000)).toBeCloseTo(1, 1);
    metrics[Symbol.dispose]();
  });

  it('counts frames that were carried on with those that are synthetic', () => {
    const metrics = new MetricsRegistry({ clock: new ManualClock() });
    for (const fate of ['source', 'extrapolated', 'interpolated', 'extrapolated'] as const) {
      metrics.emit({ type: 'frame', stream: 'cam', fate });
    }
    const { frames, syntheticShare } = metrics.snapshot('cam');
    expect(frames).toEqual({ source: 1, interpolated: 1, extrapolated: 2, repeated: 0 });
    expect(syntheticShare).toBe(0.75);
    metrics[Symbol.dispose]();
  });

  it('is empty again after silence', () => {
    const { metrics, clock } = run();
    clock.advance(fromMs(6000));
    const stats = metrics.snapshot('cam');
    expect(stats.fps).toEqual({ upconverted: 0, source: 0 });
    expect(stats.syntheticShare).toBeUndefined();
    expect(stats.confidence).toBeUndefined();
    expect(stats.latencyMs).toEqual({});
    expect(stats.repeats).toEqual({});
    metrics[Symbol.dispose]();
  });

  it('keeps what does not age: state, viewers, source', () => {
    const clock = new ManualClock();
    const metrics = new MetricsRegistry({ clock });
    metrics.emit({ type: 'state', stream: 'cam', state: 'degraded' });
    metrics.emit({ type: 'viewers', stream: 'cam', variant: 'source', count: 3 });
    metrics.emit({ type: 'source-info', stream: 'cam', codec: 'hevc', width: 640, height: 360, fps: 30 });
    clock.advance(fromMs(60_000));
    const stats = metrics.snapshot('cam');
    expect(stats.state).toBe('degraded');
    expect(stats.viewers).toEqual({ upconverted: 0, source: 3 });
    expect(stats.source).toEqual({ codec: 'hevc', width: 640, height: 360, fps: 30 });
    metrics[Symbol.dispose]();
  });

  it('is all zeros for a stream that has not reported', () => {
    const metrics = new MetricsRegistry({ clock: new ManualClock() });
    expect(metrics.snapshot('none')).toMatchObject({ stream: 'none', state: 'waiting', fps: { upconverted: 0 } });
    metrics[Symbol.dispose]();
  });
});

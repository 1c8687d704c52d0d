import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config/parse.ts';
import type { MetricEvent } from '../src/metrics/events.ts';
import { MetricsRegistry } from '../src/metrics/registry.ts';
import { fromMs, ManualClock } from '../src/time.ts';
import { type StreamResult, streamResult, summary } from './live-result.ts';
import { Scrape } from './metrics-text.ts';
import { judgeArrivals } from './slots.ts';

const stream = 'live1';
const SECONDS = 1;

/** A second of 30 → 60 fps of which these frames were released, through the product's own registry. */
async function counted(events: readonly MetricEvent[]): Promise<StreamResult> {
  using metrics = new MetricsRegistry({ clock: new ManualClock(), streams: [stream] });
  const before = Scrape.parse(await metrics.text());
  for (const event of events) metrics.emit(event);
  const since = Scrape.parse(await metrics.text()).since(before);
  return streamResult(stream, since, 60, SECONDS, judgeArrivals([], 60, SECONDS));
}

/** `count` frames released `late` milliseconds after they were due. */
function released(fate: 'source' | 'interpolated' | 'repeated', count: number, late = 0.1): MetricEvent[] {
  const added = fate === 'source' ? fromMs(30 + late) : undefined;
  return Array.from({ length: count }).flatMap(() => [
    { type: 'release', stream, late: fromMs(late), added } as const,
    { type: 'frame', stream, fate, ...(fate === 'repeated' ? { reason: 'deadline' } : {}) } as const,
  ]);
}

describe('streamResult', () => {
  it('finds everything on time and every gap interpolated', async () => {
    const result = await counted([...released('source', 30), ...released('interpolated', 30)]);
    expect(result).toMatchObject({ slots: 60, onTime: 60, late: 0, missing: 0, onTimePercent: 100 });
    expect(result.interpolatedGapPercent).toBe(100);
    expect(result.addedLatencyMs.p95).toBeCloseTo(32, 0);
  });

  it('counts repeats as on time, but as no interpolation', async () => {
    const events = [...released('source', 30), ...released('interpolated', 24), ...released('repeated', 6)];
    const result = await counted(events);
    expect(result).toMatchObject({ onTimePercent: 100, interpolatedGapPercent: 80, repeats: { deadline: 6 } });
  });

  it('counts slots that were released late or never announced against it', async () => {
    const events = [...released('source', 28), ...released('interpolated', 20), ...released('interpolated', 6, 9)];
    const result = await counted(events);
    expect(result).toMatchObject({ slots: 60, onTime: 48, late: 6, missing: 6, onTimePercent: 80 });
    // 26 of 32: where source frames are missing, more slots lie between those that are left.
    expect(result.interpolatedGapPercent).toBe(81.25);
  });

  it('takes frames off that were given up after their release, and none that were given up before', async () => {
    const events = [...released('source', 30), ...released('interpolated', 30)];
    const drop = { type: 'drop', stream, reason: 'queue-full', count: 3 } as const;
    const result = await counted([...events, { ...drop, stage: 'encode' }, { ...drop, stage: 'interpolate' }]);
    expect(result).toMatchObject({ onTime: 57, missing: 3, onTimePercent: 95 });
    expect(result.drops).toEqual({ encode: { 'queue-full': 3 }, interpolate: { 'queue-full': 3 } });
  });

  it('says zero for a stream that stood still', async () => {
    const result = await counted([]);
    expect(result).toMatchObject({ slots: 60, missing: 60, onTimePercent: 0, interpolatedGapPercent: 0 });
    expect(result.addedLatencyMs.p95).toBeNull();
  });
});

describe('summary', () => {
  const { engine } = parseConfig({}, 'test');
  const settings = { width: 640, height: 360, fps: 30, target: 60, seconds: 1, warmUpSeconds: 5, engine };

  it('is that of the worst stream', async () => {
    const good = await counted([...released('source', 30), ...released('interpolated', 30)]);
    const bad = await counted([...released('source', 30, 5), ...released('repeated', 30)]);
    const result = summary(settings, [good, bad]);
    expect(result).toMatchObject({ onTimePercent: 50, interpolatedGapPercent: 0, floorMs: 16.67, gridFloorMs: 16.67 });
    expect(result.overFloorP95Ms).toBeCloseTo((bad.addedLatencyMs.p95 ?? 0) - 16.67, 1);
  });

  it('tells the floor of whole factors from that of a free grid', async () => {
    const still = await counted([]);
    expect(summary({ ...settings, target: 120 }, [still])).toMatchObject({ floorMs: 25, gridFloorMs: 25 });
    const free = summary({ ...settings, fps: 25 }, [still]);
    expect(free.floorMs).toBeCloseTo(23.33, 2);
    expect(free.gridFloorMs).toBeGreaterThan(free.floorMs);
    expect(free.gridFloorMs).toBeLessThan(40);
  });
});

import { describe, expect, it } from 'vitest';
import { MetricsRegistry } from '../src/metrics/registry.ts';
import { fromMs, ManualClock } from '../src/time.ts';
import { Scrape } from './metrics-text.ts';

/** The registry's own text: what the bench reads is what the product writes. */
async function twoScrapes(): Promise<Scrape> {
  using metrics = new MetricsRegistry({ clock: new ManualClock(), streams: ['a'] });
  const release = (stream: string, ms: number): void =>
    metrics.emit({ type: 'release', stream, late: fromMs(ms), added: undefined });
  metrics.emit({ type: 'frame', stream: 'a', fate: 'source' });
  release('a', 90);
  const before = Scrape.parse(await metrics.text());
  for (let i = 0; i < 3; i++) metrics.emit({ type: 'frame', stream: 'a', fate: 'interpolated' });
  metrics.emit({ type: 'frame', stream: 'a', fate: 'repeated', reason: 'deadline' });
  metrics.emit({ type: 'frame', stream: 'b', fate: 'interpolated' });
  for (const ms of [0.2, 0.4, 1.5, 3.5, 4, 5, 5, 400]) release('a', ms);
  release('b', 30);
  return Scrape.parse(await metrics.text()).since(before);
}

describe('Scrape', () => {
  it('gives what was counted between two scrapes', async () => {
    const counted = await twoScrapes();
    expect(counted.by('framelift_frames_total', 'fate', { stream: 'a' })).toEqual({ interpolated: 3, repeated: 1 });
    expect(counted.total('framelift_frames_total')).toBe(5);
    expect(counted.total('framelift_frames_total', { stream: 'nobody' })).toBe(0);
  });

  it('reads histograms: exact at the ends of buckets, linear within', async () => {
    const late = (await twoScrapes()).histogram('framelift_release_lateness_seconds', { stream: 'a' });
    expect(late.count).toBe(8);
    expect(late.upTo(0.004)).toBe(5);
    expect(() => late.upTo(0.0042)).toThrow('no bucket');
    expect(late.quantile(0.25)).toBeCloseTo(0.0005, 9);
    expect(late.quantile(0.75)).toBeCloseTo(0.005, 9);
    expect(late.quantile(0.99)).toBe(0.25);
  });

  it('adds the histograms of several streams up', async () => {
    const late = (await twoScrapes()).histogram('framelift_release_lateness_seconds');
    expect(late.count).toBe(9);
    expect(late.upTo(0.05)).toBe(8);
  });

  it('knows no quantile of nothing', async () => {
    const nothing = (await twoScrapes()).histogram('framelift_release_lateness_seconds', { stream: 'c' });
    expect(nothing.count).toBe(0);
    expect(nothing.upTo(0.004)).toBe(0);
    expect(nothing.quantile(0.5)).toBeNaN();
  });
});

import { describe, expect, it } from 'vitest';
import { DelaySamples, FrameRate } from '../../../../src/web/player/measurements.js';

describe('the frame rate', () => {
  it('is that of the last second, by the times of its first and last frame', () => {
    const rate = new FrameRate();
    for (let i = 0; i <= 180; i += 1) rate.add(i * (1000 / 60), 1);
    expect(rate.read(3000)).toEqual({ count: 61, fps: expect.closeTo(60, 6) });
  });

  it('counts frames that the browser did not report one by one', () => {
    const rate = new FrameRate();
    for (let i = 0; i <= 30; i += 1) rate.add(i * (1000 / 30), 2);
    expect(rate.read(1000).fps).toBeCloseTo(60, 6);
  });

  it('falls while the next frame is overdue, to nothing after a second', () => {
    const rate = new FrameRate();
    for (let i = 0; i <= 10; i += 1) rate.add(i * 50, 1);
    expect(rate.read(550).fps).toBeCloseTo(20, 6);
    expect(rate.read(1000).fps).toBeCloseTo(10.53, 2);
    expect(rate.read(1501)).toEqual({ count: 0, fps: 0 });
  });

  it('starts anew with another connection', () => {
    const rate = new FrameRate();
    rate.add(0, 1);
    rate.clear();
    expect(rate.read(0)).toEqual({ count: 0, fps: 0 });
  });
});

describe('a delay', () => {
  it('is unknown before five samples', () => {
    const samples = new DelaySamples();
    for (let i = 0; i < 4; i += 1) samples.add(10);
    expect(samples.percentiles()).toBeUndefined();
    samples.add(10);
    expect(samples.percentiles()).toEqual({ p50: 10, p95: 10 });
  });

  it('is the median and the 95th percentile of the last 300 samples', () => {
    const samples = new DelaySamples();
    for (let i = 0; i < 50; i += 1) samples.add(5000);
    for (let i = 299; i >= 0; i -= 1) samples.add(i);
    expect(samples.percentiles()).toEqual({ p50: 150, p95: 285 });
  });

  it('leaves out what clocks that disagree make of it', () => {
    const samples = new DelaySamples();
    for (const ms of [-1, 10_000, 1, 2, 3, 4, 5]) samples.add(ms);
    expect(samples.percentiles()).toEqual({ p50: 3, p95: 5 });
  });
});

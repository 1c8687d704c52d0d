import { describe, expect, it } from 'vitest';
import { defaultBitrate, RateMeter, SuitableBitrate } from '../../../../src/egress/codec/bitrate.ts';
import { micros } from '../../../../src/time.ts';

describe('RateMeter', () => {
  it('assumes the nominal rate, then measures', () => {
    const meter = new RateMeter(60);
    let fps = 0;
    for (let i = 0; i < 40; i += 1) fps = meter.observe(micros((i * 1e6) / 15));
    expect(fps).toBeCloseTo(15, 5);
  });

  it('is not moved by jitter that is no other rate', () => {
    const meter = new RateMeter(30);
    for (let i = 0; i < 300; i += 1) {
      expect(meter.observe(micros((i * 1e6) / 30 + (i % 3) * 8000))).toBe(30);
    }
  });

  it('begins anew when time goes backwards', () => {
    const meter = new RateMeter(30);
    for (let i = 0; i < 20; i += 1) meter.observe(micros(5e6 + (i * 1e6) / 60));
    for (let i = 0; i < 58; i += 1) expect(meter.observe(micros((i * 1e6) / 60))).toBe(30);
    for (let i = 58; i < 62; i += 1) meter.observe(micros((i * 1e6) / 60));
    expect(meter.fps).toBeCloseTo(60, 3);
  });

  it('does not take a pause for a rate', () => {
    const meter = new RateMeter(30);
    for (let i = 0; i < 10; i += 1) expect(meter.observe(micros(i * 1e6))).toBe(30);
  });
});

describe('defaultBitrate', () => {
  it('grows with size and, slower, with rate, within bounds', () => {
    expect(defaultBitrate(1280, 720, 30)).toBe(4_608_000);
    expect(defaultBitrate(1280, 720, 60) / defaultBitrate(1280, 720, 30)).toBeCloseTo(1.516, 2);
    expect(defaultBitrate(64, 64, 30)).toBe(300_000);
    expect(defaultBitrate(7680, 4320, 120)).toBe(20e6);
  });
});

describe('SuitableBitrate', () => {
  it('follows size at once and rate once it is measured', () => {
    const suitable = new SuitableBitrate(30);
    let due = 0;
    const push = (width: number, height: number, fps: number): number => {
      due += 1e6 / fps;
      suitable.observe(width, height, micros(due));
      return suitable.bitrate;
    };
    expect(push(640, 360, 60)).toBe(defaultBitrate(640, 360, 30));
    expect(push(1280, 720, 60)).toBe(defaultBitrate(1280, 720, 30));
    for (let i = 0; i < 70; i += 1) push(1280, 720, 60);
    expect(suitable.fps).toBeCloseTo(60, 3);
    expect(suitable.bitrate).toBe(defaultBitrate(1280, 720, suitable.fps));
  });
});

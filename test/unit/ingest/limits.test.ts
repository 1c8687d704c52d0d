import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS, IngestGauge, maxPixels, sizeExcess } from '../../../src/ingest/limits.ts';
import { micros } from '../../../src/time.ts';

const LIMITS = { maxWidth: 640, maxHeight: 360, maxFps: 30, maxBitrateKbps: 1000 };

/** The first error of a source that sends `fps` frames of `bytes` a second for `seconds`, after a burst; and when it came. */
function play(gauge: IngestGauge, { fps = 30, bytes = 1000, seconds = 60, burst = 0 }) {
  const due = [...Array<number>(burst).fill(0), ...Array.from({ length: fps * seconds }, (_, i) => i / fps)];
  for (const at of due) {
    const now = micros(at * 1e6);
    const error = gauge.packet(bytes, now) ?? gauge.frame(640, 360, now);
    if (error) return { error, at };
  }
  return undefined;
}

describe('size', () => {
  test.each([
    [640, 360, undefined],
    [641, 360, 'source.too-large'],
    [640, 361, 'source.too-large'],
    [360, 640, 'source.too-large'],
  ])('%d × %d: %s', (width, height, code) => {
    expect(sizeExcess(LIMITS, width, height)?.code).toBe(code);
    expect(new IngestGauge(LIMITS).frame(width, height, micros(0))?.code).toBe(code);
  });

  test('the error names size, limit and key', () => {
    const error = sizeExcess(LIMITS, 1920, 1080);
    expect(error?.message).toBe('the frames are 1920x1080, the limit is 640x360');
    expect(error?.remedy).toContain('limits.maxWidth');
    expect(error?.recoverable).toBe(false);
  });

  test('a decoder gets room for whole blocks, and little more', () => {
    expect(maxPixels(LIMITS)).toBeGreaterThanOrEqual(640 * 368);
    expect(maxPixels(DEFAULT_LIMITS)).toBeLessThan(1.05 * 8192 * 4320);
  });
});

describe('rates', () => {
  test('tiny packets in their millions: refused, for each costs the same', () => {
    const gauge = new IngestGauge(DEFAULT_LIMITS);
    let error: unknown;
    for (let i = 0; i < 1_000_000 && !error; i += 1) error = gauge.packet(4, micros(i * 2));
    expect(error).toMatchObject({ code: 'source.too-fast', message: expect.stringContaining('packets per second') });
  });

  test('200 Mbit/s in ordinary packets for a minute: nothing', () => {
    const gauge = new IngestGauge(DEFAULT_LIMITS);
    const error = Array.from({ length: 1_250_000 }, (_, i) => gauge.packet(1200, micros(i * 48))).find(Boolean);
    expect(error).toBeUndefined();
  });

  test('at the limit for an hour: nothing', () => {
    expect(play(new IngestGauge(LIMITS), { fps: 30, seconds: 3600 })).toBeUndefined();
  });

  test('frames since the last keyframe, all at once, are no rate', () => {
    expect(play(new IngestGauge(LIMITS), { fps: 30, burst: 60 })).toBeUndefined();
  });

  test('twice the frames: refused within seconds', () => {
    const found = play(new IngestGauge(LIMITS), { fps: 60 });
    expect(found?.error).toMatchObject({ code: 'source.too-fast', remedy: expect.stringContaining('limits.maxFps') });
    expect(found?.at).toBeGreaterThan(1);
    expect(found?.at).toBeLessThan(5);
  });

  test('twice the data: refused within seconds', () => {
    const found = play(new IngestGauge(LIMITS), { fps: 25, bytes: 10_000 });
    expect(found?.error).toMatchObject({
      ...{ code: 'source.too-fast', message: 'more than 1000 kbit/s arrive, the limit' },
      remedy: expect.stringContaining('limits.maxBitrateKbps'),
    });
    expect(found?.at).toBeLessThan(5);
  });

  test('a clock that stands still or goes back gives nothing', () => {
    const gauge = new IngestGauge(LIMITS);
    const errors = Array.from({ length: 200 }, (_, i) => gauge.frame(640, 360, micros(1000 - i)));
    expect(errors.findIndex((error) => error !== undefined)).toBe(90);
  });
});

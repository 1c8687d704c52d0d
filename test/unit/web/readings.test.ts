/// <reference lib="dom" />
import { describe, expect, it } from 'vitest';
import { percentages, totalLatency } from '../../../src/web/readings.js';

describe('the latency', () => {
  const capture = { p50: 120, p95: 150 };
  const server = { p50: 80, p95: 99.6 };
  const player = { p50: 20, p95: 31 };

  it('is that from capture to screen where the browser tells it', () => {
    expect(totalLatency({ capture, server, player })).toEqual({
      p50: 120,
      p95: 150,
      span: 'capture to screen',
      parts: 'p95 150 ms',
    });
  });

  it('is else the sum of server and player', () => {
    expect(totalLatency({ capture: undefined, server, player })).toMatchObject({
      p50: 100,
      p95: 130.6,
      span: 'arrival to screen',
      parts: 'server 80 (p95 100), player 20',
    });
  });

  it("is the server's alone while the player has measured nothing, and unknown without that", () => {
    expect(totalLatency({ capture: undefined, server, player: undefined })).toEqual({
      p50: 80,
      p95: 99.6,
      span: 'arrival to sent',
      parts: 'p95 100 ms',
    });
    expect(totalLatency({ capture: undefined, server: undefined, player })).toBeUndefined();
  });
});

it('shares of frames are percentages of those whose origin is known', () => {
  const counts = { source: 1, interpolated: 4, extrapolated: 2, repeated: 1, unknown: 92 };
  expect(percentages(counts)).toEqual({ source: 12.5, interpolated: 50, extrapolated: 25, repeated: 12.5 });
  const none = { source: 0, interpolated: 0, extrapolated: 0, repeated: 0 };
  expect(percentages(none)).toEqual(none);
});

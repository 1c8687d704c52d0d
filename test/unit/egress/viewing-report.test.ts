import { describe, expect, it } from 'vitest';
import { readViewingReport } from '../../../src/egress/viewing-report.ts';
import { fromMs } from '../../../src/time.ts';

describe('what a player says of what is seen', () => {
  it('is read, with the latency and without', () => {
    expect(readViewingReport('{"fps":59.9,"freezes":2,"frozenMs":340,"latencyMs":83}')).toEqual({
      ...{ fps: 59.9, freezes: 2, frozen: fromMs(340), latency: fromMs(83) },
    });
    expect(readViewingReport('{"fps":0,"freezes":0,"frozenMs":0}')).toEqual({ fps: 0, freezes: 0, frozen: fromMs(0) });
  });

  it.each([
    ...['', 'no JSON', 'null', '[]', '7', '"fps"', '{}', '{"fps":60}', '{"fps":60,"freezes":0}'],
    '{"fps":"60","freezes":0,"frozenMs":0}',
    '{"fps":-1,"freezes":0,"frozenMs":0}',
    '{"fps":1e9,"freezes":0,"frozenMs":0}',
    '{"fps":1e999,"freezes":0,"frozenMs":0}',
    '{"fps":60,"freezes":0.5,"frozenMs":0}',
    '{"fps":60,"freezes":101,"frozenMs":0}',
    '{"fps":60,"freezes":0,"frozenMs":10001}',
    `{"fps":60,"freezes":0,"frozenMs":0,"note":"${'x'.repeat(300)}"}`,
  ])('is nothing as %s', (text) => {
    expect(readViewingReport(text)).toBeUndefined();
  });

  it('is nothing as bytes, and a latency that cannot be is left out', () => {
    expect(readViewingReport(Buffer.from('{"fps":60,"freezes":0,"frozenMs":0}'))).toBeUndefined();
    for (const latencyMs of ['-1', '"83"', '60001', 'null']) {
      expect(readViewingReport(`{"fps":60,"freezes":0,"frozenMs":0,"latencyMs":${latencyMs}}`)).toEqual({
        ...{ fps: 60, freezes: 0, frozen: fromMs(0) },
      });
    }
  });
});

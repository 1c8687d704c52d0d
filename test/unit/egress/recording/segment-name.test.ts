import { describe, expect, it } from 'vitest';
import { nameOfSegment, parseSegmentName, sidecarOf } from '../../../../src/egress/recording/segment-name.ts';
import { micros } from '../../../../src/time.ts';

const START = micros(Date.parse('2026-12-01T03:44:12.345Z') * 1000);

describe('names of segments', () => {
  it('say variant and start, and are read back', () => {
    const name = nameOfSegment({ variant: 'upconverted', start: START, format: 'mp4' });
    expect(name).toBe('upconverted_2026-12-01T03-44-12.345Z.mp4');
    expect(parseSegmentName(name)).toEqual({ variant: 'upconverted', start: START, format: 'mp4' });
    expect(sidecarOf(name)).toBe('upconverted_2026-12-01T03-44-12.345Z.jsonl');
  });

  it.each([
    '../upconverted_2026-12-01T03-44-12.345Z.mp4',
    'upconverted_2026-12-01T03-44-12.345Z.mp4/..',
    'upconverted_2026-12-01T03-44-12.345Z.jsonl',
    'other_2026-12-01T03-44-12.345Z.mp4',
    'source_2026-02-31T03-44-12.345Z.mp4',
    'source_2026-12-01T25-44-12.345Z.mp4',
    'source_2026-12-01T03-44-12.345Z.avi',
    'source_2026-12-01T03-44-12.345Z.mp4\n',
    '',
  ])('%j is none', (name) => {
    expect(parseSegmentName(name)).toBeUndefined();
  });
});

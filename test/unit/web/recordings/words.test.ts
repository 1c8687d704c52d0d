import { expect, it } from 'vitest';
import { countsText, duration, frameText, readRecords, recordAt, size } from '../../../../src/web/recordings/words.js';

it('sizes, lengths and counts are told as people read them', () => {
  expect([size(900), size(12_345_678), size(3.2e9)]).toEqual(['1 kB', '12.3 MB', '3.20 GB']);
  expect([duration(61_500), duration(999), duration(3_600_000)]).toEqual(['1:02', '0:01', '60:00']);
  expect(countsText({ source: 60, interpolated: 59, extrapolated: 0, repeated: 1 })).toBe(
    '60 source, 59 interpolated, 1 repeated',
  );
  expect(countsText(undefined)).toBe('cut off');
});

it('a frame says where it comes from', () => {
  const frame = { rtp: 0, pts: 0 };
  expect(frameText({ ...frame, kind: 'source' })).toBe('source');
  expect(frameText({ ...frame, kind: 'interpolated', t: 0.5, model: 'flow-s', confidence: 0.971 })).toBe(
    'interpolated, t 0.50, flow-s, confidence 0.97',
  );
  expect(frameText({ ...frame, kind: 'repeated', t: 0.5, reason: 'cut' })).toBe('repeated, cut');
  expect(frameText(undefined)).toBe('origin unknown');
});

it('records are found by the time of their frames, also where a recording was cut off', () => {
  const records = readRecords('{"segment":{}}\n{"rtp":0,"kind":"source"}\n{"rtp":3003,"kind":"repeated"}\n{"rtp":60');
  expect([...records.keys()]).toEqual([0, 3003]);
  expect(recordAt(records, 0.033367)?.kind).toBe('repeated');
  // Matroska and some players round to milliseconds.
  expect(recordAt(records, 0.033)?.kind).toBe('repeated');
  expect(recordAt(records, 0.02)).toBeUndefined();
});

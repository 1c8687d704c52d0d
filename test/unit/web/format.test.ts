import { describe, expect, it } from 'vitest';
import {
  bitrate,
  codec,
  describeRepeats,
  describeRung,
  describeSource,
  describeTiming,
  describeWaiting,
  fixed,
  frameRate,
  shapeOf,
} from '../../../src/web/format.js';

it('shows a dash where there is no number', () => {
  expect([fixed(undefined, 2), frameRate(undefined), frameRate(0.04), bitrate(0)]).toEqual(['–', '–', '–', '–']);
});

it('rounds numbers to what can be read', () => {
  expect([fixed(0.873, 2), fixed(99.6), frameRate(59.94), frameRate(0.05)]).toEqual(['0.87', '100', '59.9', '0.1']);
  expect([bitrate(999_499), bitrate(1_234_567)]).toEqual(['999 kb/s', '1.2 Mb/s']);
});

it('names a codec the same whether a stream or a MIME type tells it', () => {
  expect([codec('h264'), codec('video/H264'), codec('hevc'), codec('av2')]).toEqual(['H.264', 'H.264', 'H.265', 'av2']);
});

describe('a source', () => {
  const source = { codec: 'h264', width: 1280, height: 720, fps: 29.97 };

  it('is shown with its declared rate while the measured one is within 5 %', () => {
    expect(describeSource(source, 29.2)).toBe('1280 × 720, H.264, 29.97 fps');
    expect(describeSource(source, 0)).toBe('1280 × 720, H.264, 29.97 fps');
  });

  it('is shown with the measured rate where the declared one is wrong or missing', () => {
    expect(describeSource(source, 24.98)).toBe('1280 × 720, H.264, 25 fps');
    expect(describeSource({ codec: 'vp8', width: 0, height: 0 }, 14.96)).toBe('VP8, 15 fps');
  });

  it('tells samples that are not square, and two fields in a frame', () => {
    const wide = { codec: 'mpeg2video', width: 720, height: 576, displayWidth: 1024, interlaced: true };
    expect(describeSource(wide, 25)).toBe('720 × 576 shown as 1024 × 576 interlaced, mpeg2video, 25 fps');
  });

  it('has the shape that its samples give it', () => {
    expect(shapeOf(source)).toEqual({ ratio: '1280 / 720', stretch: '1' });
    expect(shapeOf({ ...source, displayWidth: 1600 })).toEqual({ ratio: '1600 / 720', stretch: '1.25' });
    expect(shapeOf({ ...source, width: 0, height: 0 })).toEqual({ ratio: '16 / 9', stretch: '1' });
    expect(shapeOf(undefined)).toEqual({ ratio: '16 / 9', stretch: '1' });
  });

  it('is a dash before it is known', () => {
    expect(describeSource(undefined, 30)).toBe('–');
  });
});

describe('the ladder', () => {
  const ladder = { rung: 'search', rungs: ['flow-s', 'search', 'hold'], since: '2026-01-01T00:00:00Z' };

  it('is told as rung, place and reason', () => {
    expect(describeRung({ ...ladder, reason: 'late' })).toBe('search, 2 of 3: late');
    expect(describeRung(ladder)).toBe('search, 2 of 3');
    expect(describeRung(undefined)).toBe('preparing');
  });
});

it('lists the reasons of repeated frames, the most frequent first', () => {
  expect(describeRepeats({ cut: 3, deadline: 12, silence: 1 })).toBe('repeated: 12 deadline, 3 cut, 1 silence');
  expect(describeRepeats({})).toBe('none repeated');
});

it('what the timing of a source costs is told in sentences', () => {
  const notes = [{ text: 'this camera reorders 2 frames: +80 ms' }, { text: 'its clock runs too fast' }];
  expect(describeTiming(notes)).toBe('This camera reorders 2 frames: +80 ms. Its clock runs too fast.');
  expect(describeTiming([])).toBe('');
});

describe('a stream without frames', () => {
  const reason = 'no frame for 12 s';
  const whip = '/whip/door';

  it('waits for somebody to publish, which is no fault, as long as nobody does', () => {
    for (const phase of ['connecting', 'waiting', 'ended'] as const) {
      const { headline, detail } = describeWaiting({ whip, phase, reason });
      expect(headline).toBe('Waiting for a publisher');
      expect(detail).not.toContain(reason);
    }
  });

  it('else waits for its source, with the fault rather than the time', () => {
    const waiting = { headline: 'Waiting for source', detail: reason };
    expect(describeWaiting({ phase: 'connecting', reason })).toEqual(waiting);
    expect(describeWaiting({ whip, phase: 'live', reason })).toEqual(waiting);
    for (const stream of [{}, { whip }]) {
      expect(describeWaiting({ ...stream, phase: 'connecting', reason, error: 'refused' }).detail).toBe('refused');
    }
  });
});

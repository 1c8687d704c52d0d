import { describe, expect, it } from 'vitest';
import { MARK_UUID, markBytes, readMark } from '../../../../src/egress/marks/mark.ts';
import type { Provenance } from '../../../../src/media/frame.ts';
import { micros } from '../../../../src/time.ts';

const pts = micros(12_345_678);
const MODEL = { model: 'flow-s', hash: '0123456789abcdef' };
const mark = (text: string): Buffer => Buffer.concat([MARK_UUID, Buffer.from(text)]);

describe('a mark', () => {
  it.each<[Provenance, object]>([
    [{ kind: 'source' }, { kind: 'source' }],
    [
      { kind: 'synthetic', t: 0.5, ...MODEL, confidence: 0.91234, parental: 0.1, grain: 0.5, acceleration: 'before' },
      { kind: 'interpolated', t: 0.5, ...MODEL, confidence: 0.9123, parental: 0.1, grain: 0.5, acceleration: 'before' },
    ],
    [
      { kind: 'synthetic', t: 0.25, model: 'search', confidence: undefined },
      { kind: 'interpolated', t: 0.25, model: 'search' },
    ],
    [
      { kind: 'synthetic', t: 0.5, model: 'mein größtes Netz', confidence: undefined },
      { kind: 'interpolated', t: 0.5, model: 'mein größtes Netz' },
    ],
    [
      { kind: 'extrapolated', t: 1.5, ...MODEL, confidence: 1 },
      { kind: 'extrapolated', t: 1.5, ...MODEL, confidence: 1 },
    ],
    [
      { kind: 'repeated', t: 0.5, reason: 'deadline' },
      { kind: 'repeated', t: 0.5, reason: 'deadline' },
    ],
    [
      { kind: 'enlarged', ...MODEL },
      { kind: 'interpolated', t: 0, ...MODEL },
    ],
  ])('of %j is read as %j', (provenance, expected) => {
    const bytes = markBytes({ pts, provenance });
    expect(readMark(bytes)).toEqual({ pts: 12.345678, ...expected });
    // Nothing that a NAL unit would have to escape.
    expect(bytes.includes(0)).toBe(false);
  });

  it('is not what others put there', () => {
    expect(readMark(Buffer.from('x264 - core 164 - H.264/MPEG-4 AVC codec'))).toBeUndefined();
    expect(readMark(MARK_UUID.subarray(0, 15))).toBeUndefined();
    expect(readMark(Buffer.alloc(0))).toBeUndefined();
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '"source"',
    '{}',
    '{"kind":"source"}',
    '{"pts":"1","kind":"source"}',
    '{"pts":1e999,"kind":"source"}',
    '{"pts":1,"kind":"real"}',
    '{"pts":1,"kind":"source","t":0.5}',
    '{"pts":1,"kind":"source","model":"flow-s"}',
    '{"pts":1,"kind":"interpolated","model":"flow-s"}',
    '{"pts":1,"kind":"interpolated","t":0.5}',
    '{"pts":1,"kind":"interpolated","t":1.5,"model":"flow-s"}',
    '{"pts":1,"kind":"interpolated","t":0.5,"model":"flow-s","hash":"short"}',
    '{"pts":1,"kind":"interpolated","t":0.5,"model":"flow-s","confidence":2}',
    '{"pts":1,"kind":"interpolated","t":0.5,"model":""}',
    '{"pts":1,"kind":"interpolated","t":0.5,"model":"\\u001b[2J"}',
    '{"pts":1,"kind":"interpolated","t":0.5,"model":"flow-s","reason":"cut"}',
    '{"pts":1,"kind":"repeated","t":0.5}',
    '{"pts":1,"kind":"source","note":"none of ours"}',
    `{"pts":1,"kind":"repeated","t":0.5,"reason":"${'x'.repeat(2000)}"}`,
  ])('is malformed as %s', (text) => {
    expect(readMark(mark(text))).toBe('malformed');
  });
});

import { describe, expect, it } from 'vitest';
import {
  encoderOptions,
  type FileCodec,
  fileCodec,
  NAMED_CODECS,
  requireQuality,
} from '../../../../src/egress/file/codecs.ts';

const MAX_CRF = { h264: 51, h265: 51, av1: 63, vp9: 63 } as const;
const RATED = ['h264', 'h265', 'av1', 'vp9'] as const;
const FIXED = ['prores', 'ffv1', 'raw', 'png'] as const;

describe('fileCodec', () => {
  it.each(NAMED_CODECS)('knows %s', (name) => expect(fileCodec(name)).toBe(name));

  it.each(['raw', 'png', 'hevc', 'H264', ''])('does not know "%s", and names those it knows', (name) => {
    expect(() => fileCodec(name)).toThrow(`codec "${name}" is unknown`);
    expect(() => fileCodec(name)).toThrow(
      expect.objectContaining({ code: 'config.invalid', remedy: 'Use --codec h264, h265, av1, vp9, prores or ffv1.' }),
    );
  });
});

describe('requireQuality', () => {
  it.each(RATED)('%s: crf from 0 to its own end, nothing beyond', (codec) => {
    const max = MAX_CRF[codec];
    for (const crf of [0, 17.5, max]) expect(() => requireQuality(codec, { crf })).not.toThrow();
    for (const crf of [-1, max + 0.1, max + 1, Number.NaN]) {
      expect(() => requireQuality(codec, { crf })).toThrow(`crf ${crf} is outside ${codec}'s range 0…${max}`);
    }
  });

  it.each(FIXED)('%s: neither crf nor bitrate, and says why', (codec) => {
    for (const key of ['crf', 'bitrate'] as const) {
      expect(() => requireQuality(codec, { [key]: 20_000 })).toThrow(`--${key} does not apply to ${codec}: `);
    }
  });

  it.each(RATED)('%s: bitrates that can be meant', (codec) => {
    for (const bitrate of [10_000, 6e6, 2e9]) expect(() => requireQuality(codec, { bitrate })).not.toThrow();
    for (const bitrate of [0, 6, 9999, 2e9 + 1]) {
      expect(() => requireQuality(codec, { bitrate })).toThrow(`bitrate ${bitrate} is outside`);
    }
  });

  it('refuses crf and bitrate together', () => {
    expect(() => requireQuality('h264', { crf: 20, bitrate: 6e6 })).toThrow('exclude each other');
  });

  it.each([
    ['h264', ['ultrafast', 'placebo'], ['0', 'best', 'hq']],
    ['h265', ['ultrafast', 'placebo'], ['8', 'VERYFAST']],
    ['av1', ['0', '13'], ['-1', '14', '1.5', 'fast']],
    ['vp9', ['0', '8'], ['9', 'good']],
    ['prores', ['proxy', 'hq', '4444xq'], ['fast', '3']],
  ] as const)('%s: presets by the names of its own', (codec, known, unknown) => {
    for (const preset of known) expect(() => requireQuality(codec, { preset })).not.toThrow();
    for (const preset of unknown) {
      expect(() => requireQuality(codec, { preset })).toThrow(`preset "${preset}" is unknown to ${codec}`);
    }
  });

  it.each(['ffv1', 'raw', 'png'] as const)('%s has no presets', (codec) => {
    expect(() => requireQuality(codec, { preset: 'fast' })).toThrow('--preset does not apply');
  });
});

describe('encoderOptions', () => {
  it('gives quality or rate, never both, to each codec that has them', () => {
    for (const codec of RATED) {
      const constant = JSON.stringify(encoderOptions(codec, { crf: 7 }));
      const rated = JSON.stringify(encoderOptions(codec, { bitrate: 123_456 }));
      expect(constant).toMatch(/crf("|=).*7/);
      expect(rated).toContain('"b":"123456"');
      expect(rated).not.toContain('crf');
    }
  });

  it('av1: a crf of 0 is one', () => {
    expect(encoderOptions('av1', { crf: 0 })).toMatchObject({ 'svtav1-params': 'crf=0' });
  });

  it('vp9: presets beyond 5 are those of live video', () => {
    expect(encoderOptions('vp9', { preset: '5' })).toMatchObject({ deadline: 'good', 'cpu-used': '5' });
    expect(encoderOptions('vp9', { preset: '6' })).toMatchObject({ deadline: 'realtime', 'cpu-used': '6' });
  });

  it.each<FileCodec>(['ffv1', 'raw', 'png', 'prores'])('%s is told nothing that was not asked for', (codec) => {
    expect(encoderOptions(codec, {})).toEqual({});
  });
});

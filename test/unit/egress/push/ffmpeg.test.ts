import { describe, expect, it } from 'vitest';
import { outputOptions } from '../../../../src/egress/push/ffmpeg.ts';

/** The value behind an option. */
const after = (options: readonly string[], name: string): string | undefined =>
  options.includes(name) ? options[options.indexOf(name) + 1] : undefined;

describe('options of an output', () => {
  it.each([
    ['rtsp', 'opus', undefined],
    ['rtsp', 'pcma', undefined],
    ['srt', 'opus', undefined],
    ['srt', 'pcmu', 'aac'],
    ['rtmp', 'opus', 'aac'],
    ['rtmp', 'pcmu', 'aac'],
    ['rtmp', undefined, undefined],
  ] as const)('%s copies the picture, and encodes %s only to what it carries', (kind, sound, codec) => {
    const options = outputOptions({ kind, tls: false }, sound);
    expect(after(options, '-c')).toBe('copy');
    expect(after(options, '-c:a')).toBe(codec);
    expect(options.filter((option) => option.startsWith('-c:v'))).toEqual([]);
  });

  it('checks the certificate of RTMP over TLS', () => {
    expect(after(outputOptions({ kind: 'rtmp', tls: true }, undefined), '-tls_verify')).toBe('1');
  });
});

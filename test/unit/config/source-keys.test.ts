import { describe, expect, it } from 'vitest';
import type { StreamConfig } from '../../../src/config/schema.ts';
import { schemeOf, unheeded } from '../../../src/config/source-keys.ts';

describe('schemeOf', () => {
  it.each([
    ['rtsp://camera/1', 'rtsp'],
    ['RTSPS://camera/1', 'rtsps'],
    ['whip', undefined],
    ['demo', undefined],
    ['/dev/video0', undefined],
    ['clips/a:b.mp4', undefined],
  ])('%s: %s', (source, scheme) => {
    expect(schemeOf(source)).toBe(scheme);
  });
});

describe('keys that a source does not heed', () => {
  const SOURCES = ['demo', 'clip.mp4', '/dev/video0', 'whip', 'rtsp://a/1', 'rtsps://a/1', 'srt://a', 'https://a/1'];
  const IDLE = {
    name: 'cam',
    loop: false,
    deinterlace: 'auto',
    ingest: 'auto',
    transport: 'tcp',
    verifyCertificate: true,
    sourceVariant: 'auto',
    onDemand: false,
  } as const;

  it.each<[Partial<StreamConfig>, string[]]>([
    [{}, SOURCES],
    [{ loop: true }, ['demo', 'clip.mp4']],
    [{ deinterlace: 'off' }, SOURCES.filter((source) => source !== 'whip' && source !== 'demo')],
    [{ transport: 'udp' }, ['rtsp://a/1', 'rtsps://a/1']],
    [{ transport: 'udp', ingest: 'ffmpeg' }, []],
    [{ ingest: 'ffmpeg' }, ['/dev/video0', 'rtsp://a/1', 'rtsps://a/1', 'srt://a', 'https://a/1']],
    [{ sourceVariant: 'encode' }, SOURCES],
    [{ sourceVariant: 'pass' }, ['whip', 'rtsp://a/1', 'rtsps://a/1']],
    [{ sourceVariant: 'pass', ingest: 'ffmpeg' }, []],
    [{ onDemand: true }, SOURCES.filter((source) => source !== 'whip')],
    [{ verifyCertificate: false }, ['rtsps://a/1', 'https://a/1']],
  ])('%j is heeded by %j alone', (wish, heeding) => {
    const accepted = SOURCES.filter((source) => unheeded({ ...IDLE, ...wish, source }).length === 0);
    expect(accepted).toEqual(heeding);
  });

  it('are named with the stream, the value, and who would heed them', () => {
    expect(unheeded({ ...IDLE, loop: true, source: 'rtsp://user:secret@camera/1' })).toEqual([
      'stream "cam": loop is true, which only files heed',
    ]);
  });
});

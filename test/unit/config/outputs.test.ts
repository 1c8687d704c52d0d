import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { withoutSecrets } from '../../../src/config/secrets.ts';
import { newStream, streamPatch } from '../../../src/server/schemas.ts';

const parse = (outputs: unknown) =>
  parseConfig({ streams: [{ name: 'cam', source: 'demo', outputs }] }, 'file').streams[0]?.outputs;

describe('outputs', () => {
  it('are none by default, and URLs are enough', () => {
    expect(parse(undefined)).toEqual([]);
    expect(parse(['rtsp://host/x', { url: 'rtmp://host/app/key', variant: 'source', name: 'tube' }])).toEqual([
      { url: 'rtsp://host/x', variant: 'upconverted', audio: true },
      { url: 'rtmp://host/app/key', variant: 'source', name: 'tube', audio: true },
    ]);
  });

  it.each([
    [['http://host/x'], /outputs/],
    [[{ url: 'rtsp://host/x', token: 'abcdefgh' }], /token/],
    [[{ url: 'rtsp://host/x', variant: 'both' }], /variant/],
    [
      [
        { url: 'rtsp://host/x', name: 'a' },
        { url: 'rtsp://host/y', name: 'a' },
      ],
      /"a" is used twice/,
    ],
    [[{ url: 'rtsp://host/x', name: '1' }, 'rtsp://host/y'], /"1" is used twice/],
    [Array.from({ length: 17 }, (_, i) => `rtsp://host/${i}`), /outputs/],
  ])('%j are refused', (outputs, why) => {
    expect(() => parse(outputs)).toThrow(why);
  });

  it('have their secrets removed, keys of RTMP streams too', () => {
    const outputs = [{ url: 'rtmp://u:geheim@h/app/geheim' }, { url: 'whips://h/x', token: 'geheimgeheim' }];
    expect(JSON.stringify(withoutSecrets({ streams: [{ outputs }] }))).not.toContain('geheim');
  });

  it('are not taken from the API', () => {
    const outputs = ['rtsp://host/x'];
    expect(newStream.safeParse({ name: 'cam', source: 'demo', outputs }).success).toBe(false);
    expect(streamPatch.safeParse({ outputs }).success).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { outputAddress, shownOutput, shownWords } from '../../../../src/egress/push/address.ts';

describe('an address of an output', () => {
  it.each([
    ['rtsp://host:8554/cam', 'rtsp', false],
    ['rtsps://user:p%40ss@host/cam', 'rtsp', true],
    ['rtmp://a.example/live2/abcd-efgh', 'rtmp', false],
    ['rtmps://a.example:443/app/key?x=1', 'rtmp', true],
    ['srt://host:9000?streamid=publish:cam&passphrase=secretsecret', 'srt', false],
    ['srt://[::1]:9000?mode=caller', 'srt', false],
    ['whip://127.0.0.1:8080/whip/cam', 'whip', false],
    ['WHIPS://host/path', 'whip', true],
  ])('%s is taken', (url, kind, tls) => {
    expect(outputAddress(url)).toEqual({ kind, tls, url });
  });

  it.each([
    ['http://host/x', /none that a stream can be handed on to/],
    ['file:///etc/passwd', /none that a stream/],
    ['host/x', /none that a stream/],
    ['rtsp://', /not of the form/],
    ['rtsp://host/a b', /not of the form/],
    ['rtsp://host/a|file:/tmp/x', /not of the form/],
    ['rtsp://host/a\nb', /not of the form/],
    ['rtsp://us:er:p@ss@host/x', /not of the form/],
    ['rtmp://host/app', /no application and stream key/],
    ['whip://user:pass@host/x', /names a user/],
    ['srt://host', /names no port/],
    ['srt://host:1?mode=listener', /wait for callers/],
  ])('%j is refused', (url, why) => {
    expect(() => outputAddress(url)).toThrow(why);
    expect(() => outputAddress(url)).toThrow(expect.objectContaining({ code: 'config.invalid' }));
  });
});

describe('an address for people', () => {
  it.each([
    ['rtsp://user:secret@host:8554/cam?token=secret', 'rtsp://***@host:8554/cam'],
    ['rtmp://a.example/live2/secret', 'rtmp://a.example/live2/***'],
    ['rtmps://u:secret@a.example/live2/secret/secret?secret', 'rtmps://***@a.example/live2/***'],
    ['srt://host:9000?passphrase=secret', 'srt://host:9000'],
    ['whip://host/whip/cam', 'whip://host/whip/cam'],
  ])('%s has no secrets', (url, shown) => {
    expect(shownOutput(url)).toBe(shown);
    expect(shownWords(`Error opening ${url}: refused`, url)).toBe(`Error opening ${shown}: refused`);
  });

  it('has none in a part of it, either', () => {
    const url = 'rtmp://a.example/live2/secret';
    expect(shownWords('[rtmp] rtmp://a.example:1935/live2/secret failed', url)).not.toContain('secret');
  });
});

import { describe, expect, it } from 'vitest';
import { asFrameliftError, FrameliftError, redactUrl, redactUrls } from '../../src/errors.ts';

describe('redactUrl', () => {
  it.each([
    ['rtsp://user:pass@cam/stream', 'rtsp://***@cam/stream'],
    ['rtsp://user@cam:8554/stream', 'rtsp://***@cam:8554/stream'],
    ['rtsp://user:p@ss@cam/stream', 'rtsp://***@cam/stream'],
    ['rtsp://user:p@ss@w@cam/a@b', 'rtsp://***@cam/a@b'],
    ['rtsp://user:p#ss@cam/stream', 'rtsp://***@cam/stream'],
    ['rtsp://user:p?ss@cam/stream', 'rtsp://***@cam/stream'],
    ['rtsp://user:pa/ss@cam/stream', 'rtsp://***@cam/stream'],
    ['rtsp://user:my pass@cam/stream', 'rtsp://***@cam/stream'],
    ['rtsp://user:pass@cam', 'rtsp://***@cam'],
    ['rtsp://:pass@[fe80::1%25eth0]:554/s', 'rtsp://***@[fe80::1%25eth0]:554/s'],
    ['RTSPS://User:Pass@cam/', 'RTSPS://***@cam/'],
    ['rtmp+x://u:p@h/app/key', 'rtmp+x://***@h/app/key'],
  ])('hides the credentials of %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });

  it.each([
    'rtsp://cam/stream',
    'rtsp://cam:8554/stream@1',
    'rtsp://cam/a?mail=a@b',
    'rtsp://cam?x=a@b',
    'rtsp://[2001:db8::1]/stream@2',
    'rtsp://[2001:db8::1]:554',
    '/home/someone/video@home.mp4',
    'demo',
    '',
  ])('leaves %s as it is', (url) => {
    expect(redactUrl(url)).toBe(url);
  });

  it.each([
    [
      'srt://host:9000?mode=caller&passphrase=a b c&latency=20',
      'srt://host:9000?mode=caller&passphrase=***&latency=20',
    ],
    ['rtsp://u:p@cam/live?user=admin&Password=x@y#z', 'rtsp://***@cam/live?user=***&Password=***#z'],
    ['https://cdn/live.m3u8?access_token=abc', 'https://cdn/live.m3u8?access_token=***'],
    ['rtsp://cam/live?x=1?token=a?b=c&y=2', 'rtsp://cam/live?x=1?token=***&y=2'],
    ['rtsp://cam/token=1/live?x=pass', 'rtsp://cam/token=1/live?x=pass'],
  ])('hides the secrets of the query of %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });
});

describe('redactUrls', () => {
  it.each(['x', 'a://', '?pass', '&pass=', '?pass://', 'a://?'])('takes no time over %s again and again', (text) => {
    const started = performance.now();
    redactUrls(text.repeat(30_000));
    redactUrls(`a://${text.repeat(30_000)}`);
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('takes the secrets out of every URL of a line of the log, and leaves it JSON', () => {
    const message =
      'no answer of "rtsp://nurse:hunter22@10.0.0.7/1?token=hunter22", nor of srt://a:9?passphrase=hunter22';
    const line = `${JSON.stringify({ level: 40, url: 'rtsp://nurse:hunter22@10.0.0.7/1', msg: message })}\n`;
    const shown = redactUrls(line);
    expect(shown).not.toContain('hunter22');
    expect(JSON.parse(shown)).toEqual({
      level: 40,
      url: 'rtsp://***@10.0.0.7/1',
      msg: 'no answer of "rtsp://***@10.0.0.7/1?token=***", nor of srt://a:9?passphrase=***',
    });
  });
});

describe('FrameliftError', () => {
  it('says by default that trying again does not help', () => {
    const error = new FrameliftError('source.unauthorized', 'wrong password');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'FrameliftError', code: 'source.unauthorized', recoverable: false });
    expect(error.remedy).toBeUndefined();
    expect('cause' in error).toBe(false);
  });

  it('keeps remedy and cause', () => {
    const cause = new Error('ECONNREFUSED');
    const error = new FrameliftError('source.unreachable', 'no', { recoverable: true, remedy: 'Plug it in.', cause });
    expect(error).toMatchObject({ recoverable: true, remedy: 'Plug it in.', cause });
  });
});

describe('asFrameliftError', () => {
  it('passes our own errors through as they are', () => {
    const error = new FrameliftError('arena.full', 'full');
    expect(asFrameliftError(error, 'source.protocol')).toBe(error);
  });

  it.each([
    [new TypeError('boom'), 'boom'],
    ['text', 'text'],
    [undefined, 'undefined'],
  ])('wraps %s and keeps it as the cause', (thrown, message) => {
    const error = asFrameliftError(thrown, 'engine.failed', false);
    expect(error).toMatchObject({ code: 'engine.failed', message, recoverable: false });
    expect(error.cause).toBe(thrown);
  });
});

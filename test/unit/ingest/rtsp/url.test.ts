import { expect, test } from 'vitest';
import {
  baseUrl,
  controlUrl,
  parseRtspUrl,
  redirectTarget,
  sessionId,
  sessionTimeout,
} from '../../../../src/ingest/rtsp/url.ts';

test.each([
  ['rtsp://h/cam', undefined, 'rtsp://h/cam'],
  ['rtsp://h/cam', '*', 'rtsp://h/cam'],
  ['rtsp://h/cam', 'trackID=1', 'rtsp://h/cam/trackID=1'],
  ['rtsp://h/cam/', 'trackID=1', 'rtsp://h/cam/trackID=1'],
  ['rtsp://h/cam?a=1&b=2', 'trackID=0', 'rtsp://h/cam?a=1&b=2/trackID=0'],
  ['rtsp://h/cam', 'rtsp://10.0.0.1:554/cam/track1', 'rtsp://10.0.0.1:554/cam/track1'],
  ['rtsp://h:554/a/b', '/c/track', 'rtsp://h:554/c/track'],
])('control of %s: %s is %s', (base, control, url) => {
  expect(controlUrl(base, control)).toBe(url);
});

test('the base is Content-Base, then Content-Location, then the request', () => {
  const headers = (fields: Record<string, string>) => new Map(Object.entries(fields));
  expect(baseUrl('rtsp://r', headers({ 'content-base': 'rtsp://b/', 'content-location': 'rtsp://l' }))).toBe(
    'rtsp://b/',
  );
  expect(baseUrl('rtsp://r', headers({ 'content-location': 'rtsp://l' }))).toBe('rtsp://l');
  expect(baseUrl('rtsp://r', headers({ 'content-base': '' }))).toBe('rtsp://r');
});

test('URLs: default ports, IPv6, credentials decoded and removed', () => {
  expect(parseRtspUrl('rtsp://us%40er:p%3Aw@cam/x?y=1')).toEqual({
    secure: false,
    host: 'cam',
    port: 554,
    credentials: { user: 'us@er', password: 'p:w' },
    url: 'rtsp://cam/x?y=1',
  });
  expect(parseRtspUrl('rtsps://[::1]/')).toMatchObject({
    secure: true,
    host: '::1',
    port: 322,
    credentials: undefined,
  });
  expect(parseRtspUrl('rtsp://a:100%@h')).toMatchObject({ credentials: { password: '100%' } });
});

test.each(['', 'cam', 'http://x/', 'rtsp://', 'rtsp:///x'])('%j is refused', (url) => {
  expect(() => parseRtspUrl(url)).toThrow(expect.objectContaining({ code: 'config.invalid' }));
});

test('errors never show credentials', () => {
  expect(() => parseRtspUrl('http://user:secret@host/')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('secret') }),
  );
});

test('redirects keep the scheme, and credentials only for the same host', () => {
  const from = parseRtspUrl('rtsp://u:p@h/a');
  expect(redirectTarget(from, 'rtsp://h/b')).toMatchObject({ url: 'rtsp://h/b', credentials: { user: 'u' } });
  expect(redirectTarget(from, 'rtsp://other/b')).toMatchObject({ host: 'other', credentials: undefined });
  expect(() => redirectTarget(from, 'http://h/b')).toThrow(expect.objectContaining({ code: 'source.forbidden' }));
  expect(() => redirectTarget(parseRtspUrl('rtsps://h/a'), 'rtsp://h/b')).toThrow(
    expect.objectContaining({ code: 'source.forbidden' }),
  );
  expect(() => redirectTarget(from, undefined)).toThrow(expect.objectContaining({ code: 'source.protocol' }));
});

test('Session fields', () => {
  expect(sessionId('12345678;timeout=30')).toBe('12345678');
  expect(sessionId(' abc ; Timeout = 5')).toBe('abc');
  expect(sessionId(undefined)).toBeUndefined();
  expect(sessionTimeout('x; Timeout = 30')).toBe(30e6);
  expect(sessionTimeout('x')).toBe(60e6);
  expect(sessionTimeout('x;timeout=0')).toBe(2e6);
  expect(sessionTimeout('x;timeout=99999999999999999999')).toBe(120e6);
  expect(sessionTimeout('x;timeout=-5')).toBe(60e6);
  expect(sessionTimeout('x;timeout=1e3')).toBe(2e6);
});

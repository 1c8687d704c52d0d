import { expect, test } from 'vitest';
import { AddressGuard, OPERATORS_GUARD } from '../../../../src/ingest/address-guard.ts';
import {
  baseUrl,
  controlUrl,
  parseRtspUrl,
  redirectTarget,
  sessionId,
  sessionTimeout,
  sourceAddress,
  transportField,
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

test('Session and Transport fields', () => {
  expect(sessionId('12345678;timeout=30')).toBe('12345678');
  expect(sessionId(' abc ; Timeout = 5')).toBe('abc');
  expect(sessionId(undefined)).toBeUndefined();
  expect(sessionTimeout('x; Timeout = 30')).toBe(30e6);
  expect(sessionTimeout('x')).toBe(60e6);
  expect(sessionTimeout('x;timeout=0')).toBe(2e6);
  expect(transportField('RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=1', 'interleaved')).toEqual([2, 3]);
  expect(transportField('RTP/AVP;unicast;client_port=5000-5001;server_port=6970', 'server_port')).toEqual([6970, 6971]);
  expect(transportField('RTP/AVP/TCP;unicast', 'interleaved')).toBeUndefined();
});

test.each([
  ['192.168.1.5', '192.168.1.5'],
  ['"10.0.0.7"', '10.0.0.7'],
  ['[2606:4700::1]', '2606:4700::1'],
  ['169.254.169.254', undefined],
  ['::ffff:169.254.169.254', undefined],
  ['[fe80::1%eth0]', undefined],
  ['fd00:ec2::254', undefined],
  ['metadata.internal', undefined],
  ['0xa9fea9fe', undefined],
  ['', undefined],
])('packets from source=%s are taken from %s', (source, address) => {
  expect(sourceAddress(`RTP/AVP;unicast;source=${source};server_port=6970-6971`, OPERATORS_GUARD)).toBe(address);
});

test('a source of the API is not led to this machine by a Transport field', () => {
  expect(sourceAddress('RTP/AVP;unicast;source=127.0.0.1;server_port=53-54', new AddressGuard([]))).toBeUndefined();
});

test('a Transport field without a source names none', () => {
  expect(sourceAddress('RTP/AVP;unicast;server_port=6970-6971', OPERATORS_GUARD)).toBeUndefined();
  expect(sourceAddress(undefined, OPERATORS_GUARD)).toBeUndefined();
});

import { describe, expect, test } from 'vitest';
import { SourceLog } from '../../../src/ingest/source-log.ts';
import { RecordedLog } from '../../support/recorded-log.ts';

describe('secrets', () => {
  const url = 'rtsp://nurse:hunter%402@cam.example:554/live?channel=1&token=t0k3n';

  test.each([
    ['the URL itself', url, 'rtsp://***@cam.example:554/live?channel=1&token=***'],
    ['a URL in a text', `opening ${url} now`, 'opening rtsp://***@cam.example:554/live?channel=1&token=*** now'],
    ['the password as written', 'realm=hunter%402', 'realm=***'],
    ['the password as meant', 'bad password hunter@2', 'bad password ***'],
    ['the secret of the query', 'no session t0k3n', 'no session ***'],
    ['Basic authentication', `got ${Buffer.from('nurse:hunter@2').toString('base64')}`, 'got ***'],
    ["a token of the server's own, without a URL", 'a=control:track1?auth=zzz&x=1', 'a=control:track1?auth=***&x=1'],
    ['nothing to hide', 'a=rtpmap:96 H264/90000', 'a=rtpmap:96 H264/90000'],
  ])('%s', (_, text, shown) => {
    const log = new RecordedLog('trace');
    const source = new SourceLog({ stream: 's', log, url });
    source.debug({ text, list: [text], deep: { text } }, 'told');
    source.warn({}, text);
    expect(log.lines).toEqual([
      { level: 'debug', stream: 's', text: shown, list: [shown], deep: { text: shown }, message: 'told' },
      { level: 'warn', stream: 's', message: shown },
    ]);
  });

  test('a password written with "@" and "/" as they are', () => {
    const log = new RecordedLog('debug');
    const raw = 'rtsp://nurse:p@ss/w0rd@cam.example/live';
    new SourceLog({ stream: 's', log, url: raw }).debug({ raw, said: 'no p@ss/w0rd here' }, 'told');
    expect(JSON.stringify(log.lines)).not.toMatch(/ss\/w0rd/);
  });

  test('an "@" in the path is not the end of the password', () => {
    const log = new RecordedLog('debug');
    const source = new SourceLog({ stream: 's', log, url: 'rtsp://nurse:hunter2@cam/user@home' });
    source.debug({ said: 'no hunter2' }, 'told');
    expect(log.lines[0]?.said).toBe('no ***');
  });

  test('short ones do not black out the log', () => {
    const log = new RecordedLog('debug');
    const source = new SourceLog({ stream: 's', log, url: 'rtsp://a:b@cam/?key=1' });
    source.debug({ said: 'about 1 b' }, 'told');
    expect(log.lines[0]?.said).toBe('about 1 b');
  });
});

test('what peers write is bounded, and costs no time', () => {
  const log = new RecordedLog('debug');
  const source = new SourceLog({ stream: 's', log });
  const started = performance.now();
  for (const text of ['x', 'a://', '?pass', '&pass=', '?pass://']) {
    source.debug({ text: text.repeat(100_000), list: Array.from({ length: 1000 }, () => 'y') }, 'told');
  }
  expect(performance.now() - started).toBeLessThan(1000);
  expect(JSON.stringify(log.lines).length).toBeLessThan(15_000);
});

test('a level that is off costs no line, and is said to be off', () => {
  const log = new RecordedLog('info');
  const source = new SourceLog({ stream: 's', log });
  expect([source.debugs, source.traces]).toEqual([false, false]);
  source.debug({ a: 1 }, 'debug');
  source.trace({ a: 1 }, 'trace');
  source.warn({ a: 1 }, 'warn');
  expect(log.lines.map(({ message }) => message)).toEqual(['warn']);
});

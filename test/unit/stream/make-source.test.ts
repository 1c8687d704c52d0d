import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import type { StreamConfig } from '../../../src/config/schema.ts';
import { SILENT_LOG } from '../../../src/log.ts';
import { Arena } from '../../../src/media/arena.ts';
import { noEvents } from '../../../src/metrics/events.ts';
import { makeSource, type SourceOrigin, sourceRules } from '../../../src/stream/make-source.ts';
import { ManualClock } from '../../../src/time.ts';

/** Makes the source of a stream as `origin` wrote it down, under the configuration's `sources`. */
function make(origin: SourceOrigin, stream: Partial<StreamConfig> & { source: string }, sources: object = {}) {
  const config = parseConfig({ sources, streams: [{ name: 's', ...stream }] }, 'test');
  const [settings] = config.streams;
  if (!settings) throw new Error('no stream');
  return makeSource(settings, {
    ...{ arena: new Arena(16), clock: new ManualClock(), events: noEvents, env: {}, transport: {} },
    log: SILENT_LOG,
    rules: sourceRules(config, origin),
  });
}

const FORBIDDEN = expect.objectContaining({ code: 'source.forbidden' });

test.each([
  'rtsp://10.0.0.7/cam',
  'rtsp://127.0.0.1/cam',
  'http://192.168.1.1/live.m3u8',
  'srt://[fd12::1]:9000',
  'package.json',
])('%s: an operator means it, the API does not get it', (source) => {
  expect(() => make('operator', { source })).not.toThrow();
  expect(() => make('api', { source })).toThrow(FORBIDDEN);
});

test.each(['rtsp://169.254.169.254/', 'http://[fe80::1]/', 'tcp://0.0.0.0:80'])('%s is refused to both', (source) => {
  expect(() => make('operator', { source })).toThrow(FORBIDDEN);
  expect(() => make('api', { source })).toThrow(FORBIDDEN);
  expect(() => make('api', { source }, { allow: ['loopback', 'private'] })).toThrow(FORBIDDEN);
});

test('what sources.allow names, the API gets', () => {
  expect(() => make('api', { source: 'rtsp://10.0.0.7/cam' }, { allow: ['private'] })).not.toThrow();
  expect(() => make('api', { source: 'rtsp://10.1.0.7/cam' }, { allow: ['10.1.0.0/16'] })).not.toThrow();
  expect(() => make('api', { source: 'rtsp://10.2.0.7/cam' }, { allow: ['10.1.0.0/16'] })).toThrow(FORBIDDEN);
  expect(() => make('operator', { source: 'rtsp://169.254.7.7/cam' }, { allow: ['169.254.7.7'] })).not.toThrow();
});

test('the API does not learn which files there are', () => {
  const message = (source: string): unknown => {
    try {
      return make('api', { source });
    } catch (error) {
      return String(error);
    }
  };
  expect(message('/etc/passwd')).toBe(message('/no/such/file'));
  expect(() => make('api', { source: 'package.json' }, { files: true })).not.toThrow();
  expect(() => make('api', { source: 'file:///etc/passwd' }, { files: true })).toThrow(FORBIDDEN);
});

test('RTSP through ffmpeg, whose redirections nobody checks, is for operators', () => {
  for (const stream of [
    { source: 'rtsp://camera.example/', ingest: 'ffmpeg' as const },
    { source: 'rtsp://camera.example/?ingest=ffmpeg' },
  ]) {
    expect(() => make('operator', stream)).not.toThrow();
    expect(() => make('api', stream)).toThrow(FORBIDDEN);
  }
});

test.each([
  'exec:rm -rf /',
  'concat:a|b',
  'pipe:0',
  'subfile,,start,0,end,1,,:/etc/passwd',
  'lavfi:testsrc',
  'unix:/run/x',
])('%s is never a source', (source) => {
  for (const origin of ['operator', 'api'] as const) {
    expect(() => make(origin, { source }, { files: true })).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^source\.(unsupported-scheme|forbidden|not-found)$/) }),
    );
  }
});

test.each(['demo', 'whip', 'https://video.example/live.m3u8', 'srt://:9000?mode=listener', 'udp://239.1.2.3:5000'])(
  '%s is a source for both',
  (source) => {
    for (const origin of ['operator', 'api'] as const) expect(() => make(origin, { source })).not.toThrow();
  },
);

test('a wrong exception is named with what would be right', () => {
  expect(() => parseConfig({ sources: { allow: ['localnet'] } }, 'f.yaml')).toThrow(
    /f\.yaml: sources\.allow\.0 is "localnet": expected loopback, private, an address, or a range/,
  );
});

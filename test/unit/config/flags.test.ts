import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { configFromFlags, generateTokens } from '../../../src/config/flags.ts';
import type { ConfigInput } from '../../../src/config/schema.ts';

/** Path of a configuration file that goes with the test. */
function file(input: ConfigInput): string {
  const folder = mkdtempSync(join(tmpdir(), 'framelift-serve-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'framelift.yaml');
  writeFileSync(path, stringify(input));
  return path;
}

describe('configFromFlags', () => {
  it('takes cadence to all streams, and deinterlace to those whose sources may have fields', () => {
    const flags = { deinterlace: 'off', cadence: 'auto' } as const;
    const { streams } = configFromFlags(['rtsp://camera/2', 'cam=whip'], flags);
    expect(streams.map(({ name, deinterlace, cadence }) => [name, deinterlace, cadence])).toEqual([
      ['live', 'off', 'auto'],
      ['cam', 'auto', 'auto'],
    ]);
    const [untold] = configFromFlags(['rtsp://camera/2'], {}).streams;
    expect(untold).toMatchObject({ deinterlace: 'auto', cadence: 'off' });
    expect(() => configFromFlags(['cam=whip'], { deinterlace: 'on' })).toThrow(
      '--deinterlace: no source here heeds it',
    );
  });

  it('records for --record what says nothing of it itself', () => {
    const record = (flags: Parameters<typeof configFromFlags>[1]): unknown[] =>
      configFromFlags(['cam=demo'], flags).streams.map(({ record }) => record);
    expect([record({}), record({ record: true })]).toEqual([[false], [true]]);
  });

  it('leaves all sound away for --no-audio, and plays it otherwise', () => {
    const heard = (flags: object): boolean[] =>
      configFromFlags(['rtsp://camera/2', 'cam=whip'], flags).streams.map(({ audio }) => audio);
    expect([heard({}), heard({ audio: true }), heard({ audio: false })]).toEqual([
      [true, true],
      [true, true],
      [false, false],
    ]);
  });

  it('puts the command line over the file, key by key', () => {
    const config = file({ server: { host: '10.0.0.1', port: 9000 }, log: 'warn', engine: { model: 'search' } });
    expect(configFromFlags([], { config, port: 9001, model: 'blend' })).toMatchObject({
      ...{ server: { host: '10.0.0.1', port: 9001 }, engine: { model: 'blend' }, log: 'warn' },
    });
  });

  it('adds its tokens to those of the file', () => {
    const config = file({ auth: { publish: ['of-the-file'], play: ['of-the-file'] } });
    expect(configFromFlags([], { config, publishToken: 'of-the-line', adminToken: 'of-the-line' }).auth).toEqual({
      publish: ['of-the-file', 'of-the-line'],
      play: ['of-the-file'],
      admin: ['of-the-line'],
    });
  });

  it('takes a certificate from either, or one half from each', () => {
    const config = file({ server: { tls: { cert: 'cert.pem', key: 'key.pem' } } });
    expect(configFromFlags([], { config }).server.tls).toEqual({ cert: 'cert.pem', key: 'key.pem' });
    expect(configFromFlags([], { config, tlsCert: 'new.pem' }).server.tls).toEqual({ cert: 'new.pem', key: 'key.pem' });
    expect(() => configFromFlags([], { tlsCert: 'new.pem' })).toThrow('server.tls.key');
    expect(configFromFlags([], {}).server.tls).toBeUndefined();
  });

  it('names streams that have no name, and gives the demo its rate', () => {
    const config = file({ streams: [{ name: 'live', source: 'rtsp://camera/1' }] });
    const { streams } = configFromFlags(['rtsp://camera/2', 'door=rtsp://camera/3', 'demo'], { config, loop: true });
    expect(streams.map(({ name, fps, loop }) => [name, fps, loop])).toEqual([
      ['live', undefined, false],
      ['live2', undefined, false],
      ['door', undefined, false],
      ['demo', 60, true],
    ]);
    expect(configFromFlags([], {}).streams).toMatchObject([{ name: 'demo', source: 'demo', fps: 60 }]);
    expect(configFromFlags(['demo'], { factor: 3 }).streams[0]).toMatchObject({ factor: 3 });
  });
});

describe('streams of the file', () => {
  it.each<[ConfigInput, string[]]>([
    [{ log: 'info' }, ['demo']],
    [{ streams: [] }, []],
    [{ streams: [{ name: 'cam', source: 'whip' }] }, ['cam']],
  ])('%j are %j', (input, names) => {
    expect(configFromFlags([], { config: file(input) }).streams.map(({ name }) => name)).toEqual(names);
  });
});

describe('flags that only some sources heed', () => {
  it.each([
    [{ loop: true }, 'loop', ['clip.mp4', 'demo']],
    [{ transport: 'udp' }, 'transport', ['rtsp://camera/1', 'rtsps://camera/2']],
    [{ ingest: 'ffmpeg' }, 'ingest', ['rtsp://camera/1', 'rtsps://camera/2', 'srt://camera']],
  ] as const)('%j goes to those, and is refused where there are none', (flags, key, heeding) => {
    const all = ['clip.mp4', 'demo', 'rtsp://camera/1', 'rtsps://camera/2', 'srt://camera', 'whip'];
    const value = Object.values(flags)[0];
    const { streams } = configFromFlags(all, flags);
    expect(streams.filter((stream) => stream[key] === value).map(({ source }) => source)).toEqual(heeding);
    const others = all.filter((source) => !heeding.some((one) => one === source));
    expect(() => configFromFlags(others, flags)).toThrow(`--${key}: no source here heeds it`);
  });
});

it('generateTokens generates those that are asked for, another one each time', () => {
  const given = { publishToken: 'generate', playToken: 'my-own-token', adminToken: 'generate' };
  const { flags, generated } = generateTokens(given);
  expect(generated.map(([role]) => role)).toEqual(['publish', 'admin']);
  const tokens = new Set(generated.map(([, token]) => token));
  expect(tokens.size).toBe(2);
  for (const token of tokens) expect(token).toMatch(/^[\w-]{32}$/);
  expect(flags.playToken).toBe('my-own-token');
  expect([flags.publishToken, flags.adminToken]).toEqual([...tokens]);
});

describe('--profile', () => {
  it('is that of all streams of the command line, and brings its own rate, for the demo too', () => {
    const { streams } = configFromFlags(['demo', 'room=whip'], { profile: 'fluoroscopy' });
    expect(streams.map(({ profile, fps, model }) => ({ profile, fps, model }))).toEqual(
      Array(2).fill({ profile: 'fluoroscopy', fps: undefined, model: undefined }),
    );
  });

  it('gives way to a model and a rate beside it', () => {
    const [stream] = configFromFlags(['demo'], { profile: 'fluoroscopy', model: 'search', fps: 30 }).streams;
    expect(stream).toMatchObject({ profile: 'fluoroscopy', model: 'search', fps: 30 });
  });

  it('is refused by its name when there is none such', () => {
    // As a person may write it.
    const flags = { profile: 'x-ray' as 'fluoroscopy' };
    expect(() => configFromFlags(['demo'], flags)).toThrow(/profile is "x-ray"/);
  });
});

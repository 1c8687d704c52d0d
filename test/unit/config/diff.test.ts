import { describe, expect, it } from 'vitest';
import { appliesLive, diffConfigs } from '../../../src/config/diff.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import type { ConfigInput } from '../../../src/config/schema.ts';

const stream = (name: string, extra: object = {}): { name: string; source: string } => ({
  name,
  source: 'demo',
  ...extra,
});
const compare = (before: ConfigInput, after: ConfigInput) =>
  diffConfigs(parseConfig(before, 'a'), parseConfig(after, 'b'));

describe('diffConfigs', () => {
  it('finds nothing in what is written in another order, or with defaults spelt out', () => {
    const before = { streams: [stream('a'), stream('b')] };
    const after: ConfigInput = {
      log: 'info',
      server: { port: 8080 },
      streams: [stream('b', { loop: false }), stream('a')],
    };
    expect(compare(before, after)).toEqual({
      ...{ added: [], removed: [], changed: [], applied: [], needsRestart: [] },
      unchanged: ['b', 'a'],
    });
  });

  it('tells streams that came, went, changed and stayed', () => {
    const change = compare(
      { streams: [stream('gone'), stream('same'), stream('other', { fps: 50 }), stream('brighter')] },
      {
        streams: [
          stream('same'),
          stream('other', { factor: 2 }),
          stream('brighter', { bitrateKbps: 900 }),
          stream('new'),
        ],
      },
    );
    expect(change).toMatchObject({ removed: ['gone'], unchanged: ['same'], added: [{ name: 'new' }] });
    expect(change.changed.map(({ settings, keys }) => [settings.name, keys])).toEqual([
      ['other', ['fps', 'factor']],
      ['brighter', ['bitrateKbps']],
    ]);
    expect(change.changed.map(appliesLive)).toEqual([false, true]);
  });

  it('starts and stops recordings while a stream runs', () => {
    const recorded = (record: unknown) => ({ streams: [stream('a', { record })] });
    for (const [before, after] of [
      [false, true],
      [true, { variant: 'both' }],
      [{ maxGb: 3 }, { maxGb: 4, enabled: false }],
    ]) {
      expect(compare(recorded(before), recorded(after)).changed.map(appliesLive)).toEqual([true]);
    }
  });

  it('starts a stream anew whose bitrate is to be chosen again: an encoder can only be told one', () => {
    const [change] = compare({ streams: [stream('a', { bitrateKbps: 900 })] }, { streams: [stream('a')] }).changed;
    expect(change && appliesLive(change)).toBe(false);
  });

  it.each<[ConfigInput, ConfigInput, string[], string[]]>([
    [{}, { auth: { play: ['some-token'] } }, ['auth.play'], []],
    [{}, { engine: { model: 'search', threads: 1 } }, ['engine.model'], ['engine.threads']],
    [{}, { server: { port: 1, maxStreams: 3 } }, ['server.maxStreams'], ['server.port']],
    [{}, { server: { tls: { cert: 'a', key: 'b' } } }, [], ['server.tls']],
    [
      { server: { tls: { cert: 'a', key: 'b' } } },
      { server: { tls: { cert: 'c', key: 'd' } } },
      ['server.tls.cert', 'server.tls.key'],
      [],
    ],
    [{}, { webrtc: { portRange: [5000, 5010] }, arenaMb: 64 }, [], ['webrtc.portRange', 'arenaMb']],
  ])('%j → %j', (before, after, applied, needsRestart) => {
    const threads = { engine: { threads: 2, ...before.engine } };
    expect(compare({ ...before, ...threads }, { ...after, engine: { threads: 2, ...after.engine } })).toMatchObject({
      applied,
      needsRestart,
    });
  });
});

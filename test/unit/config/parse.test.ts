import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig, readConfigFile } from '../../../src/config/parse.ts';
import { FrameliftError } from '../../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'framelift-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The message of the error that parsing gives. */
function complaint(input: unknown, parse: (input: unknown) => unknown = (i) => parseConfig(i, 'test.yaml')): string {
  try {
    parse(input);
  } catch (thrown) {
    if (thrown instanceof FrameliftError && thrown.code === 'config.invalid') return thrown.message;
    throw thrown;
  }
  throw new Error('accepted');
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const stream = (extra: object = {}): object => ({ streams: [{ name: 'cam', source: 'demo', ...extra }] });

describe('parseConfig', () => {
  it('fills in every default', () => {
    const config = parseConfig(stream(), 'test.yaml');
    expect(config).toMatchObject({
      server: { host: '127.0.0.1', port: 8080 },
      engine: {
        model: 'flow-s',
        provider: 'auto',
        workers: 1,
        threads: Math.max(1, Math.min(availableParallelism() - 1, 4)),
      },
      webrtc: { advertisedHosts: [], publishOrigins: [], maxViewers: 16 },
      arenaMb: 512,
      log: 'info',
      streams: [{ name: 'cam', transport: 'tcp', loop: false, stallTimeoutMs: 3000 }],
    });
    expect(config.streams[0]?.latencyBudgetMs).toBeUndefined();
    expect(parseConfig({}, 'x').streams).toEqual([]);
  });

  it.each([
    [{ latencyBudgetMs: 80 }, 'stream "cam": delay is none, and latencyBudgetMs is 80: leave one of them away'],
    [{ cadence: 'auto' }, 'delay is none, and cadence is auto, which waits for the next picture'],
  ])('refuses what would hold back where nothing shall: %j', (extra, message) => {
    expect(complaint(stream({ delay: 'none', ...extra }))).toContain(message);
    expect(parseConfig(stream(extra), 'x').streams[0]?.delay).toBe('auto');
    expect(complaint(stream({ delay: 'some' }))).toContain('delay');
  });

  it('freezes all of it and leaves the input alone', () => {
    const input = stream();
    const config = parseConfig(input, 'x');
    for (const part of [config, config.server, config.webrtc.advertisedHosts, config.streams, config.streams[0]]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.isFrozen(input)).toBe(false);
  });

  it.each([
    [{ sever: { port: 1 } }, 'unknown key "sever"; did you mean "server"?'],
    [{ server: { prot: 1 } }, 'unknown key "server.prot"; did you mean "port"?'],
    [{ engine: { modle: 'x' } }, 'unknown key "engine.modle"; did you mean "model"?'],
    [{ webrtc: { maxViewer: 2 } }, 'unknown key "webrtc.maxViewer"; did you mean "maxViewers"?'],
    [stream({ fsp: 60 }), 'unknown key "streams.0.fsp"; did you mean "fps"?'],
    [stream({ latencyBudget: 60 }), 'unknown key "streams.0.latencyBudget"; did you mean "latencyBudgetMs"?'],
    [stream({ record: { directoy: '/a' } }), 'unknown key "streams.0.record.directoy"; did you mean "directory"?'],
    [{ somethingElse: 1 }, 'unknown key "somethingElse"; known keys: server, auth, engine, webrtc'],
  ])('names a misspelt key and the right one: %j', (input, text) => {
    expect(complaint(input)).toContain(`test.yaml: ${text}`);
  });

  it.each([
    [{ server: { port: 70_000 } }, /server\.port is 70000: .*65535/],
    [{ server: { port: '80' } }, /server\.port is "80": .*number/],
    [{ engine: { grain: 2 } }, /engine\.grain is 2: .*<=1/],
    [{ engine: { batch: 0 } }, /engine\.batch is 0: .*>=1/],
    [{ engine: { provider: 'gpu' } }, /engine\.provider is "gpu": .*"auto".*"cpu".*"webgpu".*"cuda".*"tensorrt"/],
    [stream({ record: 5 }), /streams\.0\.record is 5: expected true, false, or how/],
    [stream({ record: { segmentSeconds: 1 } }), /streams\.0\.record\.segmentSeconds is 1: .*>=2/],
    [stream({ record: { variant: 'x' } }), /streams\.0\.record\.variant is "x": .*"source".*"upconverted".*"both"/],
    [{ recordings: { directory: '' } }, /recordings\.directory is "": .*>=1/],
    [{ arenaMb: 8 }, /arenaMb is 8: .*16/],
    [stream({ stallTimeoutMs: 1 }), /streams\.0\.stallTimeoutMs is 1: .*500/],
    [{ streams: [{ name: 'a b', source: 'demo' }] }, /streams\.0\.name is "a b": .*letters, digits/],
    [{ streams: [{ name: 'cam' }] }, /streams\.0\.source/],
    [{ webrtc: { portRange: [5000] } }, /webrtc\.portRange/],
    [{ webrtc: { portRange: [6000, 5000] } }, /webrtc\.portRange is \[6000,5000\]: the first port must not be above/],
    [
      { webrtc: { port: 8189, portRange: [6000, 6001] } },
      /webrtc\.port is 8189 and webrtc\.portRange is \[6000,6001\]/,
    ],
    [{ webrtc: { port: 0 } }, /webrtc\.port/],
    [
      { webrtc: { iceServers: [{ urls: ['turn:t'], username: 'u' }] } },
      /iceServers\.0\.urls .*needs username and credential/,
    ],
    ...['http://t', 'stun:a b', 'stun:t:99999', 'stun:', 'turn:u:p@t'].map((url): [object, RegExp] => [
      { webrtc: { iceServers: [{ urls: [url], username: 'u', credential: 'c' }] } },
      /iceServers\.0\.urls\.0 .*: expected stun:/,
    ]),
    ...['', 'http://x', '10.0.0.1:8189', 'my host', '-x.example', '1.2.3.4/24'].map((host): [object, RegExp] => [
      { webrtc: { advertisedHosts: [host] } },
      /advertisedHosts\.0 is ".*": expected an IP address or a host name/,
    ]),
    [stream({ source: 'rtsp://u:hunter22@camera/1', loop: true }), /stream "cam": loop is true, which only files heed/],
    [[], /the top level is \[\]: .*object/],
    ['hello', /the top level is "hello": .*object/],
  ])('names the key, the value and what would be right: %j', (input, text) => {
    expect(complaint(input)).toMatch(text);
  });

  it.each([
    [{ fps: 0 }, 'test.yaml: stream "cam": fps 0 is outside 1…240'],
    [{ fps: 'fast' }, 'test.yaml: streams.0.fps is "fast": expected a rate such as 60, 59.94 or 60000/1001'],
    [{ fps: 1000 }, 'test.yaml: stream "cam": fps 1000 is outside 1…240'],
    [{ factor: 2.5 }, 'test.yaml: stream "cam": factor 2.5 is not a whole number from 1 to 16'],
    [{ fps: 60, factor: 2 }, 'test.yaml: stream "cam": factor 2 and fps 60 exclude each other'],
  ])('says which stream cannot have %j', (extra, message) => {
    expect(complaint(stream(extra))).toBe(message);
  });

  it.each([
    { advertisedHosts: ['10.0.0.1', '2001:db8::1', 'camera-1.example.org', 'localhost'] },
    { iceServers: [{ urls: ['stun:stun.example:3478', 'stuns:[2001:db8::1]:5349', 'stun:t'] }] },
    { iceServers: [{ urls: ['turn:t?transport=udp', 'turns:t:443?transport=tcp'], username: 'u', credential: 'c' }] },
  ])('takes %j', (webrtc) => {
    expect(parseConfig({ webrtc }, 'x').webrtc).toMatchObject(webrtc);
  });

  it('accepts odd but possible rates', () => {
    expect(parseConfig(stream({ fps: 61.7 }), 'x').streams[0]?.fps).toBe(61.7);
    expect(parseConfig(stream({ fps: '60000/1001' }), 'x').streams[0]?.fps).toBe(60_000 / 1001);
    expect(parseConfig(stream({ fps: '59.94' }), 'x').streams[0]?.fps).toBe(59.94);
  });

  it('names a name that is used twice', () => {
    const streams = ['a', 'b', 'a'].map((name) => ({ name, source: 'demo' }));
    expect(complaint({ streams })).toBe('test.yaml: streams: the name "a" is used twice');
  });

  it('gives one line for each problem', () => {
    const text = complaint({ server: { prot: 1, port: -1 }, arenaMb: 'x' });
    expect(text.split('\n').toSorted()).toEqual([
      expect.stringContaining('arenaMb is "x"'),
      expect.stringContaining('server.port is -1'),
      expect.stringContaining('unknown key "server.prot"'),
    ]);
  });

  it('never repeats credentials that stand in the wrong place', () => {
    for (const input of [{ streams: 'rtsp://u:secret@cam/' }, { streams: [['rtsp://u:secret@cam/']] }]) {
      const text = complaint(input);
      expect(text).toContain('***@cam');
      expect(text).not.toContain('secret');
    }
    const turn = { urls: ['turn:t'], username: 'u' };
    for (const server of [
      { ...turn, credential: 'hunter 22' },
      { ...turn, secret: ['hunter22'] },
      { ...turn, credential: 22 },
      { urls: [], credential: 'hunter22' },
    ]) {
      expect(complaint({ webrtc: { iceServers: [server] } })).not.toMatch(/hunter|22/);
    }
  });
});

describe('readConfigFile', () => {
  it('reads YAML, a file of comments included', () => {
    const path = file('good.yaml', 'server:\n  port: 9000\nstreams:\n  - {name: cam, source: demo, fps: 59.94}\n');
    expect(readConfigFile(path)).toEqual({
      server: { port: 9000 },
      streams: [{ name: 'cam', source: 'demo', fps: 59.94 }],
    });
    expect(readConfigFile(file('empty.yaml', '# nothing\n'))).toEqual({});
  });

  it('refuses an empty file: it is being written, and would mean no tokens', () => {
    const path = file('empty.yaml', ' \n');
    expect(complaint(path, (it) => readConfigFile(String(it)))).toBe(`${path} is empty`);
  });

  it.each(['  source: "rtsp://nurse:hunter22@10.0.0.7/1" x\n', 'a: [hunter22\n', '%hunter22\n'])(
    'shows nothing of a broken line: %j',
    (text) => {
      const path = file('broken.yaml', `streams:\n${text}`);
      expect(complaint(path, (it) => readConfigFile(String(it)))).not.toContain('hunter22');
    },
  );

  it('says what to give when there is no such file', () => {
    const path = join(folder, 'absent.yaml');
    expect(() => readConfigFile(path)).toThrow(
      expect.objectContaining({
        code: 'config.invalid',
        message: `config file ${path} cannot be read`,
        remedy: expect.stringContaining('--config'),
        cause: expect.objectContaining({ code: 'ENOENT' }),
      }),
    );
  });

  it.each([
    ['tabs.yaml', 'server:\n\tport: 1\n', /line 2, column 1/],
    ['twice.yaml', 'log: info\nlog: warn\n', /unique.* line 2/s],
    ['open.yaml', 'streams: [\n', /line 2/],
    ['loop.yaml', bomb(), /aliases cannot be expanded/],
    ['cycle.yaml', 'streams: &s [*s]\n', /aliases cannot be expanded/],
    ['ring.yaml', 'server: &a\n  tls: { cert: c, key: &b { x: *a, y: *b } }\n', /aliases cannot be expanded/],
    ['set.yaml', 'server: !!set { a, b }\n', /Unresolved tag: .*set/],
    ['map.yaml', '? [a, b]\n: c\n', /unknown key/],
    ['proto.yaml', '__proto__: { log: info }\n', /unknown key/],
    ['key.yaml', 'servr: {}\n', /did you mean "server"/],
    ['scalar.yaml', 'demo\n', /the top level is "demo"/],
  ])('names the file and the place: %s', (name, text, problem) => {
    const path = file(name, text);
    const message = complaint(path, () => readConfigFile(path));
    expect(message.startsWith(`${path}: `)).toBe(true);
    expect(message).toMatch(problem);
  });
});

/** Few lines that expand to billions of values. */
function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  return `${lines.join('\n')}\n`;
}

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');

/** Files that may lie loose in src/: words that every part is written in … */
const WORDS = [
  'time.ts',
  'errors.ts',
  'log.ts',
  'bounded-queue.ts',
  'mutex.ts',
  'token-bucket.ts',
  'fair-share.ts',
  'sliding-quantile.ts',
];
/** … and the ways in. */
const ENTRIES = ['pipeline.ts', 'index.ts', 'cli.ts'];

/** The order of a frame. A file imports from its own folder and from what stands above it here, never from below. */
const ORDER = [
  'words',
  'media',
  'metrics',
  'webrtc',
  'ingest',
  'pairing',
  'interp',
  'pacing',
  'egress',
  'pipeline.ts',
  'config',
  'server',
  'stream',
  'eval',
  'commands',
  'app',
  'index.ts',
  'cli.ts',
];
/**
 * The same within the large folders: files by their name, folders by theirs. A file of a folder
 * that is named alone starts a thread or a process, and stands above all that runs there.
 */
const INNER: Record<string, readonly string[]> = {
  ingest: [
    'connect-error.ts',
    'realtime.ts',
    'peer-limits.ts',
    'limits.ts',
    'address-guard.ts',
    'source.ts',
    'percent-decoding.ts',
    'source-log.ts',
    'drop-log.ts',
    'clock',
    'rtp',
    'decode',
    'audio',
    'rtsp',
    'whip',
    'ffmpeg',
    'file',
  ],
  interp: [
    'trial-schedule.ts',
    'ladder.ts',
    'kernel',
    'models',
    'providers',
    'finish/layout.ts',
    'worker',
    'networks',
    'finish',
    'worker/main.ts',
    'engine',
    'providers/probe.ts',
  ],
};

/** Most files of a folder. */
const MAX_FILES = 18;

/** Where each foreign library may be imported. A new file here is a decision: say why in docs/decisions.md. */
const ADAPTERS: Record<string, readonly string[]> = {
  'node-av': [
    'media/scaler.ts',
    'ingest/decode/codec-context.ts',
    'ingest/decode/decoder.ts',
    'ingest/decode/deinterlacer.ts',
    'ingest/decode/field-filter.ts',
    'ingest/decode/film-matcher.ts',
    'ingest/decode/picture-columns.ts',
    'ingest/decode/deep-writer.ts',
    'ingest/decode/i420-writer.ts',
    'ingest/decode/stored.ts',
    'ingest/audio/transcoder.ts',
    'ingest/file/accompaniment.ts',
    'ingest/file/chapters.ts',
    'ingest/file/demuxer.ts',
    'ingest/file/lead-in.ts',
    'ingest/file/opening.ts',
    'ingest/file/others.ts',
    'ingest/file/sound.ts',
    'ingest/ffmpeg/binary.ts',
    'egress/codec/jpeg.ts',
    'egress/codec/tags.ts',
    'egress/codec/device-memory.ts',
    'egress/codec/libraries.ts',
    'egress/codec/described.ts',
    'egress/codec/session.ts',
    'commands/inspect/access-units.ts',
    'egress/file/carried/carried.ts',
    'egress/file/carried/covers.ts',
    'egress/file/carried/streams.ts',
    'egress/file/encoder.ts',
    'egress/file/pictures.ts',
    'egress/file/picture/samples.ts',
    'egress/file/straight/muxer.ts',
    'egress/file/container.ts',
    'egress/file/kept-packets.ts',
    'egress/file/kept.ts',
    'egress/file/muxing.ts',
    'egress/push/nut-writer.ts',
    'egress/file/segments.ts',
    'egress/file/writer.ts',
    'egress/recording/segment-file.ts',
    'egress/recording/sound-times.ts',
    'eval/filter.ts',
  ],
  jimp: ['eval/png.ts', 'eval/sheet.ts'],
  werift: [
    'webrtc/transport.ts',
    'webrtc/identity.ts',
    'webrtc/dtls/guard.ts',
    'webrtc/dtls/srtp.ts',
    'webrtc/ice/gathering.ts',
    'webrtc/ice/relay.ts',
    'egress/audio/sound-sender.ts',
    'egress/congestion/feedback.ts',
    'egress/peer.ts',
    'egress/rtp/sender.ts',
    'ingest/whip/peer.ts',
  ],
  'fluent-ffmpeg': ['ingest/ffmpeg/process.ts'],
  'onnxruntime-node': ['interp/networks/onnx.ts', 'interp/networks/session.ts'],
  'prom-client': ['metrics/instruments.ts'],
  fastify: [
    'server/server.ts',
    'server/hooks.ts',
    'server/front/base-path.ts',
    'server/reply.ts',
    'server/request-log.ts',
    'server/signalling-route.ts',
    'server/websocket-route.ts',
    'server/api/file-answer.ts',
    'server/api/route.ts',
  ],
  '@fastify/rate-limit': ['server/hooks.ts'],
  '@fastify/websocket': ['server/websocket-route.ts', 'server/websocket.ts'],
  zod: [
    'config/front.ts',
    'config/outputs.ts',
    'config/schema.ts',
    'config/problems.ts',
    'interp/models/manifest.ts',
    'server/api/operation.ts',
    'server/api/operations.ts',
    'server/api/recordings.ts',
    'server/api/route.ts',
    'server/api/openapi.ts',
    'server/schemas.ts',
    'server/websocket-signalling.ts',
  ],
  yaml: ['config/parse.ts'],
  'fastest-levenshtein': ['config/problems.ts'],
  pino: ['log.ts'],
  'pino-pretty': ['log.ts'],
  commander: [
    'cli.ts',
    'commands/arguments.ts',
    'commands/convert/command.ts',
    'commands/convert/values.ts',
    'commands/eval/command.ts',
    'commands/inspect/command.ts',
  ],
  'cli-progress': ['cli.ts', 'commands/convert/progress.ts'],
  assemblyscript: ['interp/kernel/build.ts'],
  rxjs: [
    'pairing/in-cadence.ts',
    'pairing/neighbours.ts',
    'pairing/operators.ts',
    'pacing/interpolate-and-pace.ts',
    'pipeline.ts',
    'stream/stream.ts',
    'stream/demand.ts',
    'stream/supervisor.ts',
  ],
};

/** Files that may know clocks and timers: the clock itself, which everybody else is given. */
const CLOCKS = ['time.ts'];

type Import = readonly [from: string, to: string];

const everything = readdirSync(SRC, { recursive: true, encoding: 'utf8', withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(SRC, join(entry.parentPath, entry.name)));
const files = everything.filter((file) => file.endsWith('.ts') && !file.startsWith('interp/kernel/assembly/'));

/** Every import of a source file, types and dynamic imports included. */
const imports: Import[] = files.flatMap((file) => {
  const found = readFileSync(join(SRC, file), 'utf8').matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g,
  );
  return [...found].map((match): Import => [file, match[1] ?? match[2] ?? '']);
});
const local = imports
  .filter(([, to]) => to.startsWith('.'))
  .map(([from, to]): Import => [from, relative(SRC, resolve(SRC, dirname(from), to))]);
const foreign = imports
  .filter(([, to]) => !to.startsWith('.') && !to.startsWith('node:'))
  .map(([from, to]): Import => [from, to.split('/', to.startsWith('@') ? 2 : 1).join('/')]);

/** The layer of a file: its folder in src/, or itself. */
function layerOf(file: string): string {
  const top = file.split('/', 1)[0] ?? '';
  return WORDS.includes(top) ? 'words' : top;
}

/** Imports that run upward by `order`, or touch what it does not know. */
function upward(order: readonly string[], links: readonly Import[], layer: (file: string) => string): string[] {
  const rank = (file: string): number => order.indexOf(layer(file));
  return links
    .filter(([from, to]) => layer(from) !== layer(to))
    .filter(([from, to]) => rank(from) === -1 || rank(to) === -1 || rank(to) > rank(from))
    .map(([from, to]) => `${from} imports ${to}`);
}

/** Whether a test of this path (without its ending) is a test of `source`. */
function mirrors(path: string, source: string): boolean {
  const stem = source.replace(/\.\w+$/, '');
  return path === stem || path.startsWith(`${stem}-`);
}

describe('layers', () => {
  it('finds imports at all', () => {
    expect(local.length).toBeGreaterThan(500);
    expect(foreign.length).toBeGreaterThan(30);
  });

  it('imports run downward in the order of a frame', () => {
    expect(upward(ORDER, local, layerOf)).toEqual([]);
  });

  it.each(Object.entries(INNER))('and within %s', (folder, order) => {
    const inside = local.filter(([from, to]) => layerOf(from) === folder && layerOf(to) === folder);
    expect(inside.length).toBeGreaterThan(0);
    const layer = (file: string): string => {
      const path = file.slice(folder.length + 1);
      return order.includes(path) ? path : (path.split('/')[0] ?? '');
    };
    expect(upward(order, inside, layer)).toEqual([]);
  });

  it('knows an upward import when it sees one', () => {
    const turned: Import[] = [
      ['pairing/pairing.ts', 'egress/peer.ts'],
      ['media/frame.ts', 'nowhere/x.ts'],
      ['egress/peer.ts', 'media/frame.ts'],
      ['egress/peer.ts', 'egress/viewer.ts'],
    ];
    expect(upward(ORDER, turned, layerOf)).toEqual([
      'pairing/pairing.ts imports egress/peer.ts',
      'media/frame.ts imports nowhere/x.ts',
    ]);
  });

  it('no imports run in a circle', () => {
    const next = Map.groupBy(local, ([from]) => from);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file) || path.includes(file)) return;
      for (const [, to] of next.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('only the words and the ways in lie loose in src/', () => {
    const loose = everything.filter((file) => !file.includes('/'));
    expect(loose.filter((file) => ![...WORDS, ...ENTRIES].includes(file))).toEqual([]);
  });

  it(`a folder has at most ${MAX_FILES} files`, () => {
    const full = [...Map.groupBy(everything, dirname)].filter(([, inside]) => inside.length > MAX_FILES);
    expect(full.map(([folder, inside]) => `${folder}: ${inside.length}`)).toEqual([]);
  });

  it('no name repeats the folder it is in', () => {
    const repeating = everything.filter((file) => {
      const [name = '', folder = ''] = file.split('/').toReversed();
      return folder !== '' && name.startsWith(`${folder}-`);
    });
    expect(repeating).toEqual([]);
  });

  it('a unit test stands where the code stands that it tests', () => {
    const OF_THE_TREE = ['layers.test.ts', 'docs.test.ts'];
    const tests = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
    const lost = tests
      .filter((file) => file.endsWith('.test.ts') && !OF_THE_TREE.includes(file) && !file.startsWith('support/'))
      // scheduler.test.ts, or by behaviour: scheduler-grid.test.ts
      .filter((file) => !everything.some((source) => mirrors(file.slice(0, -'.test.ts'.length), source)));
    expect(lost).toEqual([]);
  });

  it('each foreign library stays in its adapter', () => {
    const wrong = foreign.filter(([from, library]) => !(ADAPTERS[library] ?? []).includes(from));
    expect(wrong).toEqual([]);
  });

  it('and is used where the list says', () => {
    const listed = Object.entries(ADAPTERS).flatMap(([library, at]) => at.map((file) => `${library} in ${file}`));
    const used = foreign.map(([from, library]) => `${library} in ${from}`);
    expect(listed.filter((entry) => !used.includes(entry))).toEqual([]);
  });

  it('only the clock knows clocks and timers', () => {
    const timers = /\b(Date\.now|performance\.now|setTimeout|setInterval|setImmediate)\b/;
    const wrong = files
      .filter((file) => !CLOCKS.includes(file))
      .filter((file) => timers.test(readFileSync(join(SRC, file), 'utf8')));
    expect(wrong).toEqual([]);
  });
});

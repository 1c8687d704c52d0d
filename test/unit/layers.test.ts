import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** src/, as this test sees it. */
const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '../../src');

/** Words everything else is written in: they import only each other. */
const WORDS = ['time.ts', 'errors.ts', 'arena.ts', 'frame.ts', 'stage.ts', 'metrics/events.ts'];
const STAGES = ['ingest', 'interp', 'egress', 'metrics'];
/** What stages share beside words: connections to WebRTC peers, which both publish and play. */
const SHARED = 'webrtc';

/** Where each foreign library may be imported. A new file here is a decision: say why in docs/decisions.md. */
const ADAPTERS: Record<string, readonly string[]> = {
  'node-av': [
    'ingest/decode.ts',
    'ingest/demux.ts',
    'ingest/ffmpeg-binary.ts',
    'egress/encode.ts',
    'egress/record.ts',
    'eval/filter.ts',
  ],
  jimp: ['eval/png.ts', 'eval/sheet.ts'],
  werift: ['webrtc/transport.ts', 'egress/peer.ts', 'ingest/webrtc-peer.ts'],
  'fluent-ffmpeg': ['ingest/ffmpeg.ts'],
  'onnxruntime-node': ['interp/session.ts', 'interp/planes-session.ts', 'interp/rgb-session.ts'],
  'prom-client': ['metrics/registry.ts'],
  fastify: ['server.ts', 'server/reply.ts', 'server/signalling-route.ts', 'server/api-route.ts'],
  ws: ['server/live.ts'],
  zod: [
    'config.ts',
    'interp/model.ts',
    'server/api.ts',
    'server/api-route.ts',
    'server/openapi.ts',
    'server/schemas.ts',
    'server/socket-signalling.ts',
  ],
  yaml: ['config.ts'],
  'fastest-levenshtein': ['config.ts'],
  pino: ['log.ts'],
  commander: ['cli.ts', 'arguments.ts'],
  'cli-progress': ['cli.ts'],
  assemblyscript: ['interp/kernel/build.ts'],
  rxjs: ['pairs.ts', 'pulses.ts', 'steps.ts', 'pipeline.ts', 'supervise.ts'],
};

/** Every import of a source file: [file, specifier]. */
const imports = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('assembly'))
  .flatMap((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    const found = text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g,
    );
    return [...found].map((match) => [file, match[1] ?? match[2] ?? ''] as const);
  });

const local = imports
  .filter(([, to]) => to.startsWith('.'))
  .map(([from, to]) => [from, relative(SRC, resolve(SRC, dirname(from), to))] as const);
const foreign = imports
  .filter(([, to]) => !to.startsWith('.') && !to.startsWith('node:'))
  .map(
    ([from, to]) =>
      [from, to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : (to.split('/')[0] ?? '')] as const,
  );

const folderOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : '');

describe('layers', () => {
  it('finds imports at all', () => {
    expect(local.length).toBeGreaterThan(20);
    expect(foreign.length).toBeGreaterThan(8);
  });

  it('words import only words', () => {
    const wrong = local.filter(([from, to]) => WORDS.includes(from) && !WORDS.includes(to));
    expect(wrong).toEqual([]);
  });

  it('stage folders import only themselves, words and what is shared', () => {
    const wrong = local.filter(
      ([from, to]) =>
        STAGES.includes(folderOf(from)) && ![folderOf(from), SHARED].includes(folderOf(to)) && !WORDS.includes(to),
    );
    expect(wrong).toEqual([]);
  });

  it('what is shared imports only itself and words', () => {
    const shared = local.filter(([from]) => folderOf(from) === SHARED);
    expect(shared.length).toBeGreaterThan(0);
    expect(shared.filter(([, to]) => folderOf(to) !== SHARED && !WORDS.includes(to))).toEqual([]);
  });

  it('nothing imports cli.ts', () => {
    expect(local.filter(([, to]) => to === 'cli.ts')).toEqual([]);
  });

  it('each foreign library stays in its adapter', () => {
    const wrong = foreign.filter(([from, library]) => !(ADAPTERS[library] ?? []).includes(from));
    expect(wrong).toEqual([]);
  });

  it('and is used where the list says', () => {
    const listed = Object.entries(ADAPTERS).flatMap(([library, files]) => files.map((file) => `${library} in ${file}`));
    const used = foreign.map(([from, library]) => `${library} in ${from}`);
    expect(listed.filter((entry) => !used.includes(entry))).toEqual([]);
  });

  it('only adapters know clocks and timers', () => {
    const pure = /\b(Date\.now|performance\.now|setTimeout|setInterval|setImmediate)\b/;
    const allowed = /^(time\.ts|cli\.ts|server|web\/|interp\/worker\.ts|metrics\/registry)/;
    const wrong = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !allowed.test(file))
      .filter((file) => pure.test(readFileSync(join(SRC, file), 'utf8')));
    expect(wrong).toEqual([]);
  });
});

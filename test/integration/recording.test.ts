/** Recordings of a running server: what lies on the disk, also after it was killed, and what the API gives of it. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { type App, startApp } from '../support/app.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { bearer, TOKENS } from '../support/tokens.ts';

const run = promisify(execFile);

/** What the tests read of a listed segment. */
interface Listed {
  readonly name: string;
  readonly variant: string;
  readonly start: string;
  readonly durationMs: number;
  readonly bytes: number;
  readonly open: boolean;
  readonly frames?: { readonly source: number; readonly interpolated: number };
}

let folder: { path: string; remove: () => Promise<void> };
let app: App;

const start = (): Promise<App> => startApp(['--config', join(folder.path, 'framelift.yaml'), '--provider', 'cpu']);
const ask = (method: string, path = '', init: RequestInit = {}): Promise<Response> =>
  fetch(`${app.url}/api/streams/cam${path}`, {
    method,
    ...init,
    headers: { ...bearer(TOKENS.admin), ...init.headers },
  });
const record = (on: boolean): Promise<Response> =>
  ask('POST', '', { body: JSON.stringify({ record: on }), headers: { 'Content-Type': 'application/json' } });

async function list(): Promise<Listed[]> {
  // Our own API.
  return ((await (await ask('GET', '/recordings')).json()) as { recordings: Listed[] }).recordings;
}

/** Times of the packets of a file, in seconds, and its codecs, as ffprobe reads them; it complains of nothing. */
async function probe(path: string): Promise<{ times: number[]; codecs: string[] }> {
  const show = ['-show_entries', 'packet=pts_time,codec_type:stream=codec_name', '-of', 'json'];
  const { stdout, stderr } = await run('ffprobe', ['-v', 'error', ...show, path]);
  expect(stderr).toBe('');
  // ffprobe's own JSON.
  const found = JSON.parse(stdout) as {
    packets: { pts_time: string; codec_type: string }[];
    streams: { codec_name: string }[];
  };
  const times = found.packets.filter(({ codec_type: type }) => type === 'video').map(({ pts_time: at }) => Number(at));
  return { times, codecs: found.streams.map(({ codec_name: name }) => name) };
}

/** Decodes all of a file; it complains of nothing. */
async function decode(path: string): Promise<void> {
  const { stderr } = await run('ffmpeg', [
    '-v',
    'error',
    '-i',
    path,
    '-fps_mode',
    'passthrough',
    '-enc_time_base',
    '-1',
    '-f',
    'null',
    '-',
  ]);
  expect(stderr).toBe('');
}

const startOf = (name: string): number => Date.parse(name.replace(/^\w+_(.*T\d\d)-(\d\d)-(.*)\.\w+$/, '$1:$2:$3'));
const recorded = (): string => join(folder.path, 'cam');

beforeAll(async () => {
  folder = await temporaryFolder();
  const clip = join(folder.path, 'clip.mp4');
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-c:a', 'aac', '-shortest'];
  const [picture, coded] = [
    ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'],
    ['-c:v', 'libx264'],
  ];
  const own = ['-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0', '-g', '30', '-frames:v', '600'];
  await ffmpeg(...picture, ...sound.slice(0, 4), ...coded, ...own, ...sound.slice(4), clip);
  const settings = { variant: 'both', segmentSeconds: 2 };
  const streams = [{ name: 'cam', source: clip, loop: true, record: settings }];
  const config = { engine: { model: 'search' }, recordings: { directory: folder.path }, streams };
  writeFileSync(join(folder.path, 'framelift.yaml'), stringify(config));
  app = await start();
});

afterAll(async () => {
  await app?.stop('SIGKILL');
  await folder?.remove();
});

describe('a recording', () => {
  it('loses less than two seconds when the server is killed', async () => {
    await vi.waitFor(async () => expect((await list()).length).toBeGreaterThanOrEqual(4), { timeout: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const last = (await list()).filter(({ open }) => open);
    expect(last).toHaveLength(2);
    await app.stop('SIGKILL');
    const killed = Date.now();
    const files = readdirSync(recorded()).filter((name) => name.endsWith('.mp4'));
    for (const name of files) {
      const { times, codecs } = await probe(join(recorded(), name));
      expect(codecs).toEqual(['h264', 'opus']);
      expect(times.length).toBeGreaterThan(10);
      await decode(join(recorded(), name));
    }
    for (const { name } of last) {
      const { times } = await probe(join(recorded(), name));
      const lost = killed - startOf(name) - 1000 * (times.at(-1) ?? 0);
      expect(lost).toBeGreaterThan(0);
      expect(lost).toBeLessThan(2000);
    }
    // A true timeline: where one segment ends the next begins.
    const [first = '', second = ''] = files.filter((name) => name.startsWith('upconverted'));
    const { times } = await probe(join(recorded(), first));
    expect(Math.abs(startOf(first) + 1000 * (times.at(-1) ?? 0) + 1000 / 60 - startOf(second))).toBeLessThan(50);
  });

  it('is adopted by the next run, in ranges, with the provenance of each picture', async () => {
    app = await start();
    await vi.waitFor(async () => expect((await list()).length).toBeGreaterThanOrEqual(4), { timeout: 10_000 });
    const before = (await list()).filter(({ open }) => !open);
    const [whole] = before.filter(({ variant }) => variant === 'upconverted');
    if (!whole) throw new Error('nothing was adopted');
    expect(whole.durationMs).toBeGreaterThan(1900);
    expect(whole.frames?.source).toBeGreaterThan(20);
    const bytes = readFileSync(join(recorded(), whole.name));
    const part = await ask('GET', `/recordings/${whole.name}`, { headers: { Range: 'bytes=100-299' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-299/${bytes.length}`]);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 300))).toBe(true);
    const sidecar = await (await ask('GET', `/recordings/${whole.name.replace('.mp4', '.jsonl')}`)).text();
    const lines = sidecar
      .trimEnd()
      .split('\n')
      .map((line): { rtp?: number } => JSON.parse(line));
    const ticks = lines.flatMap(({ rtp }) => rtp ?? []);
    const { times } = await probe(join(recorded(), whole.name));
    expect(ticks).toEqual(times.map((time) => Math.round(time * 90_000)));
  });

  it('is stopped and started while viewers stay, and deleted', async () => {
    await vi.waitFor(async () => expect((await list()).some(({ open }) => open)).toBe(true), { timeout: 10_000 });
    expect((await record(false)).status).toBe(200);
    await vi.waitFor(async () => expect((await list()).every(({ open }) => !open)).toBe(true), { timeout: 5000 });
    const stopped = await list();
    const [newest] = stopped.toReversed();
    await decode(join(recorded(), newest?.name ?? ''));
    expect((await ask('DELETE', `/recordings/${newest?.name}`)).status).toBe(204);
    expect((await list()).length).toBe(stopped.length - 1);
    expect((await record(true)).status).toBe(200);
    await vi.waitFor(async () => expect((await list()).some(({ open }) => open)).toBe(true), { timeout: 10_000 });
    const { code } = await app.stop('SIGINT');
    expect(code).toBe(0);
    const files = readdirSync(recorded())
      .filter((name) => name.endsWith('.jsonl'))
      .toSorted();
    const ends = files.filter((name) => readFileSync(join(recorded(), name), 'utf8').includes('"end"'));
    // The two that were cut off by SIGKILL are as they were.
    expect(files.length - ends.length).toBeLessThanOrEqual(2);
  });
});

it('gives up the oldest on a full disk, stands still when that is not enough, and goes on', async () => {
  await using disk = await SmallDisk.of(4000);
  const script = fileURLToPath(new URL('../support/record-until-full.ts', import.meta.url));
  const { stdout, stderr } = disk.run(process.execPath, script, disk.path);
  expect(stderr).toBe('');
  const seen = JSON.parse(stdout);
  // 7 MB on a disk of 4.
  expect(seen.full).toEqual({ state: 'recording', removed: expect.any(Number) });
  expect(seen.full.removed).toBeGreaterThanOrEqual(2);
  expect(seen.state).toBe('disk-full');
  expect(seen.reason).toMatch(/no space left on the disk/);
  expect(seen.again).toBe('recording');
  expect(seen.removed).toEqual(['disk-full']);
  expect(seen.left.length).toBeGreaterThan(0);
  for (const { name } of seen.left) {
    const path = join(disk.path, 'cam', name);
    const shown = disk.run('ffprobe', '-v', 'error', '-count_packets', '-show_entries', 'stream=nb_read_packets', path);
    expect(shown.stdout).toMatch(/nb_read_packets=[1-9]/);
  }
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rtspSource } from '../../src/ingest/rtsp/source.ts';
import { Arena } from '../../src/media/arena.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { cutAtDelimiters, encodeTestPicture } from '../support/coded.ts';
import { type FakeRtsp, startFakeRtsp } from '../support/fake-rtsp.ts';
import { packetize } from '../support/rtp.ts';
import { watch } from '../support/watch.ts';

const arena = new Arena(64);
let server: FakeRtsp;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'framelift-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const name = ['-subj', '/CN=camera', '-days', '1', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync('openssl', ['req', '-x509', '-nodes', ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const coded = encodeTestPicture('libx264', '320x180', 10, ['-tune', 'zerolatency', '-g', '10']);
  server = await startFakeRtsp({
    packets: packetize(cutAtDelimiters(coded, 'h264'), 'h264'),
    tls: { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') },
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
  expect(arena.liveFrames).toBe(0);
});

const options = { stream: 's', arena, clock: systemClock, events: noEvents };

test("a camera's own certificate is refused by default, and says what to do", async () => {
  const { error } = await watch(rtspSource({ ...options, url: server.url }), 1);
  expect(error).toMatchObject({
    code: 'source.unreachable',
    recoverable: false,
    remedy: expect.stringContaining('certificate'),
  });
});

test('with checking off it plays over TLS', async () => {
  const { frames, infos } = await watch(rtspSource({ ...options, url: server.url, verifyCertificate: false }), 5);
  expect(frames).toHaveLength(5);
  expect(infos[0]?.transport).toBe('rtsps/tcp');
});

test('rtsps and udp do not go together', async () => {
  const source = rtspSource({ ...options, url: server.url, verifyCertificate: false, transport: 'udp' });
  expect((await watch(source, 1)).error).toMatchObject({ code: 'config.invalid' });
});

test('rtsps to a server without TLS is unreachable', async () => {
  const plain = await startFakeRtsp();
  const { error } = await watch(rtspSource({ ...options, url: plain.url.replace('rtsp:', 'rtsps:') }), 1);
  await plain.close();
  expect(error).toMatchObject({ code: 'source.unreachable' });
});

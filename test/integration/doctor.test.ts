import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/commands/doctor/finding.ts';
import { examineFfmpeg } from '../../src/commands/doctor/machine.ts';
import { examineServing } from '../../src/commands/doctor/serving.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import { DEMO_FILE } from '../../src/stream/make-source.ts';
import { writeCertificate } from '../support/certificate.ts';
import { temporaryFolder } from '../support/media.ts';

let folder: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** What the doctor says of a configuration, by what it looked at. */
async function examine(input: ConfigInput, env = {}): Promise<Map<string, Finding>> {
  const quick = { server: { port: 0 }, engine: { model: 'repeat' }, ...input };
  const findings = await examineServing(parseConfig(quick, 'test.yaml'), env);
  return new Map(findings.map((finding) => [finding.what, finding]));
}

it('doctor says how to get ffmpeg where there is none', () => {
  expect(examineFfmpeg({ PATH: '/nowhere', FFMPEG_PATH: '' })).toMatchObject({
    ...{ what: 'ffmpeg', level: 'optional', detail: expect.stringMatching(/^not found/) },
    remedy: expect.stringMatching(/install/),
  });
});

describe('doctor tries what a configuration names', () => {
  it('a sound one: every line is ok and says what was found', async () => {
    const findings = await examine({
      server: { port: 0, tls: writeCertificate(folder.path, 'doctor') },
      webrtc: { advertisedHosts: ['127.0.0.1', 'localhost'], iceServers: [{ urls: ['stun:localhost:3478'] }] },
      engine: { model: 'flow-s', provider: 'cpu' },
      auth: { publish: ['of-a-publisher'] },
      streams: [
        { name: 'demo', source: 'demo' },
        { name: 'clip', source: DEMO_FILE },
        { name: 'door', source: 'whip' },
      ],
    });
    expect([...findings.values()].filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(findings.get('certificate')?.detail).toMatch(/localhost.* until /);
    expect(findings.get('tokens')?.detail).toContain('1 to publish, 0 to play (open to all)');
    expect(findings.get('flow-s as configured')?.detail).toBe('runs on cpu');
    expect(findings.get('stream clip')?.detail).toMatch(/h264 over file, 512 × 512, first frame after \d/);
    expect(findings.get('stream door')?.detail).toBe('waits for a publisher');
    expect(findings.get('WebRTC port')?.detail).toMatch(/any that is free, UDP and TCP at .*127\.0\.0\.1/);
  });

  it('sources that do not work, with the reason, the remedy and no credentials', async () => {
    writeFileSync(join(folder.path, 'noise.mp4'), 'no video at all');
    const findings = await examine({
      streams: [
        { name: 'dead', source: 'rtsp://nurse:hunter22@127.0.0.1:1/x' },
        { name: 'noise', source: join(folder.path, 'noise.mp4') },
      ],
    });
    for (const name of ['stream dead', 'stream noise']) {
      expect(findings.get(name)).toMatchObject({ level: 'wrong', remedy: expect.any(String) });
    }
    expect(JSON.stringify([...findings])).not.toContain('hunter22');
  });

  it('a port that is taken, a name that does not resolve, a model that is none, a token that is not set', async () => {
    await using server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const findings = await examine({
      server: { port },
      webrtc: { advertisedHosts: ['no-such-host.invalid'], port },
      engine: { model: 'flow-xxl' },
      auth: { play: [{ env: 'NOT_SET' }] },
    });
    const wrong = [...findings.values()].filter(({ level }) => level === 'wrong');
    expect(wrong.map(({ what }) => what)).toEqual([
      'tokens',
      `127.0.0.1:${port}`,
      'WebRTC port',
      'advertised host no-such-host.invalid',
      'flow-xxl as configured',
    ]);
    for (const { remedy } of wrong) expect(remedy).toBeTruthy();
  });

  it('a certificate that does not belong to its key', async () => {
    const other = join(folder.path, 'other.pem');
    renameSync(writeCertificate(folder.path, 'one').key, other);
    const findings = await examine({
      server: { port: 0, tls: { ...writeCertificate(folder.path, 'two'), key: other } },
    });
    expect(findings.get('certificate')).toMatchObject({
      level: 'wrong',
      detail: expect.stringContaining('server.tls'),
    });
  });
});

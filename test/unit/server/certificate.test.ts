import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket as Client } from 'ws';
import { Certificate, logValidity, readCertificate } from '../../../src/server/certificate.ts';
import type { FrameliftServer } from '../../../src/server/server.ts';
import { writeCertificate } from '../../support/certificate.ts';
import { RecordedLog } from '../../support/recorded-log.ts';
import { startServer } from '../../support/server.ts';

let folder: string;
let files: { cert: string; key: string };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framelift-https-'));
  files = writeCertificate(folder, 'first');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Common name of the certificate that is shown to who connects now, and does not ask for a name. */
async function shownBy(server: FrameliftServer): Promise<string | undefined> {
  const socket = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return Array.isArray(CN) ? CN[0] : CN;
}

describe('TLS', () => {
  it('serves page and live state by https and wss to who trusts the certificate', async () => {
    const server = await startServer(undefined, { certificate: new Certificate(readCertificate(files)) });
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const ca = readFileSync(files.cert);
    const [response] = await once(get(`${server.url}/`, { ca, agent: false }), 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
    const client = new Client(`${server.url.replace('https', 'wss')}/ws`, { ca, origin: server.url });
    onTestFinished(() => client.terminate());
    const said: string[] = [];
    client.on('message', (data) => said.push(String(data)));
    await vi.waitFor(() => expect(said.length).toBeGreaterThan(0));
    expect(JSON.parse(said[0] ?? '')).toMatchObject({ streams: [{ name: 'cam' }] });
  });

  it('does not speak plain HTTP then', async () => {
    const server = await startServer(undefined, { certificate: new Certificate(readCertificate(files)) });
    await expect(fetch(server.url.replace('https', 'http'))).rejects.toThrow();
  });

  it('shows a renewed certificate to who connects next', async () => {
    const certificate = new Certificate(readCertificate(files));
    const server = await startServer(undefined, { certificate });
    expect(await shownBy(server)).toBe('first');
    files = writeCertificate(folder, 'second');
    expect(await shownBy(server)).toBe('first');
    certificate.use(readCertificate(files));
    expect(await shownBy(server)).toBe('second');
  });

  it('cuts off who connects and says nothing', async () => {
    const certificate = new Certificate(readCertificate(files));
    const server = await startServer(undefined, { certificate, requestTimeoutMs: 200 });
    const socket = connectTcp(server.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    // A reset is an end as well.
    socket.on('error', () => {});
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
  }, 3000);

  it('cuts off who is one too many, and serves the others on', async () => {
    const certificate = new Certificate(readCertificate(files));
    const server = await startServer(undefined, { certificate, maxConnections: 2 });
    const ca = readFileSync(files.cert);
    const open = (localAddress: string) => connect({ port: server.port, host: '127.0.0.1', localAddress, ca });
    const kept = [open('127.0.0.2'), open('127.0.0.2')];
    for (const socket of kept) {
      onTestFinished(() => void socket.destroy());
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
    }
    for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) {
      const socket = open(address);
      onTestFinished(() => void socket.destroy());
      const ends = new Promise((resolve) => socket.once('error', () => resolve('cut off')));
      const opened = once(socket, 'secureConnect').then(
        () => 'opened',
        () => 'cut off',
      );
      expect(await Promise.race([ends, opened]), address).toBe(address === '127.0.0.3' ? 'opened' : 'cut off');
    }
    expect(kept.map(({ destroyed }) => destroyed)).toEqual([false, true]);
  });

  it('names the key, the file, and what is wrong with it', () => {
    const [broken, other] = [join(folder, 'broken.pem'), join(folder, 'other')];
    writeFileSync(broken, 'no PEM');
    mkdirSync(other);
    const others = writeCertificate(other, 'other');
    const wrong = (changed: object) => () => readCertificate({ ...files, ...changed });
    expect(wrong({ key: '/nowhere/key.pem' })).toThrow('server.tls.key: /nowhere/key.pem cannot be read (ENOENT)');
    expect(wrong({ cert: folder })).toThrow(`server.tls.cert: ${folder} cannot be read (EISDIR)`);
    expect(wrong({ cert: broken })).toThrow(`server.tls.cert: ${broken} holds no PEM certificate`);
    expect(wrong({ cert: files.key })).toThrow(`server.tls.cert: ${files.key} holds no PEM certificate`);
    expect(wrong({ key: broken })).toThrow(`server.tls.key: ${broken} holds no PEM key without a passphrase`);
    expect(wrong({ key: others.key })).toThrow(`server.tls: the key ${others.key} is not that of ${files.cert}`);
    const encrypted = join(folder, 'encrypted.pem');
    const key = createPrivateKey(readFileSync(files.key));
    const protection = { cipher: 'aes-256-cbc', passphrase: 'not for framelift' };
    writeFileSync(encrypted, key.export({ type: 'pkcs8', format: 'pem', ...protection }));
    expect(wrong({ key: encrypted })).toThrow(`server.tls.key: ${encrypted} holds no PEM key without a passphrase`);
  });

  it('says until when it is valid, and warns of a certificate that is not', () => {
    const pem = readCertificate(files);
    const day = 86_400_000;
    const said = [-2, 0, 2].map((days) => {
      const log = new RecordedLog();
      logValidity(pem, Date.now() + days * day, log);
      return log.lines.map(({ level, message }) => `${level}: ${message.replace(/ \d{4}-.*/, ' …')}`);
    });
    expect(said).toEqual([
      ['warn: the TLS certificate is not valid before …'],
      ['info: TLS certificate'],
      ['warn: the TLS certificate expired on …'],
    ]);
  });
});

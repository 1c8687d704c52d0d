import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { RTCDtlsFingerprint, RTCDtlsParameters } from 'werift';
import { writeCertificate } from '../support/certificate.ts';
import { certificate, DtlsEnd } from '../support/dtls-pair.ts';

type Program = ChildProcessByStdio<Writable, Readable, null>;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'framelift-dtls-'));
  return () => rmSync(folder, { recursive: true });
});

/** A UDP socket of the loopback. */
async function bound(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

function openssl(args: readonly string[]): { program: Program; said(text: string): Promise<void> } {
  const program = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void program.kill());
  let output = '';
  program.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const said = (text: string): Promise<void> => expect.poll(() => output, { timeout: 10_000 }).toContain(text);
  return { program, said };
}

it.each([
  ['client', 'ecdsa'],
  ['client', 'rsa'],
  ['server', 'ecdsa'],
  ['server', 'rsa'],
] as const)('as %s we agree with OpenSSL, whose certificate is %s', async (role, kind) => {
  const { cert, key } = writeCertificate(folder, 'peer', kind);
  const { fingerprint256 } = new X509Certificate(readFileSync(cert));
  const socket = await bound();
  onTestFinished(() => void socket.close());
  let port = 0;
  const ours = new DtlsEnd(await certificate('ours'), role, (datagram) => socket.send(datagram, port, '127.0.0.1'));
  ours.guard();
  const fingerprints = [new RTCDtlsFingerprint('sha-256', fingerprint256)];
  ours.transport.setRemoteParams(new RTCDtlsParameters(fingerprints, role === 'client' ? 'server' : 'client'));
  socket.on('message', (datagram, from) => {
    port = from.port;
    ours.receive(datagram);
  });
  const shared = ['-dtls1_2', '-cert', cert, '-key', key, '-use_srtp', 'SRTP_AEAD_AES_128_GCM', '-mtu', '400'];
  let peer: ReturnType<typeof openssl>;
  if (role === 'client') {
    const free = await bound();
    port = free.address().port;
    await new Promise<void>((done) => free.close(() => done()));
    peer = openssl(['s_server', ...shared, '-accept', `127.0.0.1:${port}`, '-Verify', '1']);
    await peer.said('ACCEPT');
    void ours.transport.start().catch(() => {});
  } else {
    void ours.transport.start().catch(() => {});
    peer = openssl(['s_client', ...shared, '-connect', `127.0.0.1:${socket.address().port}`]);
  }
  await ours.connected();
  peer.program.stdin.write('to framelift\n');
  await ours.until(() => ours.messages.includes('to framelift\n'));
  for (let i = 0; i < 20; i += 1) await ours.transport.sendData(Buffer.from(`record ${i} of ours\n`));
  await peer.said('record 19 of ours');
  // Every number is new to it.
  for (let i = 0; i < 20; i += 1) await peer.said(`record ${i} of ours`);
  // On a slow machine OpenSSL may say its last flight again.
  expect(ours.refused.filter((reason) => reason !== 'plaintext')).toEqual([]);
  expect(ours.dtls.srtp.srtpProfile).toBe(7);
  if (role === 'server') {
    peer.program.stdin.end();
    await ours.until(() => ours.transport.state === 'closed');
  }
});

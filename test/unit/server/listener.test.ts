import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SILENT_LOG } from '../../../src/log.ts';
import { makeListener } from '../../../src/server/listener.ts';
import { RecordedLog } from '../../support/recorded-log.ts';
import { startServer } from '../../support/server.ts';

/** A connection that has sent `text`, and everything it has received when it is closed by the server. */
async function open(port: number, text: string): Promise<{ socket: Socket; closed: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let said = '';
  socket.setEncoding('utf8').on('data', (data: string) => {
    said += data;
  });
  // A reset is an end as well.
  socket.on('error', () => {});
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(said)));
  socket.write(text);
  return { socket, closed };
}

describe('slow clients', () => {
  it.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: localhost\r\n'],
    [
      'a body',
      'POST /whep/cam HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nContent-Length: 9\r\n\r\nv=0',
    ],
  ])('are cut off whose %s do not end in time', async (_, text) => {
    const server = await startServer(undefined, { requestTimeoutMs: 200 });
    const { closed } = await open(server.port, text);
    expect(await closed).toMatch(/^HTTP\/1\.1 408 /);
  });
});

it('no more than so many connections are taken at a time', async () => {
  const warnings: string[] = [];
  const log = { ...SILENT_LOG, info: () => {}, warn: (_: object, message: string) => void warnings.push(message) };
  const server = await startServer(undefined, { maxConnections: 2, log });
  const kept = [await open(server.port, ''), await open(server.port, '')];
  const { closed } = await open(server.port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect(await closed).toBe('');
  expect(kept.map(({ socket }) => socket.destroyed)).toEqual([false, false]);
  expect(warnings).toEqual(['refused: too many connections']);
});

it('headers beyond 16 KiB are refused', async () => {
  const { url } = await startServer();
  const response = await fetch(`${url}/healthz`, { headers: { 'X-Long': 'x'.repeat(17_000) } });
  expect(response.status).toBe(431);
});

it('a request target that is no URL is the fault of who sends it', async () => {
  const server = await startServer();
  const body = 'Content-Type: application/sdp\r\nContent-Length: 3\r\nConnection: close\r\n\r\nv=0';
  const { closed } = await open(server.port, `POST http://x:99999/whep/cam HTTP/1.1\r\nHost: localhost\r\n${body}`);
  expect(await closed).toMatch(/^HTTP\/1\.1 400 /);
});

it.each([
  ['EMFILE', 'Raise the limit of open files (ulimit -n, LimitNOFILE=), or lower server.maxConnections.'],
  ['ENOBUFS', undefined],
])('a connection that cannot be taken, for %s, is told in the log and ends nothing', async (code, remedy) => {
  const log = new RecordedLog();
  const limits = { maxConnections: 2, requestTimeoutMs: 1000 };
  const listener = makeListener((_, response) => response.end('here'), limits, { certificate: undefined, log });
  onTestFinished(() => void listener.close());
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  // Without a listener this would be thrown, and end the process.
  listener.emit('error', Object.assign(new Error(`accept ${code}`), { code }));
  expect(log.lines).toEqual([
    { level: 'warn', message: 'a connection cannot be taken', err: expect.objectContaining({ code }), remedy },
  ]);
  // A TCP server that listens has an AddressInfo.
  const { port } = listener.address() as AddressInfo;
  expect(await (await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })).text()).toBe('here');
});

it('a port that is taken is no fault of a connection', async () => {
  const { port } = await startServer();
  const log = new RecordedLog();
  await expect(startServer(undefined, { port, log })).rejects.toMatchObject({ code: 'server.port-taken' });
  expect(log.lines).toEqual([]);
});

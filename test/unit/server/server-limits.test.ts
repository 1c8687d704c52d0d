import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket as Client } from 'ws';
import { SILENT_LOG } from '../../../src/log.ts';
import { RequestRate } from '../../../src/server/request-rate.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';
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

describe('requests a second', () => {
  it('are counted for each address, and come back with time', () => {
    const clock = new ManualClock();
    const rate = new RequestRate(clock, 3);
    const take = (address: string): boolean => rate.take(address);
    expect(['a', 'a', 'a', 'a', 'b'].map(take)).toEqual([true, true, true, false, true]);
    clock.advance(fromMs(350));
    expect(['a', 'a'].map(take)).toEqual([true, false]);
    clock.advance(fromMs(60_000));
    expect(['a', 'a', 'a', 'a'].map(take)).toEqual([true, true, true, false]);
  });

  it('forget who was silent for longest, so that many addresses cost no memory', () => {
    const rate = new RequestRate(new ManualClock(), 1);
    expect([rate.take('first'), rate.take('first')]).toEqual([true, false]);
    for (let i = 0; i < 4096; i += 1) rate.take(`address ${i}`);
    expect(rate.take('first')).toBe(true);
    expect(rate.take('address 4095')).toBe(false);
  });

  it('beyond the limit are refused with 429', async () => {
    const { url } = await startServer(undefined, { requestsPerSecond: 2, clock: new ManualClock() });
    const responses = [await fetch(`${url}/healthz`), await fetch(`${url}/healthz`), await fetch(`${url}/healthz`)];
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(responses[2]?.headers.get('retry-after')).toBe('1');
    expect(await responses[2]?.json()).toMatchObject({ code: 'http.too-many-requests' });
  });

  it('count WebSockets as well', async () => {
    const server = await startServer(undefined, { requestsPerSecond: 2, clock: new ManualClock() });
    const connect = (): Client => {
      const client = new Client(`${server.url.replace('http', 'ws')}/ws`);
      onTestFinished(() => client.terminate());
      return client;
    };
    await once(connect(), 'open');
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    const refused = connect();
    refused.on('error', () => {});
    const [, response] = await once(refused, 'unexpected-response');
    expect([response.statusCode, response.headers['retry-after']]).toEqual([429, '1']);
    expect(JSON.parse(Buffer.concat(await response.toArray()).toString())).toMatchObject({
      code: 'http.too-many-requests',
      message: 'more than 2 requests a second from this address',
    });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(429);
  });
});

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket as Client } from 'ws';
import { SILENT_LOG } from '../../../src/log.ts';
import { Access } from '../../../src/server/auth.ts';
import type { StreamEntry } from '../../../src/server/contract.ts';
import type { FrameliftServer } from '../../../src/server/server.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';
import { ask, UPGRADE, upgrade } from '../../support/request.ts';
import { LIVE, startServer } from '../../support/server.ts';

const WAITING: StreamEntry = { ...LIVE, state: 'waiting' };
const RETRYING: StreamEntry = { ...LIVE, phase: 'waiting' };

/** A clock that knows how many timers are set. */
class CountingClock extends ManualClock {
  timers = 0;

  override at(...[due, fn]: Parameters<ManualClock['at']>): ReturnType<ManualClock['at']> {
    this.timers += 1;
    let set = true;
    const unset = (): void => {
      if (set) this.timers -= 1;
      set = false;
    };
    const cancel = super.at(due, () => {
      unset();
      fn();
    });
    return () => {
      unset();
      cancel();
    };
  }
}

const wsUrl = (server: FrameliftServer): string => `${server.url.replace('http', 'ws')}/ws`;

/** A client and everything it was sent. */
async function listen(
  server: FrameliftServer,
  headers: Record<string, string> = {},
  localAddress = '127.0.0.1',
): Promise<{ client: Client; said: string[] }> {
  const client = new Client(wsUrl(server), { headers, localAddress });
  onTestFinished(() => client.terminate());
  const said: string[] = [];
  client.on('message', (data) => said.push(String(data)));
  await once(client, 'open');
  await vi.waitFor(() => expect(said).toHaveLength(1));
  return { client, said };
}

/** Resolves once everything that the server has sent so far was received: frames keep their order. */
async function settled(...clients: Client[]): Promise<void> {
  for (const client of clients) {
    const pong = once(client, 'pong');
    client.ping();
    await pong;
  }
}

/** A client that finishes the handshake and from then on reads nothing. */
async function deafClient(server: FrameliftServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  const lines = [
    'GET /ws HTTP/1.1',
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await once(socket, 'readable');
  return socket;
}

describe('the state feed', () => {
  it('is the document of the API, at once and then every second', async () => {
    const clock = new ManualClock();
    const server = await startServer([LIVE], { clock });
    const { client, said } = await listen(server);
    const document = await (await fetch(`${server.url}/api/streams`)).json();
    expect(JSON.parse(said[0] ?? '')).toEqual({ type: 'state', ...document });
    expect(said[0]).not.toContain('secret');
    clock.advance(fromMs(999));
    await settled(client);
    expect(said).toHaveLength(1);
    clock.advance(fromMs(1));
    await settled(client);
    expect(said).toHaveLength(2);
    clock.advance(fromMs(3000));
    await settled(client);
    expect(said).toHaveLength(5);
  });

  it('comes within 250 ms when a state or a phase changes', async () => {
    const clock = new ManualClock();
    const entries = [LIVE];
    const server = await startServer(entries, { clock });
    const { client, said } = await listen(server);
    for (const [change, expected] of [
      [WAITING, { state: 'waiting', phase: 'live' }],
      [RETRYING, { state: 'full', phase: 'waiting' }],
    ] as const) {
      const before = said.length;
      entries[0] = change;
      clock.advance(fromMs(250));
      await settled(client);
      expect(said).toHaveLength(before + 1);
      expect(JSON.parse(said.at(-1) ?? '').streams[0]).toMatchObject(expected);
    }
    // The second starts anew with each push.
    clock.advance(fromMs(750));
    await settled(client);
    expect(said).toHaveLength(3);
  });

  it("reaches Node's own WebSocket and many clients alike", async () => {
    const clock = new ManualClock();
    const server = await startServer([LIVE], { clock });
    const own = new WebSocket(wsUrl(server));
    onTestFinished(() => own.close());
    const first = await new Promise<unknown>((resolve) => {
      own.onmessage = ({ data }) => resolve(data);
    });
    expect(JSON.parse(String(first))).toMatchObject({ version: '1.2.3', streams: [{ name: 'cam', state: 'full' }] });
    const listeners = await Promise.all(Array.from({ length: 63 }, () => listen(server)));
    clock.advance(fromMs(1000));
    await settled(...listeners.map(({ client }) => client));
    for (const { said } of listeners) {
      expect(said).toHaveLength(2);
      expect(said[1]).toBe(listeners[0]?.said[1]);
    }
  });

  it('runs no timer while nobody listens', async () => {
    const clock = new CountingClock();
    const server = await startServer([LIVE], { clock });
    expect(clock.timers).toBe(0);
    const [one, two] = [await listen(server), await listen(server)];
    clock.advance(fromMs(5000));
    expect(clock.timers).toBe(1);
    one.client.close();
    await once(one.client, 'close');
    two.client.terminate();
    await vi.waitFor(() => expect(clock.timers).toBe(0));
    const again = await listen(server);
    expect(clock.timers).toBe(1);
    clock.advance(fromMs(1000));
    await settled(again.client);
    expect(again.said).toHaveLength(2);
  });
});

describe('sockets that are refused', () => {
  it('takes the own page and programs, not the pages of others', async () => {
    const server = await startServer();
    const host = `127.0.0.1:${server.port}`;
    expect((await upgrade(server)).status).toBe(101);
    expect((await upgrade(server, { Host: host, Origin: `http://${host}` })).status).toBe(101);
    for (const origin of ['https://evil.example', 'null', `http://localhost:${server.port}`, 'http://127.0.0.1']) {
      const { status, body } = await upgrade(server, { Host: host, Origin: origin });
      expect(status, origin).toBe(403);
      expect(JSON.parse(body)).toMatchObject({ code: 'http.forbidden-origin', remedy: expect.any(String) });
    }
  });

  it('is there at one path, for WebSockets of version 13', async () => {
    const server = await startServer();
    expect((await upgrade(server, {}, '/api/streams')).status).toBe(404);
    expect((await upgrade(server, {}, '/ws?token=1')).status).toBe(101);
    expect((await upgrade(server, { 'Sec-WebSocket-Version': '7' })).status).toBe(400);
    expect((await upgrade(server, { 'Sec-WebSocket-Key': 'short' })).status).toBe(400);
    const plain = await fetch(`${server.url}/ws`);
    expect(plain.status).toBe(426);
    expect(plain.headers.get('upgrade')).toBe('websocket');
    expect((await fetch(`${server.url}/ws`, { method: 'POST' })).status).toBe(405);
    expect((await ask(server, '/ws', UPGRADE, 'POST')).status).toBe(405);
    const broken = await upgrade(server, {}, '/%zz');
    expect([broken.status, broken.headers.connection]).toEqual([400, 'close']);
    // What curl --http2 offers is no reason to answer differently.
    expect((await upgrade(server, { Upgrade: 'h2c' }, '/healthz')).status).toBe(200);
  });

  it('needs a token where playing does: as a header, or as a subprotocol, which is not repeated', async () => {
    const access = new Access({ publish: [], play: ['let-me-in'], admin: [] });
    const server = await startServer([LIVE], { access });
    const coded = (token: string): string => `bearer.${Buffer.from(token).toString('base64url')}`;
    for (const headers of [{}, { Authorization: 'Bearer wrong' }, { 'Sec-WebSocket-Protocol': coded('wrong') }]) {
      const { status, body } = await upgrade(server, headers);
      expect(status).toBe(401);
      expect(JSON.parse(body)).toMatchObject({ code: 'http.unauthorized', remedy: expect.any(String) });
    }
    expect((await upgrade(server, { Authorization: 'Bearer let-me-in' })).status).toBe(101);
    const client = new Client(wsUrl(server), ['framelift', coded('let-me-in')]);
    onTestFinished(() => client.terminate());
    await once(client, 'open');
    expect(client.protocol).toBe('framelift');
  });

  it('at most 64 at a time', async () => {
    const server = await startServer();
    const listeners = await Promise.all(Array.from({ length: 64 }, () => listen(server)));
    const { status, body, headers } = await upgrade(server);
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(JSON.parse(body)).toMatchObject({ code: 'http.overloaded' });
    listeners[0]?.client.close();
    await vi.waitFor(async () => expect((await upgrade(server)).status).toBe(101));
  });
});

describe('clients that misbehave', () => {
  it.each([
    ['a long message', 1009, (client: Client) => client.send('x'.repeat(160 * 1024 + 1))],
    ['a binary one', 1003, (client: Client) => client.send(Buffer.from('{}'))],
    ['65 within a second', 1008, (client: Client) => Array.from({ length: 65 }, () => client.send('{}'))],
  ])('%s closes their socket with %d, and no other', async (_, code, send) => {
    const server = await startServer([LIVE], { clock: new ManualClock() });
    const [{ client }, other] = [await listen(server), await listen(server)];
    const closed = once(client, 'close');
    send(client);
    expect((await closed)[0]).toBe(code);
    await settled(other.client);
    expect(other.client.readyState).toBe(Client.OPEN);
  });

  it('up to 160 KiB and 64 a second they are told what is wrong', async () => {
    const server = await startServer([LIVE], { clock: new ManualClock() });
    const { client, said } = await listen(server);
    for (let sent = 0; sent < 63; sent += 1) client.send('x');
    client.send('x'.repeat(160 * 1024));
    await vi.waitFor(() => expect(said).toHaveLength(65));
    for (const text of said.slice(1))
      expect(JSON.parse(text)).toMatchObject({ type: 'error', code: 'webrtc.bad-message' });
  });

  it('gives a client from elsewhere the place of one whose address has them all', async () => {
    const server = await startServer([LIVE]);
    const crowd = await Promise.all(Array.from({ length: 64 }, () => listen(server)));
    const closed = vi.fn();
    for (const { client } of crowd) client.on('close', closed);
    await expect(listen(server)).rejects.toThrow('503');
    const { said } = await listen(server, {}, '127.0.0.2');
    expect(said).toHaveLength(1);
    await vi.waitFor(() => expect(closed.mock.calls.map(([code]) => code)).toEqual([1013]));
    await expect(listen(server)).rejects.toThrow('503');
  });

  it('takes no client for silent because this process stood still: its pong waits to be read', async () => {
    const clock = new ManualClock();
    const { client } = await listen(await startServer([LIVE], { clock }));
    const gone = vi.fn();
    client.on('close', gone);
    // The pong stays in the socket until this test waits.
    clock.advance(fromMs(15_000));
    clock.standStill(fromMs(40_000));
    clock.advance(fromMs(0));
    await settled(client);
    clock.advance(fromMs(1000));
    await settled(client);
    expect(gone).not.toHaveBeenCalled();
  });

  it('an answer to a ping is due before the next one', async () => {
    const clock = new ManualClock();
    const server = await startServer([LIVE], { clock });
    const [polite, mute] = [await listen(server), await listen(server)];
    // `ws` answers pings by itself, unless its socket is never read.
    mute.client.pause();
    let gone = false;
    polite.client.on('close', () => {
      gone = true;
    });
    for (let pings = 0; pings < 3; pings += 1) {
      const pinged = once(polite.client, 'ping');
      clock.advance(fromMs(15_000));
      await pinged;
      await settled(polite.client);
    }
    mute.client.resume();
    expect((await once(mute.client, 'close'))[0]).toBe(1006);
    expect(gone).toBe(false);
  });

  it('one that does not read misses documents and is ended, the others are served', async () => {
    const clock = new ManualClock();
    const warned: object[] = [];
    const log = { ...SILENT_LOG, info: () => {}, warn: (fields: object) => void warned.push(fields) };
    // A document of 1 MB fills the buffers of the kernel soon.
    const entries = [{ ...LIVE, model: 'm'.repeat(1 << 20) }];
    const server = await startServer(entries, { clock, log });
    const deaf = await deafClient(server);
    const { client, said } = await listen(server);
    for (let second = 1; second <= 31; second += 1) {
      clock.advance(fromMs(1000));
      await vi.waitFor(() => expect(said).toHaveLength(second + 1));
      await settled(client);
    }
    await vi.waitFor(() => expect(warned).toHaveLength(1));
    // The kernel's buffers hold a few of the thirty.
    expect(warned[0]).toEqual({ skipped: expect.any(Number) });
    expect(Object.values(warned[0] ?? {})[0]).toBeGreaterThan(10);
    deaf.destroy();
  });
});

describe('closing', () => {
  it('says goodbye to all, and cuts off who does not answer', async () => {
    const clock = new ManualClock();
    const server = await startServer([LIVE], { clock });
    const { client } = await listen(server);
    const deaf = await deafClient(server);
    const goodbye = once(client, 'close');
    const closing = server.close();
    expect((await goodbye)[0]).toBe(1001);
    clock.advance(fromMs(500));
    await closing;
    deaf.resume();
    await once(deaf, 'close');
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });

  it('takes well under two seconds by the real clock', async () => {
    const server = await startServer();
    await listen(server);
    await deafClient(server);
    const before = performance.now();
    await server.close();
    await server.close();
    expect(performance.now() - before).toBeLessThan(1500);
  });
});

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { Fuzzer } from '../support/fuzz.ts';
import { REAL_OFFERS } from '../support/fuzz-offers.ts';
import { bearer, TOKENS } from '../support/tokens.ts';

const OFFER_CASES = 300;
const FRAGMENT_CASES = 300;
const SOCKETS = 16;
const MESSAGES = 100;
const RAW_CASES = 100;
/** Sessions of peers that never connect end after 8 s. */
const WAIT = { timeout: 15_000, interval: 50 };
const PUBLISHER = bearer(TOKENS.publish);

const PLAYER = REAL_OFFERS.find(({ protocol }) => protocol === 'whep')?.sdp ?? '';

let app: App;
let before: number;

beforeAll(async () => {
  app = await startApp(['demo', 'cam=whip']);
  await vi.waitFor(async () => expect((await ask('POST', 'whep/demo', PLAYER)).status).toBe(201), WAIT);
  await vi.waitFor(async () => expect(await viewers()).toBe(0), WAIT);
  before = openFiles();
});

afterAll(async () => {
  const end = await app?.stop();
  expect(end?.code, app?.log()).toBe(0);
  expect(app.log()).toContain('"liveFrames":0');
  expect(app.log()).not.toMatch(/server\.failed|unhandled|TypeError|RangeError/i);
});

/** Files and sockets that the server has open. */
const openFiles = (): number => readdirSync(`/proc/${app.pid}/fd`).length;

const viewers = async (): Promise<number> => (await app.stream('demo')).stats.viewers.upconverted;

/** All that came in has gone again. */
async function expectNothingLeft(): Promise<void> {
  await vi.waitFor(async () => expect(await viewers()).toBe(0), WAIT);
  await vi.waitFor(() => expect(openFiles()).toBeLessThanOrEqual(before + 2), WAIT);
}

/** Asks; a session that comes of it is ended unless `keep`. */
async function ask(method: string, path: string, body: string, headers: Record<string, string> = {}, keep = false) {
  const response = await fetch(`${app.url}/${path}`, {
    method,
    headers: { ...PUBLISHER, 'Content-Type': 'application/sdp', ...headers },
    body,
  });
  const answer = { status: response.status, headers: response.headers, text: await response.text() };
  const place = response.headers.get('Location');
  if (answer.status === 201 && place && !keep) {
    const ended = await fetch(new URL(place, app.url), { method: 'DELETE', headers: PUBLISHER });
    expect(ended.status).toBe(200);
  }
  return answer;
}

it(`${OFFER_CASES} damaged offers: taken or refused, never an error of ours, nothing left`, async () => {
  for (let i = 0; i < OFFER_CASES; i += 1) {
    const fuzz = new Fuzzer(i);
    const { protocol, sdp } = fuzz.pick(REAL_OFFERS);
    const path = protocol === 'whip' ? 'whip/cam' : 'whep/demo';
    const { status, text } = await ask('POST', path, fuzz.damageLines(sdp));
    expect([201, 400, 413, 422], `case ${i}: ${text}`).toContain(status);
  }
  await expectNothingLeft();
});

it(`${FRAGMENT_CASES} damaged trickles to a connection: taken or refused, nothing left`, async () => {
  const session = await ask('POST', 'whep/demo', PLAYER, {}, true);
  const place = session.headers.get('Location')?.slice(1) ?? '';
  const tag = session.headers.get('ETag') ?? '';
  const ufrag = /a=ice-ufrag:(\S+)/.exec(PLAYER)?.[1];
  const lines = [`a=ice-ufrag:${ufrag}`, 'a=mid:0', 'a=end-of-candidates'];
  for (let i = 0; i < FRAGMENT_CASES; i += 1) {
    const fuzz = new Fuzzer(i);
    const address = fuzz.pick(['127.0.0.1', '::1', '0.0.0.0', '255.255.255.255', '192.0.2.1', 'x.local']);
    const candidate = `a=candidate:${i} 1 udp ${fuzz.int(2 ** 31)} ${address} ${fuzz.int(70_000)} typ host`;
    const body = fuzz.damageLines([...lines, candidate].join('\r\n'));
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': fuzz.chance(0.9) ? tag : '*' };
    const { status, text } = await ask('PATCH', place, body, headers);
    expect([204, 400, 422], `case ${i}: ${text}`).toContain(status);
  }
  expect((await ask('DELETE', place, '')).status).toBe(200);
  await expectNothingLeft();
});

/** A message as a player may send it, or a spoilt one. */
function message(fuzz: Fuzzer, sessions: readonly string[]): string | Uint8Array<ArrayBuffer> {
  const session = sessions.length > 0 && fuzz.chance(0.8) ? fuzz.pick(sessions) : 'nobody';
  const candidate = `candidate:1 1 udp ${fuzz.int(2 ** 31)} 127.0.0.1 ${fuzz.int(70_000)} typ host`;
  const sound = fuzz.pick<Record<string, unknown>>([
    { type: 'ice-servers', id: '1' },
    { type: 'offer', id: '2', stream: 'demo', variant: fuzz.pick(['source', 'upconverted', 'x']), sdp: PLAYER },
    { type: 'offer', id: '3', stream: fuzz.pick(['demo', 'cam', '']), sdp: fuzz.damageLines(PLAYER) },
    { type: 'candidate', session, candidate, sdpMid: '0' },
    { type: 'candidate', session, candidate: fuzz.damageLines(candidate) },
    { type: 'end-of-candidates', session },
    { type: 'close', session },
  ]);
  if (fuzz.chance(0.4)) {
    const odd = fuzz.pick<unknown>([null, 0, -1, [], {}, '', 'x'.repeat(5000), '__proto__', true, { a: { b: [] } }]);
    sound[fuzz.pick([...Object.keys(sound), '__proto__', 'more'])] = odd;
  }
  const text = JSON.stringify(fuzz.chance(0.03) ? [sound] : sound);
  if (fuzz.chance(0.003)) return Uint8Array.from(fuzz.bytes(20));
  if (fuzz.chance(0.003)) return text.padEnd(200_000);
  return fuzz.chance(0.15) ? fuzz.damageLines(text) : text;
}

/** Codes with which a socket may be closed: ours, and by whom it is not for what it sent. */
const CLOSED_FOR = { ours: 1000, binary: 1003, text: 1007, rate: 1008, size: 1009 };

it(`${SOCKETS * MESSAGES} messages on ${SOCKETS} sockets: each is acted upon or refused, nothing left`, async () => {
  const codes = new Set<string>();
  for (let s = 0; s < SOCKETS; s += 1) {
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/ws`, 'framelift');
    const closed = once(socket, 'close') as Promise<[CloseEvent]>;
    const sessions: string[] = [];
    socket.addEventListener('message', ({ data }) => {
      const told: unknown = JSON.parse(String(data));
      expect(told).toHaveProperty(
        'type',
        expect.stringMatching(/^(state|ice-servers|answer|candidate|end-of-candidates|close|error)$/),
      );
      if (told instanceof Object && 'code' in told) codes.add(String(told.code));
      if (told instanceof Object && 'session' in told && 'sdp' in told) sessions.push(String(told.session));
    });
    await once(socket, 'open');
    for (let i = 0; i < MESSAGES && socket.readyState === WebSocket.OPEN; i += 1) {
      socket.send(message(new Fuzzer(s * MESSAGES + i), sessions));
      // So that sessions are answered while others are made.
      if (i % 10 === 9) await fetch(`${app.url}/healthz`);
    }
    socket.close(CLOSED_FOR.ours);
    const [{ code }] = await closed;
    expect(Object.values(CLOSED_FOR), `socket ${s}`).toContain(code);
  }
  console.log(`errors told: ${[...codes].sort().join(', ')}`);
  expect(codes).not.toContain('server.failed');
  for (const code of ['webrtc.bad-message', 'webrtc.bad-offer', 'webrtc.no-session', 'webrtc.no-stream']) {
    expect(codes).toContain(code);
  }
  await expectNothingLeft();
});

it(`${RAW_CASES} sockets that break the protocol of frames: closed, nothing left`, async () => {
  const { host, hostname, port } = new URL(app.url);
  const handshake = [
    'GET /ws HTTP/1.1',
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ].join('\r\n');
  const text = Uint8Array.from([0x81, 0x82, 1, 2, 3, 4, 0x7b ^ 1, 0x7d ^ 2]);
  const closing = Uint8Array.from([0x88, 0x80, 0, 0, 0, 0]);
  for (let i = 0; i < RAW_CASES; i += 1) {
    const fuzz = new Fuzzer(i);
    const socket = connect(Number(port), hostname);
    const closed = once(socket, 'close');
    // A reset is an end as good as any.
    socket.on('error', () => {}).resume();
    const spoilt = fuzz.chance(0.2) ? fuzz.damageLines(handshake) : handshake;
    socket.write(`${spoilt}\r\n\r\n`);
    socket.write(fuzz.damage(text));
    socket.end(closing);
    await closed;
  }
  expect((await fetch(`${app.url}/healthz`)).status).toBe(200);
  await expectNothingLeft();
});

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { asFrameliftError } from '../../../src/errors.ts';
import { fromMs, ManualClock, systemClock } from '../../../src/time.ts';
import { IcePort } from '../../../src/webrtc/ice/port.ts';
import { IceServers } from '../../../src/webrtc/ice-servers.ts';
import type { RemoteTransport } from '../../../src/webrtc/remote-transport.ts';
import { refusalOf } from '../../../src/webrtc/resource.ts';
import { openTransport, type PeerTransport } from '../../../src/webrtc/transport.ts';

const REMOTE: RemoteTransport = {
  ufrag: 'abcd',
  pwd: 'abcdefghijklmnopqrstuv',
  fingerprints: [`sha-256 ${Array(32).fill('ab').join(':')}`],
  setup: 'actpass',
  candidates: [],
};

async function open(...args: Parameters<typeof openTransport>): Promise<PeerTransport> {
  const transport = await openTransport(...args);
  onTestFinished(() => transport.close());
  return transport;
}

/** Ports of host candidates. */
const portsOf = (candidates: readonly string[] = []): number[] =>
  candidates.filter((line) => line.includes(' typ host')).map((line) => Number(line.split(' ')[5]));

/** A UDP port of the loopback where nobody answers. */
async function silentServer(): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return { socket, port: socket.address().port };
}

it('is lite without STUN and TURN servers, and asks nobody', async () => {
  const { local } = await open(REMOTE, {}, systemClock);
  expect(local).toMatchObject({ iceLite: true, iceUfrag: expect.any(String), setup: 'active' });
  expect(local.candidates?.filter((line) => !/ typ host( |$)/.test(line))).toEqual([]);
  const forClients = new IceServers(
    [{ urls: ['turn:192.0.2.1'], username: 'u', credential: 'c', clientOnly: true }],
    systemClock,
  );
  expect((await open(REMOTE, { iceServers: forClients }, systemClock)).local.iceLite).toBe(true);
});

it('trickles its candidates instead of waiting for them', async () => {
  const told: (string | undefined)[] = [];
  const done = Promise.withResolvers<void>();
  const { local } = await open(REMOTE, {}, systemClock, (candidate) => {
    told.push(candidate);
    if (candidate === undefined) done.resolve();
  });
  expect(local.candidates).toBeUndefined();
  await done.promise;
  expect(portsOf(told.slice(0, -1).map(String)).length).toBe(told.length - 1);
  expect(told.length).toBeGreaterThan(1);
  expect(new Set(told).size).toBe(told.length);
});

it('waits two seconds at most for a TURN server that does not answer', async () => {
  const { socket, port } = await silentServer();
  const clock = new ManualClock();
  const servers = new IceServers([{ urls: [`turn:127.0.0.1:${port}`], username: 'u', credential: 'c' }], clock);
  const asked = once(socket, 'message');
  let answered = false;
  const opening = open(REMOTE, { iceServers: servers }, clock).finally(() => {
    answered = true;
  });
  await asked;
  expect(answered).toBe(false);
  clock.advance(fromMs(2000));
  const { local } = await opening;
  expect(local.iceLite).toBe(false);
  expect(portsOf(local.candidates).length).toBeGreaterThan(0);
  expect(local.candidates?.some((line) => line.includes(' typ relay'))).toBe(false);
});

it('makes no connection without a network port: 503, and when to try again', async () => {
  const port = await IcePort.open({ clock: systemClock });
  await port[Symbol.asyncDispose]();
  const refused = await openTransport(REMOTE, { port }, systemClock).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'webrtc.no-port', recoverable: true });
  const { status, headers } = refusalOf(asFrameliftError(refused, 'server.failed'));
  expect([status, headers['Retry-After']]).toEqual([503, '5']);
});

it('leaves nothing at a shared port when it is closed, twice', async () => {
  const port = await IcePort.open({ clock: systemClock });
  onTestFinished(() => port[Symbol.asyncDispose]());
  const transport = await openTransport(REMOTE, { port }, systemClock);
  expect(port.router.size).toBe(1);
  await transport.close();
  await transport.close();
  expect(port.router.size).toBe(0);
});

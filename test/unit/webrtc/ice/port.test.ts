import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MetricEvent } from '../../../../src/metrics/events.ts';
import { fromMs, ManualClock } from '../../../../src/time.ts';
import type { InterfaceAddress } from '../../../../src/webrtc/ice/addresses.ts';
import { IceAgent } from '../../../../src/webrtc/ice/agent.ts';
import { IcePort, type IcePortOptions } from '../../../../src/webrtc/ice/port.ts';
import { checkFor, mappedIn, PEER, TcpPeer, UdpPeer } from '../../../support/ice.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';
import { until } from '../../../support/whip-rig.ts';

class Rig {
  readonly clock = new ManualClock();
  readonly events: MetricEvent[] = [];
  readonly log = new RecordedLog('debug');

  async open(options: Partial<IcePortOptions> = {}): Promise<IcePort> {
    const port = await IcePort.open({
      ...{ host: '127.0.0.1', clock: this.clock, log: this.log },
      events: { emit: (event) => this.events.push(event) },
      ...options,
    });
    onTestFinished(() => port[Symbol.asyncDispose]());
    return port;
  }

  session(port: IcePort): { agent: IceAgent; data: string[]; leave(): void } {
    const data: string[] = [];
    const agent = new IceAgent(PEER, port.router, this.clock, {
      connected() {},
      heard() {},
      selected() {},
      data: (datagram) => data.push(`${datagram}`),
    });
    return { agent, data, leave: port.router.add(agent.local.ufrag, agent) };
  }
}

/** A port that another program has, for UDP or TCP. */
async function takenPort(protocol: 'udp' | 'tcp'): Promise<number> {
  if (protocol === 'udp') {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    return socket.address().port;
  }
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return address instanceof Object ? address.port : 0;
}

async function peers(): Promise<{ udp: UdpPeer }> {
  const udp = await UdpPeer.open();
  onTestFinished(() => udp[Symbol.asyncDispose]());
  return { udp };
}

async function connection(port: IcePort): Promise<TcpPeer> {
  const peer = await TcpPeer.open(port.number);
  onTestFinished(() => peer[Symbol.asyncDispose]());
  return peer;
}

describe('IcePort', () => {
  it('carries a session over UDP and another over TCP at one number', async () => {
    const rig = new Rig();
    const port = await rig.open();
    const [one, other] = [rig.session(port), rig.session(port)];
    const { udp } = await peers();
    await udp.send(checkFor(one.agent.local), port.number);
    await until('an answer by UDP', () => udp.received.length === 1);
    expect(mappedIn(udp.received[0] ?? Buffer.alloc(0), one.agent.local)).toEqual(['127.0.0.1', udp.port]);
    const tcp = await connection(port);
    tcp.send(checkFor(other.agent.local));
    await until('an answer by TCP', () => tcp.received.length === 1);
    expect(mappedIn(tcp.received[0] ?? Buffer.alloc(0), other.agent.local)?.[1]).toBe(tcp.socket.localPort);
    await udp.send(Buffer.from('by UDP'), port.number);
    tcp.send(Buffer.from('by TCP'));
    await until('data', () => one.data.length + other.data.length === 2);
    expect([one.data, other.data]).toEqual([['by UDP'], ['by TCP']]);
    one.agent.send(Buffer.from('to UDP'));
    other.agent.send(Buffer.from('to TCP'));
    await until('what we sent', () => udp.received.length + tcp.received.length === 4);
    expect([`${udp.received[1]}`, `${tcp.received[1]}`]).toEqual(['to UDP', 'to TCP']);
    other.agent.close();
    await tcp.closed();
  });

  it('is bound to the loopback alone where HTTP is', async () => {
    const port = await new Rig().open();
    expect(port.sockets.map(({ local }) => local.address)).toEqual(['127.0.0.1']);
    const candidates = await port.candidates();
    expect(candidates.map((line) => line.split(' ').slice(2, 6).toSpliced(1, 1))).toEqual([
      ['udp', '127.0.0.1', `${port.number}`],
      ['tcp', '127.0.0.1', `${port.number}`],
    ]);
  });

  it('opens sockets at addresses that come later, closes those that are gone, and announces names that are found', async () => {
    const rig = new Rig();
    let interfaces: InterfaceAddress[] = [{ address: '127.0.0.1', internal: true }];
    const options = { host: '0.0.0.0', advertisedHosts: ['203.0.113.5', 'name.invalid'], interfaces: () => interfaces };
    const port = await rig.open(options);
    // Nothing outward: nothing to announce.
    expect(await port.candidates()).toHaveLength(2);
    interfaces = [{ address: '127.0.0.9', internal: false }, ...interfaces];
    expect((await port.candidates()).map((line) => line.split(' ')[4])).toEqual([
      '127.0.0.1',
      '127.0.0.9',
      '127.0.0.1',
      '127.0.0.9',
    ]);
    expect(new Set(port.sockets.map(({ local }) => local.port))).toEqual(new Set([port.number]));
  });

  it('looks once for sessions that come at once: a slow name server does not queue them', async () => {
    let looks = 0;
    const interfaces = (): InterfaceAddress[] => {
      looks += 1;
      return [{ address: '127.0.0.1', internal: true }];
    };
    const port = await new Rig().open({ host: '0.0.0.0', interfaces });
    const before = looks;
    await port.candidates();
    const once = looks - before;
    const all = await Promise.all(Array.from({ length: 30 }, () => port.candidates()));
    expect(all.every((lines) => lines.length === 2)).toBe(true);
    expect(looks - before).toBe(2 * once);
  });

  it.each(['udp', 'tcp'] as const)(
    'says at start that its number is taken for %s, and what to do',
    async (protocol) => {
      const number = await takenPort(protocol);
      await expect(new Rig().open({ port: number })).rejects.toMatchObject({
        code: 'webrtc.no-port',
        message: `webrtc.port is ${number}: it is not free for UDP and TCP at 127.0.0.1`,
        remedy: expect.stringContaining('webrtc.port'),
      });
    },
  );

  it('takes the first of a range that is free for UDP and TCP, and says when none is', async () => {
    const first = await takenPort('tcp');
    const port = await new Rig().open({ portRange: [first, first + 40] });
    expect(port.number).toBeGreaterThan(first);
    expect(port.number).toBeLessThanOrEqual(first + 40);
    await expect(new Rig().open({ portRange: [first, first] })).rejects.toMatchObject({
      code: 'webrtc.no-port',
      message: expect.stringContaining(`webrtc.portRange is [${first},${first}]: none of its ports is free`),
    });
  });

  it('gives no candidates without a socket, but an error, a line in the log and a count', async () => {
    const rig = new Rig();
    const port = await rig.open();
    await port[Symbol.asyncDispose]();
    await expect(port.candidates()).rejects.toMatchObject({ code: 'webrtc.no-port', recoverable: true });
    expect(rig.events).toEqual([{ type: 'webrtc-no-port' }]);
    expect(rig.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('tells once a second what it dropped', async () => {
    const rig = new Rig();
    const port = await rig.open();
    for (let i = 0; i < 1000; i += 1) port.router.dropped('stranger');
    port.router.dropped('malformed');
    expect(rig.events).toEqual([]);
    rig.clock.advance(fromMs(1000));
    expect(rig.events).toEqual([
      { type: 'webrtc-drop', reason: 'stranger', count: 1000 },
      { type: 'webrtc-drop', reason: 'malformed', count: 1 },
    ]);
    rig.clock.advance(fromMs(10_000));
    expect(rig.events).toHaveLength(2);
  });
});

describe('connections by TCP', () => {
  it('are closed when they bring no check within five seconds', async () => {
    const rig = new Rig();
    const port = await rig.open();
    const silent = await connection(port);
    await until('the connection', () => port.connections === 1);
    rig.clock.advance(fromMs(5000));
    await silent.closed();
    await until('its end', () => port.connections === 0);
  });

  it.each<[string, (ours: IceAgent) => Buffer]>([
    ['data', () => Buffer.from('data')],
    ['a check of a stranger', () => checkFor({ ufrag: 'nobody', pwd: 'x' })],
    ['a check without the password', ({ local }) => checkFor(local, { password: 'guessed' })],
    ['STUN that is malformed', () => Buffer.alloc(20)],
  ])('are closed without a word when they begin with %s', async (_, first) => {
    const rig = new Rig();
    const port = await rig.open();
    const { agent } = rig.session(port);
    const peer = await connection(port);
    peer.send(first(agent));
    await peer.closed();
    expect([peer.received, agent.paths]).toEqual([[], 0]);
  });

  it('are closed at a length beyond any datagram', async () => {
    const rig = new Rig();
    const port = await rig.open();
    const { agent } = rig.session(port);
    const peer = await connection(port);
    peer.send(checkFor(agent.local));
    await until('an answer', () => peer.received.length === 1);
    peer.socket.write(Buffer.from([0xff, 0xff]));
    await peer.closed();
    await until('its end', () => agent.paths === 0);
    expect(agent.selected).toBeUndefined();
  });

  it('of one address may be 32 before they bring a check, and any number after', async () => {
    const rig = new Rig();
    const port = await rig.open();
    const silent: TcpPeer[] = [];
    for (let i = 0; i < 32; i += 1) silent.push(await connection(port));
    await until('connections', () => port.connections === 32);
    const refused = await connection(port);
    await refused.closed();
    const sessions = silent.map((peer) => {
      const session = rig.session(port);
      peer.send(checkFor(session.agent.local));
      return session;
    });
    await until('answers', () => silent.every(({ received }) => received.length === 1));
    const next = await connection(port);
    next.send(checkFor(sessions[0]?.agent.local ?? PEER));
    await until('an answer', () => next.received.length === 1);
    expect(port.connections).toBe(33);
  });

  it('of a slow reader lose datagrams, and hold no more than half a second of them', async () => {
    const rig = new Rig();
    const port = await rig.open();
    const { agent } = rig.session(port);
    const peer = await connection(port);
    peer.send(checkFor(agent.local));
    await until('an answer', () => peer.received.length === 1);
    peer.socket.pause();
    const before = process.memoryUsage().rss;
    const datagram = Buffer.alloc(1200, 128);
    for (let i = 0; i < 200_000; i += 1) agent.send(datagram);
    rig.clock.advance(fromMs(1000));
    const [drop] = rig.events;
    expect(drop).toMatchObject({ type: 'webrtc-drop', reason: 'send-full' });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });
});

import { expect, it } from 'vitest';
import { fromMs, ManualClock } from '../../../../src/time.ts';
import { IceAgent } from '../../../../src/webrtc/ice/agent.ts';
import { CheckList } from '../../../../src/webrtc/ice/checks.ts';
import { SessionRouter } from '../../../../src/webrtc/ice/path.ts';
import { PathTable } from '../../../../src/webrtc/ice/path-table.ts';
import type { Endpoint } from '../../../../src/webrtc/ice/stun.ts';
import { answerTo, PEER } from '../../../support/ice.ts';

class Rig {
  readonly clock = new ManualClock();
  readonly router = new SessionRouter(() => {});
  readonly sent: { readonly datagram: Buffer; readonly to: Endpoint; readonly atMs: number }[] = [];
  readonly agent = new IceAgent(PEER, this.router, this.clock, {
    connected() {},
    heard() {},
    selected() {},
    data() {},
  });
  readonly checks = new CheckList(this.agent, this.clock);

  socket(address: string): PathTable {
    const local = { address, port: 8189 };
    const send = (datagram: Buffer, to: Endpoint): void => {
      this.sent.push({ datagram, to, atMs: this.clock.now() / 1000 });
    };
    return new PathTable({ protocol: 'udp', local, send }, this.router);
  }
}

const candidate = (address: string): string => `1 1 udp 1 ${address} 5000 typ host`;

it('asks at every pair of one family, again after 0.5, 1, 2 and 4 s, until it answers', () => {
  const rig = new Rig();
  const socket = rig.socket('192.0.2.1');
  rig.checks.addSocket(socket);
  rig.checks.addCandidate(candidate('198.51.100.1'));
  rig.checks.addCandidate(candidate('2001:db8::1'));
  rig.checks.addCandidate(candidate('999.1.1.1'));
  rig.clock.advance(fromMs(60_000));
  expect(rig.sent.map(({ atMs }) => atMs)).toEqual([0, 500, 1500, 3500, 7500]);
  rig.checks.addCandidate(candidate('198.51.100.2'));
  rig.clock.advance(fromMs(0));
  const asked = rig.sent.at(-1);
  socket.receive(answerTo(asked?.datagram ?? Buffer.alloc(0)), { address: '198.51.100.2', port: 5000 });
  rig.clock.advance(fromMs(60_000));
  expect(rig.sent).toHaveLength(6);
});

it('recognises the answer from an address that the candidate spelt in another way', () => {
  const rig = new Rig();
  const socket = rig.socket('2001:db8::5');
  rig.checks.addSocket(socket);
  rig.checks.addCandidate(candidate('2001:DB8:0:0::0001'));
  rig.clock.advance(fromMs(0));
  socket.receive(answerTo(rig.sent[0]?.datagram ?? Buffer.alloc(0)), { address: '2001:db8::1', port: 5000 });
  rig.clock.advance(fromMs(60_000));
  expect(rig.sent).toHaveLength(1);
});

it('asks at 100 pairs at most, one in 20 ms, and at none once it is stopped', () => {
  const rig = new Rig();
  for (let i = 0; i < 64; i += 1) rig.checks.addCandidate(candidate(`198.51.100.${i}`));
  for (let i = 0; i < 8; i += 1) rig.checks.addSocket(rig.socket(`192.0.2.${i}`));
  rig.clock.advance(fromMs(1000));
  expect(rig.sent.length).toBeLessThanOrEqual(51);
  rig.clock.advance(fromMs(120_000));
  expect(rig.sent).toHaveLength(500);
  const times = rig.sent.map(({ atMs }) => atMs);
  expect(Math.min(...times.slice(1).map((time, i) => time - (times[i] ?? 0)))).toBeGreaterThanOrEqual(20);
  const stopped = new Rig();
  stopped.checks.addSocket(stopped.socket('192.0.2.1'));
  stopped.checks.addCandidate(candidate('198.51.100.1'));
  stopped.checks.stop();
  stopped.checks.addCandidate(candidate('198.51.100.2'));
  stopped.clock.advance(fromMs(60_000));
  expect(stopped.sent).toEqual([]);
});

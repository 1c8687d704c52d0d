import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/time.ts';
import { IceAgent } from '../../../../src/webrtc/ice/agent.ts';
import { SessionRouter } from '../../../../src/webrtc/ice/path.ts';
import { PathTable } from '../../../../src/webrtc/ice/path-table.ts';
import type { Endpoint } from '../../../../src/webrtc/ice/stun.ts';
import { Fuzzer } from '../../../support/fuzz.ts';
import { answerTo, checkFor, PEER, soundStun } from '../../../support/ice.ts';

class Rig {
  readonly drops = new Map<string, number>();
  readonly router = new SessionRouter((reason) => this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1));
  readonly sent: { readonly datagram: Buffer; readonly to: Endpoint }[] = [];
  readonly data: string[] = [];
  readonly table = new PathTable(
    {
      protocol: 'udp',
      local: { address: '192.0.2.1', port: 8189 },
      send: (datagram, to) => this.sent.push({ datagram, to }),
    },
    this.router,
  );
  readonly #clock = new ManualClock();

  session(name: string): { agent: IceAgent; leave(): void } {
    const agent = new IceAgent(PEER, this.router, this.#clock, {
      connected() {},
      heard() {},
      selected() {},
      data: (datagram) => this.data.push(`${name} ${datagram}`),
    });
    return { agent, leave: this.router.add(agent.local.ufrag, agent) };
  }
}

const at = (last: number, port = 5000): Endpoint => ({ address: `198.51.100.${last}`, port });

describe('PathTable', () => {
  it('sorts datagrams of many sessions on one socket by the addresses that checks came from', () => {
    const rig = new Rig();
    const sessions = Array.from({ length: 200 }, (_, i) => rig.session(`${i}`));
    // Many behind one address.
    for (const [i, { agent }] of sessions.entries()) rig.table.receive(checkFor(agent.local), at(1, 6000 + i));
    for (const i of sessions.keys()) rig.table.receive(Buffer.from('hello'), at(1, 6000 + i));
    expect(rig.data).toEqual(sessions.map((_, i) => `${i} hello`));
    for (const { agent, leave } of sessions) {
      leave();
      agent.close();
    }
    expect([rig.table.size, rig.router.size]).toEqual([0, 0]);
  });

  it('answers nobody who does not know a password, remembers none of them, and counts them', () => {
    const rig = new Rig();
    const { agent } = rig.session('one');
    rig.table.receive(checkFor(agent.local), at(1));
    rig.sent.length = 0;
    const fuzzer = new Fuzzer(25);
    const hostile = [
      checkFor({ ufrag: 'nobody', pwd: agent.local.pwd }),
      checkFor(agent.local, { password: 'guessed-password-of-32-characters' }),
      checkFor(agent.local, { username: `${agent.local.ufrag}:other` }),
      checkFor(agent.local, { username: agent.local.ufrag }),
      checkFor(agent.local, { fingerprint: false }),
      answerTo(checkFor(agent.local)),
      // Plaintext DTLS: an alert, close_notify.
      Buffer.from('15fefd00000000000000000002 0100'.replace(' ', ''), 'hex'),
      Buffer.alloc(0),
    ];
    for (let round = 0; round < 20_000; round += 1) {
      const sound = hostile[round % hostile.length] ?? Buffer.alloc(0);
      const datagram = round < 100 ? sound : Buffer.from(fuzzer.damage(sound));
      rig.table.receive(datagram, at(2, 1024 + fuzzer.int(60_000)));
    }
    expect(rig.sent).toEqual([]);
    expect(rig.data).toEqual([]);
    expect([rig.table.size, agent.paths]).toEqual([1, 1]);
    expect([...rig.drops.keys()].sort()).toEqual(['integrity', 'malformed', 'stranger']);
    expect([...rig.drops.values()].reduce((a, b) => a + b)).toBe(20_000);
  });

  it('leaves an address with its session until the other has answered from there', () => {
    const rig = new Rig();
    const [one, other] = [rig.session('one'), rig.session('other')];
    rig.table.receive(checkFor(one.agent.local), at(1));
    // Who writes the first one's address on a datagram of its own gets nothing by it.
    rig.table.receive(checkFor(other.agent.local), at(1));
    rig.table.receive(Buffer.from('a'), at(1));
    const ours = rig.sent.map(({ datagram }) => datagram).filter((datagram) => soundStun(datagram).kind === 'request');
    expect(ours).toHaveLength(1);
    rig.table.receive(answerTo(ours[0] ?? Buffer.alloc(0)), at(1));
    rig.table.receive(Buffer.from('b'), at(1));
    expect(rig.data).toEqual(['one a', 'other b']);
    expect([one.agent.selected, one.agent.paths]).toEqual([undefined, 0]);
    one.agent.close();
    rig.table.receive(Buffer.from('c'), at(1));
    expect(rig.data.at(-1)).toBe('other c');
  });

  it('tells its sessions when the socket closes', () => {
    const rig = new Rig();
    const { agent } = rig.session('one');
    rig.table.receive(checkFor(agent.local), at(1));
    rig.table.close();
    expect([agent.selected, agent.paths, rig.table.size]).toEqual([undefined, 0, 0]);
  });

  it('sends no check from one family to the other, nor from the loopback outward', () => {
    const rig = new Rig();
    expect(rig.table.reaches(at(1))).toBe(true);
    expect(rig.table.reaches({ address: '2001:db8::1', port: 1 })).toBe(false);
    const loopback = new PathTable(
      { protocol: 'udp', local: { address: '127.0.0.1', port: 1 }, send() {} },
      rig.router,
    );
    expect([loopback.reaches(at(1)), loopback.reaches({ address: '127.0.0.2', port: 1 })]).toEqual([false, true]);
  });
});

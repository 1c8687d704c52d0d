import { describe, expect, it } from 'vitest';
import { fromMs, ManualClock } from '../../../../src/time.ts';
import { IceAgent } from '../../../../src/webrtc/ice/agent.ts';
import { SessionRouter } from '../../../../src/webrtc/ice/path.ts';
import { answerTo, type CheckOptions, checkFor, FakePath, mappedIn, PEER, soundStun } from '../../../support/ice.ts';

class Rig {
  readonly clock = new ManualClock();
  readonly drops: string[] = [];
  readonly router = new SessionRouter((reason) => this.drops.push(reason));
  readonly told: string[] = [];
  readonly data: string[] = [];
  heard = 0;
  readonly agent = new IceAgent(PEER, this.router, this.clock, {
    connected: () => this.told.push('connected'),
    heard: () => {
      this.heard += 1;
    },
    selected: ({ remote }) => this.told.push(remote.address),
    data: (datagram) => {
      if (datagram.equals(BROKEN)) throw new RangeError('werift');
      this.data.push(`${datagram}`);
    },
  });

  /** A check of the peer's by this way. @returns whether it was taken for this session's. */
  check(path: FakePath, options: CheckOptions = {}): boolean {
    const message = soundStun(checkFor(this.agent.local, options));
    const accepted = this.agent.accepts(message);
    if (accepted) this.agent.checked(path, message);
    return accepted;
  }

  /** The peer's answer to our last check by this way. */
  answer(path: FakePath, { password = PEER.pwd, from = path.remote } = {}): void {
    const answer = soundStun(answerTo(path.checks.at(-1) ?? Buffer.alloc(0), password));
    this.router.awaiting(answer.transaction)?.(answer, from);
  }

  from(path: FakePath, text = 'data'): void {
    this.agent.received(path, Buffer.from(text));
  }
}

const BROKEN = Buffer.from('broken');
const A = (): FakePath => new FakePath('198.51.100.1');
const B = (): FakePath => new FakePath('198.51.100.2');

describe('IceAgent', () => {
  it('has credentials of full strength, each session its own', () => {
    const all = Array.from({ length: 100 }, () => new Rig().agent.local);
    for (const { ufrag, pwd } of all) {
      // 6 bits a character: RFC 8445 asks for 24 and 128.
      expect(ufrag).toMatch(/^[A-Za-z0-9+/]{12}$/);
      expect(pwd).toMatch(/^[A-Za-z0-9+/]{32}$/);
    }
    expect(new Set(all.map(({ ufrag }) => ufrag)).size).toBe(100);
    expect(new Set(all.map(({ pwd }) => pwd)).size).toBe(100);
  });

  it('answers a check of its peer with integrity, and connects with the first that nominates', () => {
    const rig = new Rig();
    const path = A();
    rig.check(path, { nominate: false });
    expect(mappedIn(path.sent[0] ?? Buffer.alloc(0), rig.agent.local)).toEqual(['198.51.100.1', 5000]);
    expect(rig.told).toEqual([]);
    rig.check(path);
    rig.check(path);
    expect(rig.told).toEqual(['198.51.100.1', 'connected']);
    expect(rig.heard).toBe(3);
    rig.agent.send(Buffer.from('out'));
    expect(`${path.sent.at(-1)}`).toBe('out');
  });

  it.each<[string, CheckOptions]>([
    ['without our password', { password: 'xxxxxxxxxxxxxxxxxxxxxxxx' }],
    ["with the peer's own password", { password: PEER.pwd }],
    ['of another peer', { username: 'x:other' }],
    ['of no peer', { username: '' }],
  ])('takes no check %s', (_, options) => {
    expect(new Rig().check(A(), options)).toBe(false);
  });

  it('has a peer that takes the controlled side change, and gives it nothing', () => {
    const rig = new Rig();
    const path = A();
    rig.check(path, { controlled: true });
    expect(soundStun(path.sent[0] ?? Buffer.alloc(0)).kind).toBe('error');
    expect([rig.told, rig.heard, rig.agent.paths, path.claimed]).toEqual([[], 0, 0, false]);
  });

  it('lets data in from nominated addresses alone', () => {
    const rig = new Rig();
    const [a, b] = [A(), B()];
    rig.from(a);
    rig.check(a, { nominate: false });
    rig.from(a);
    rig.check(a);
    rig.from(a, 'good');
    rig.check(b, { nominate: false });
    rig.from(b);
    expect(rig.data).toEqual(['good']);
    expect(rig.drops).toEqual(['not-nominated', 'not-nominated', 'not-nominated']);
  });

  it('counts what those that are given data throw at, and goes on', () => {
    const rig = new Rig();
    const path = A();
    rig.check(path);
    rig.agent.received(path, BROKEN);
    rig.from(path, 'next');
    expect([rig.drops, rig.data]).toEqual([['malformed'], ['next']]);
  });

  it('follows to another address once the peer has answered from there, not before: it may be forged', () => {
    const rig = new Rig();
    const [a, b] = [A(), B()];
    rig.check(a);
    rig.check(b);
    rig.agent.send(Buffer.from('still'));
    expect(`${a.sent.at(-1)}`).toBe('still');
    rig.answer(b, { password: 'of an impostor' });
    rig.answer(b);
    expect(rig.told).toEqual(['198.51.100.1', 'connected']);
    expect(rig.drops).toEqual(['integrity']);
    rig.check(b);
    rig.answer(b, { from: a.remote });
    expect(rig.told).toHaveLength(2);
    rig.check(b);
    rig.answer(b);
    expect(rig.told.at(-1)).toBe('198.51.100.2');
    rig.from(b, 'from there');
    // What was on its way from the old address is taken as well.
    rig.from(a, 'late');
    expect(rig.data).toEqual(['from there', 'late']);
    // Both are proven now: the peer may change back and forth at once.
    rig.check(a, { nominate: true });
    rig.answer(a);
    expect(rig.told.at(-1)).toBe('198.51.100.1');
  });

  it('follows a peer whose address has changed, without its nominating anew', () => {
    const rig = new Rig();
    const [a, b] = [A(), B()];
    rig.check(a);
    rig.clock.advance(fromMs(2000));
    rig.check(b, { nominate: false });
    expect(b.checks).toHaveLength(0);
    rig.clock.advance(fromMs(2000));
    rig.check(b, { nominate: false });
    rig.answer(b);
    expect(rig.told.at(-1)).toBe('198.51.100.2');
  });

  it('stays where data comes from, though no check does', () => {
    const rig = new Rig();
    const [a, b] = [A(), B()];
    rig.check(a);
    for (let second = 0; second < 60; second += 1) {
      rig.clock.advance(fromMs(1000));
      rig.from(a);
      rig.check(b, { nominate: false });
    }
    expect(rig.data).toHaveLength(60);
    expect(b.checks).toHaveLength(0);
  });

  it('takes no data from an address that it left long ago', () => {
    const rig = new Rig();
    const [a, b] = [A(), B()];
    rig.check(a);
    rig.check(b);
    rig.answer(b);
    rig.clock.advance(fromMs(30_001));
    rig.from(a);
    expect(rig.drops).toEqual(['not-nominated']);
  });

  it('needs proof for an address that another session has', () => {
    const rig = new Rig();
    const path = A();
    path.taken = true;
    rig.check(path);
    expect(rig.told).toEqual([]);
    rig.answer(path);
    expect(rig.told).toEqual(['198.51.100.1', 'connected']);
    expect(path.claimed).toBe(true);
  });

  it('goes on by another nominated way when a connection ends, and by any when there is none', () => {
    const rig = new Rig();
    const [tcp, udp, third] = [new FakePath('198.51.100.1', 'tcp'), B(), new FakePath('198.51.100.3')];
    rig.check(tcp);
    rig.check(udp);
    rig.answer(udp);
    rig.agent.lost(udp);
    expect(rig.agent.selected).toBe(tcp);
    rig.agent.lost(tcp);
    expect(rig.agent.selected).toBeUndefined();
    rig.agent.send(Buffer.from('nowhere'));
    rig.check(third, { nominate: false });
    expect(rig.agent.selected).toBe(third);
    expect(rig.told.filter((line) => line === 'connected')).toHaveLength(1);
  });

  it('keeps 32 ways at most, those checked last and the one in use; 8 connections', () => {
    const rig = new Rig();
    const first = A();
    rig.check(first);
    const others = Array.from({ length: 100 }, (_, i) => new FakePath(`203.0.113.${i}`));
    for (const path of others) {
      rig.clock.advance(fromMs(10));
      rig.check(path, { nominate: false });
    }
    expect(rig.agent.paths).toBe(32);
    expect(rig.agent.selected).toBe(first);
    expect(others.filter(({ closed }) => closed)).toHaveLength(69);
    const connections = Array.from({ length: 10 }, () => new FakePath('203.0.113.200', 'tcp'));
    for (const path of connections) rig.check(path);
    expect(connections.filter(({ closed }) => closed)).toHaveLength(2);
    expect(rig.drops).toEqual(['connection', 'connection']);
  });

  it('forgets everything at its end, and is silent', () => {
    const rig = new Rig();
    const [a, b] = [A(), B()];
    rig.check(a);
    rig.check(b);
    rig.agent.close();
    rig.answer(b);
    const sent = a.sent.length;
    rig.check(a);
    rig.from(a);
    rig.agent.send(Buffer.from('x'));
    rig.agent.close();
    expect([a.closed, b.closed, a.sent.length - sent, rig.agent.paths, rig.data]).toEqual([true, true, 0, 0, []]);
  });
});

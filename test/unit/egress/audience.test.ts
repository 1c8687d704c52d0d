import { describe, expect, it } from 'vitest';
import { Audience, type Member } from '../../../src/egress/audience.ts';
import { fromMs, ManualClock, ZERO } from '../../../src/time.ts';
import { packetizedUnit } from '../../support/encoded-unit.ts';
import { FakeViewer } from '../../support/fake-viewer.ts';

const OVERLOADED = expect.objectContaining({ code: 'webrtc.overloaded', recoverable: true });

const BUSY = expect.objectContaining({ code: 'webrtc.busy', recoverable: true });

/** An audience that sees its viewers as a publication shows them to it. */
class Rig {
  readonly clock = new ManualClock(fromMs(1000));
  readonly audience: Audience;

  constructor(maxViewers = 3) {
    this.audience = new Audience({ stream: 'cam', clock: this.clock, maxViewers });
  }

  /** A player whose offer has been answered. */
  enter(address = '192.0.2.1'): { member: Member; viewer: FakeViewer } {
    const member = this.audience.enter(address, () => {});
    const viewer = new FakeViewer({
      keyframeNeeded: () => this.audience.admit(member),
      sent: () => {},
      asked: () => {},
      roundTrip: () => {},
      seen: () => {},
      retransmitted: () => {},
      dropped: () => {},
      ended: () => this.audience.leave(member),
    });
    member.viewer = viewer;
    return { member, viewer };
  }

  connected(address?: string): FakeViewer {
    const { viewer } = this.enter(address);
    viewer.connect();
    return viewer;
  }
}

describe('Audience', () => {
  it('counts players that are connecting apart from viewers', () => {
    const { audience } = new Rig();
    const member = audience.enter(undefined, () => {});
    expect([audience.size, audience.connected]).toEqual([1, 0]);
    expect([audience.leave(member), audience.leave(member)]).toEqual([true, false]);
    expect(audience.size).toBe(0);
  });

  it('takes viewers up to its limit, and again when one has left', async () => {
    const rig = new Rig(2);
    const [first] = [rig.connected(), rig.connected()];
    expect(() => rig.enter()).toThrow(OVERLOADED);
    await first.close('left');
    rig.connected();
    expect(rig.audience.connected).toBe(2);
  });

  it('lets more connect than there are places, and sends away who connects last', () => {
    const rig = new Rig(1);
    const [first, second] = [rig.enter().viewer, rig.enter().viewer];
    second.connect();
    first.connect();
    expect([first.closed, second.closed]).toEqual(['too many viewers', undefined]);
    expect([rig.audience.size, rig.audience.connected]).toEqual([1, 1]);
  });

  it('has 32 connect at a time; one that takes longer than two seconds gives way, never a viewer', () => {
    const rig = new Rig(3);
    const viewer = rig.connected();
    const connecting = Array.from({ length: 32 }, () => rig.enter().viewer);
    for (const player of connecting) player.reached = true;
    expect(() => rig.enter()).toThrow(BUSY);
    rig.clock.advance(fromMs(2000));
    rig.enter();
    expect(connecting.map(({ closed }) => closed !== undefined)).toEqual([true, ...Array(31).fill(false)]);
    expect([viewer.closed, rig.audience.size]).toEqual([undefined, 33]);
  });

  it('ends who posts offers without ever doing ICE before anybody who is on the way', () => {
    const rig = new Rig();
    const honest = Array.from({ length: 16 }, () => rig.enter().viewer);
    const strangers = Array.from({ length: 16 }, () => rig.enter().viewer);
    for (const player of honest) player.reached = true;
    rig.clock.advance(fromMs(500));
    for (let i = 0; i < 16; i += 1) rig.enter();
    expect(honest.filter(({ closed }) => closed !== undefined)).toEqual([]);
    expect(strangers.filter(({ closed }) => closed === undefined)).toEqual([]);
  });

  it('gives a player the place of an address that holds more than its share, its offer answered or not', () => {
    const rig = new Rig();
    const strangers = Array.from({ length: 31 }, () => rig.enter('198.51.100.9').member);
    const unanswered = rig.audience.enter('198.51.100.9', () => {});
    strangers.unshift(unanswered);
    for (let i = 0; i < 15; i += 1) rig.enter(`192.0.2.${i}`);
    expect(strangers.filter((member) => !rig.audience.has(member))).toHaveLength(15);
    expect(rig.audience.size).toBe(32);
    // The stranger gets none of them back while it still holds the most.
    expect(() => rig.enter('198.51.100.9')).toThrow(BUSY);
  });

  it('lets one address have all places while nobody else wants them', () => {
    const rig = new Rig(40);
    for (let i = 0; i < 32; i += 1) rig.connected('2001:db8::1');
    for (let i = 0; i < 32; i += 1) rig.enter(`2001:db8::${i + 1}`);
    expect(rig.audience.size).toBe(64);
  });

  it('leaves alone a player whose offer is still being answered', () => {
    const rig = new Rig();
    for (let i = 0; i < 32; i += 1) rig.audience.enter(undefined, () => {});
    rig.clock.advance(fromMs(60_000));
    expect(() => rig.audience.enter(undefined, () => {})).toThrow(BUSY);
    expect(rig.audience.size).toBe(32);
  });

  it('gives the place of a viewer that is gone without a word to who needs it, never that of one who is there', () => {
    const rig = new Rig(3);
    const [quiet, gone, here] = [rig.connected(), rig.connected(), rig.connected()];
    here.silence = fromMs(1000);
    expect(() => rig.enter()).toThrow(OVERLOADED);
    [quiet.silence, gone.silence] = [fromMs(4500), fromMs(6000)];
    rig.connected();
    expect([quiet.closed, gone.closed, here.closed]).toEqual([
      undefined,
      'silent, and another player needed its place',
      undefined,
    ]);
    rig.connected();
    expect(() => rig.enter()).toThrow(OVERLOADED);
    expect(rig.audience.connected).toBe(3);
  });

  it('keeps a viewer that had to wait for its place when one of the others is gone', () => {
    const rig = new Rig(1);
    const [first, second] = [rig.enter().viewer, rig.enter().viewer];
    first.connect();
    first.silence = fromMs(4500);
    second.connect();
    expect([first.closed, second.closed]).toEqual(['silent, and another player needed its place', undefined]);
  });

  it('knows all its viewers, whoever is slow among them', () => {
    const rig = new Rig();
    const [fast, slow] = [rig.connected(), rig.connected()];
    rig.enter();
    slow.stats = { rtt: undefined, loss: 0, depth: 12 };
    const item = packetizedUnit(ZERO, 3);
    for (const viewer of rig.audience.viewers()) viewer.send(item);
    expect([fast.units[0], slow.units[0]]).toEqual([item, item]);
    expect(fast.units[0]).toBe(slow.units[0]);
    expect([rig.audience.depth, rig.audience.capacity]).toEqual([12, 16]);
  });

  it('has no queues without viewers', () => {
    const { audience } = new Rig();
    audience.enter(undefined, () => {});
    expect([audience.depth, audience.capacity]).toEqual([0, 0]);
  });

  it('ends all sessions, those of players that are connecting included', async () => {
    const rig = new Rig();
    const viewers = [rig.connected(), rig.enter().viewer];
    rig.audience.enter(undefined, () => {});
    await rig.audience.close('stream stopped');
    expect(viewers.map(({ closed }) => closed)).toEqual(['stream stopped', 'stream stopped']);
    expect(rig.audience.size).toBe(1);
  });
});

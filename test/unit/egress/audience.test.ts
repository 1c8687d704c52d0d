import { describe, expect, it } from 'vitest';
import { Audience, type Member } from '../../../src/egress/audience.ts';
import { fromMs, ManualClock, ZERO } from '../../../src/time.ts';
import { packetizedUnit } from '../../support/encoded-unit.ts';
import { FakeViewer } from '../../support/fake-viewer.ts';

const OVERLOADED = expect.objectContaining({ code: 'webrtc.overloaded', recoverable: true });

/** An audience that sees its viewers as a publication shows them to it. */
class Rig {
  readonly clock = new ManualClock(fromMs(1000));
  readonly audience: Audience;

  constructor(maxViewers = 3) {
    this.audience = new Audience({ stream: 'cam', clock: this.clock, maxViewers });
  }

  /** A player whose offer has been answered. */
  enter(): { member: Member; viewer: FakeViewer } {
    const member = this.audience.enter(() => {});
    const viewer = new FakeViewer({
      keyframeNeeded: () => this.audience.admit(member),
      sent: () => {},
      retransmitted: () => {},
      dropped: () => {},
      ended: () => this.audience.leave(member),
    });
    member.viewer = viewer;
    return { member, viewer };
  }

  connected(): FakeViewer {
    const { viewer } = this.enter();
    viewer.connect();
    return viewer;
  }
}

describe('Audience', () => {
  it('counts players that are connecting apart from viewers', () => {
    const { audience } = new Rig();
    const member = audience.enter(() => {});
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

  it('has eight connect at a time; one that takes longer than two seconds gives way, never a viewer', () => {
    const rig = new Rig(3);
    const viewer = rig.connected();
    const connecting = Array.from({ length: 8 }, () => rig.enter().viewer);
    expect(() => rig.enter()).toThrow(OVERLOADED);
    rig.clock.advance(fromMs(2000));
    rig.enter();
    expect(connecting.map(({ closed }) => closed !== undefined)).toEqual([true, ...Array(7).fill(false)]);
    expect([viewer.closed, rig.audience.size]).toEqual([undefined, 9]);
  });

  it('leaves alone a player whose offer is still being answered', () => {
    const rig = new Rig();
    for (let i = 0; i < 8; i += 1) rig.audience.enter(() => {});
    rig.clock.advance(fromMs(60_000));
    expect(() => rig.enter()).toThrow(OVERLOADED);
    expect(rig.audience.size).toBe(8);
  });

  it('sends a unit to all, packetized once, whoever is slow among them', () => {
    const rig = new Rig();
    const [fast, slow] = [rig.connected(), rig.connected()];
    rig.enter();
    slow.stats = { rtt: undefined, loss: 0, depth: 12 };
    const item = packetizedUnit(ZERO, 3);
    rig.audience.send(item);
    expect([fast.units[0], slow.units[0]]).toEqual([item, item]);
    expect(fast.units[0]).toBe(slow.units[0]);
    expect([rig.audience.depth, rig.audience.capacity]).toEqual([12, 16]);
  });

  it('has no queues without viewers', () => {
    const { audience } = new Rig();
    audience.enter(() => {});
    expect([audience.depth, audience.capacity]).toEqual([0, 0]);
  });

  it('ends all sessions, those of players that are connecting included', async () => {
    const rig = new Rig();
    const viewers = [rig.connected(), rig.enter().viewer];
    rig.audience.enter(() => {});
    await rig.audience.close('stream stopped');
    expect(viewers.map(({ closed }) => closed)).toEqual(['stream stopped', 'stream stopped']);
    expect(rig.audience.size).toBe(1);
  });
});

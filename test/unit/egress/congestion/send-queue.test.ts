import { describe, expect, it } from 'vitest';
import { SendQueue } from '../../../../src/egress/congestion/send-queue.ts';
import type { PacketizedUnit } from '../../../../src/egress/viewer.ts';
import { type Micros, micros } from '../../../../src/time.ts';
import { packetizedUnit } from '../../../support/encoded-unit.ts';

const INTERVAL = 16_667;

function unit(index: number, packets: number, keyframe = false): PacketizedUnit {
  return packetizedUnit(micros(index * INTERVAL), packets, keyframe);
}

class Rig {
  dropped = 0;
  asked = 0;
  readonly queue = new SendQueue({
    capacity: 4,
    onDrop: (units) => {
      this.dropped += units;
    },
    onKeyframeNeeded: () => {
      this.asked += 1;
    },
  });

  /** Runs from `now` until nothing waits; times and sizes of the bursts. */
  drain(now = 0, until = Number.POSITIVE_INFINITY): { at: number; packets: number }[] {
    const bursts = [];
    for (let at: Micros | undefined = micros(now); at !== undefined && at <= until; ) {
      const decision = this.queue.next(at);
      if (decision.packets.length > 0) bursts.push({ at, packets: decision.packets.length });
      at = decision.wake;
    }
    return bursts;
  }
}

describe('SendQueue', () => {
  it('goes on with a keyframe after a unit that could not be sent, and counts it', () => {
    const rig = new Rig();
    rig.queue.skip();
    expect([rig.dropped, rig.asked]).toEqual([0, 0]);
    rig.queue.push(unit(0, 1, true));
    rig.drain();
    rig.queue.skip();
    rig.queue.push(unit(2, 1));
    expect([rig.dropped, rig.asked, rig.queue.depth]).toEqual([2, 1, 0]);
    rig.queue.push(unit(3, 1, true));
    expect(rig.queue.depth).toBe(1);
  });

  it('begins with a keyframe and counts nothing before it', () => {
    const rig = new Rig();
    rig.queue.push(unit(0, 2));
    rig.queue.push(unit(1, 2, true));
    expect(rig.drain()).toEqual([{ at: 0, packets: 2 }]);
    expect(rig.dropped).toBe(0);
  });

  it('marks the first and the last packet of a unit', () => {
    const rig = new Rig();
    rig.queue.push(unit(1, 3, true));
    const { packets } = rig.queue.next(micros(0));
    expect(packets.map((packet) => packet.kind === 'media' && [packet.first, packet.marker])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
  });

  it('spreads a large keyframe over the frame interval, at most 8 packets back to back', () => {
    const rig = new Rig();
    rig.queue.push(unit(0, 1, true));
    rig.drain();
    rig.queue.push(unit(1, 40, true));
    const bursts = rig.drain(INTERVAL);
    expect(bursts.map(({ packets }) => packets)).toEqual([8, 8, 8, 8, 8]);
    const span = (bursts.at(-1)?.at ?? 0) - (bursts[0]?.at ?? 0);
    expect(span).toBeGreaterThan(INTERVAL * 0.4);
    expect(span).toBeLessThan(INTERVAL * 0.9);
  });

  it('keeps a millisecond between bursts of different units', () => {
    const rig = new Rig();
    for (let i = 0; i < 4; i += 1) rig.queue.push(unit(i, 8, true));
    const bursts = rig.drain();
    expect(bursts).toHaveLength(4);
    for (let i = 1; i < bursts.length; i += 1) expect(bursts[i]!.at - bursts[i - 1]!.at).toBeGreaterThanOrEqual(1000);
  });

  it('when full, drops up to the next keyframe, finishes what has begun, asks once', () => {
    const rig = new Rig();
    rig.queue.push(unit(0, 20, true));
    rig.queue.next(micros(0));
    for (let i = 1; i < 10; i += 1) rig.queue.push(unit(i, 2));
    expect(rig.queue.depth).toBe(1);
    expect(rig.asked).toBe(1);
    expect(rig.dropped).toBe(9);
    rig.queue.push(unit(10, 2, true));
    rig.queue.push(unit(11, 2));
    expect(rig.queue.depth).toBe(3);
    const sent = rig.drain(1e6).reduce((sum, burst) => sum + burst.packets, 0);
    expect(sent).toBe(12 + 4);
    expect(rig.dropped).toBe(9);
  });

  it('a keyframe that meets a full queue takes the place of what waits', () => {
    const rig = new Rig();
    rig.queue.push(unit(0, 2, true));
    for (let i = 1; i < 4; i += 1) rig.queue.push(unit(i, 2));
    rig.queue.push(unit(4, 2, true));
    expect(rig.queue.depth).toBe(1);
    expect(rig.dropped).toBe(4);
    expect(rig.asked).toBe(0);
  });

  it('sends again before it sends new, within the same bursts', () => {
    const rig = new Rig();
    rig.queue.push(unit(0, 4, true));
    for (let i = 0; i < 10; i += 1) rig.queue.retransmit(100 + i);
    const first = rig.queue.next(micros(0)).packets;
    expect(first.map((packet) => packet.kind)).toEqual(Array(8).fill('retransmit'));
    const second = rig.queue.next(micros(20_000)).packets;
    expect(second.map((packet) => packet.kind)).toEqual([
      'retransmit',
      'retransmit',
      'media',
      'media',
      'media',
      'media',
    ]);
  });

  it('bounds the requests to send again', () => {
    const rig = new Rig();
    for (let i = 0; i < 1000; i += 1) rig.queue.retransmit(i);
    expect(rig.drain().reduce((sum, burst) => sum + burst.packets, 0)).toBe(128);
  });

  it('sends no faster than its pace, and catches up with late timers', () => {
    const rig = new Rig();
    // 20 packets of 69 bytes on the wire at 55.2 kb/s: 10 ms each.
    rig.queue.pace(55_200);
    rig.queue.push(unit(0, 20, true));
    const bursts = rig.drain();
    expect(bursts.reduce((sum, { packets }) => sum + packets, 0)).toBe(20);
    expect(bursts.at(-1)?.at).toBeGreaterThan(150_000);
    expect(bursts.at(-1)?.at).toBeLessThan(200_000);
    const late = new Rig();
    late.queue.pace(10e6);
    late.queue.push(unit(0, 40, true));
    late.queue.next(micros(0));
    expect(late.queue.next(micros(50_000)).packets).toHaveLength(8);
    late.drain(50_000);
    late.queue.push(unit(1, 40));
    // Nothing waited: no time was lost.
    expect(late.queue.next(micros(500_000)).packets.length).toBeLessThan(8);
  });

  it('sends a probe at its rate, with padding where nothing waits, and marks its packets', () => {
    const rig = new Rig();
    rig.queue.push(unit(0, 1, true));
    rig.drain();
    rig.queue.probe({ id: 7, rate: 2.4e6, bytes: 7200 });
    let [now, padding, media, last]: number[] = [100_000, 0, 0, 0];
    rig.queue.push(unit(1, 2));
    for (let at: Micros | undefined = micros(now ?? 0); at !== undefined; ) {
      const decision = rig.queue.next(at);
      if (decision.packets.length > 0) {
        expect(decision.probe).toBe(7);
        last = at;
      }
      for (const { kind } of decision.packets) {
        if (kind === 'padding') padding = (padding ?? 0) + 1;
        else media = (media ?? 0) + 1;
      }
      at = decision.wake;
    }
    expect(media).toBe(2);
    expect(padding).toBe(6);
    // 7200 bytes at 2.4 Mb/s.
    expect((last ?? 0) - (now ?? 0)).toBeGreaterThan(10_000);
    now = last;
    expect(rig.queue.next(micros((now ?? 0) + 100_000))).toEqual({ packets: [], wake: undefined, probe: undefined });
  });

  it('sends no probe before there was a keyframe: there is nothing to fill it with', () => {
    const rig = new Rig();
    rig.queue.probe({ id: 1, rate: 1e6, bytes: 7200 });
    expect(rig.queue.next(micros(0)).packets).toEqual([]);
  });

  it('starts again with another rendition: what has begun ends, the rest is forgotten, no drop is counted', () => {
    const rig = new Rig();
    rig.queue.push(unit(0, 12, true));
    rig.queue.push(unit(1, 3));
    rig.queue.retransmit(5);
    rig.queue.next(micros(0));
    rig.queue.restart();
    rig.queue.push(unit(2, 3));
    rig.queue.push(unit(3, 2, true));
    expect(rig.drain(2000).reduce((sum, { packets }) => sum + packets, 0)).toBeLessThanOrEqual(5 + 2);
    expect([rig.dropped, rig.asked, rig.queue.depth]).toEqual([0, 0, 0]);
  });
});

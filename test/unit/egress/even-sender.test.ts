import { describe, expect, it } from 'vitest';
import { EvenSender, SendLead } from '../../../src/egress/even-sender.ts';
import { fromMs, ManualClock, type Micros, minus, plus, toMs } from '../../../src/time.ts';
import { encodedUnit } from '../../support/encoded-unit.ts';
import { seededRandom } from '../../support/random.ts';

function settle(lead: SendLead, spanMs: () => number, frames = 2000): void {
  for (let i = 0; i < frames; i++) lead.observe(fromMs(spanMs()));
}

describe('SendLead', () => {
  it('settles where nearly all frames are encoded in time', () => {
    const random = seededRandom(1);
    const lead = new SendLead();
    const spans: number[] = [];
    settle(lead, () => {
      const span = 1.5 + 4 * random() ** 3;
      spans.push(span);
      return span;
    });
    const late = spans.filter((span) => span > toMs(lead.value)).length / spans.length;
    expect(late).toBeLessThan(0.06);
    expect(toMs(lead.value)).toBeLessThan(6);
  });

  it('moves slowly, a quarter of a millisecond for sixteen frames', () => {
    const lead = new SendLead();
    settle(lead, () => 2);
    const before = lead.value;
    settle(lead, () => 9, 16);
    expect(lead.value - before).toBeLessThanOrEqual(fromMs(0.25));
    settle(lead, () => 9, 2000);
    expect(toMs(lead.value)).toBeCloseTo(9.5, 3);
  });

  it('never holds back longer than 12 ms', () => {
    const lead = new SendLead();
    settle(lead, () => 80);
    expect(toMs(lead.value)).toBe(12);
  });
});

describe('EvenSender', () => {
  /**
   * Sends frames at 50 fps, the i-th encoded `spanMs(i)` after its due time; gives the times from
   * due to sent.
   */
  function send(spanMs: (i: number) => number, frames: number): { waits: number[]; drops: number } {
    const clock = new ManualClock(fromMs(1000));
    const waits: number[] = [];
    const order: Micros[] = [];
    let drops = 0;
    const sender = new EvenSender({
      clock,
      send: ({ due }) => {
        order.push(due);
        waits.push(minus(clock.now(), due));
      },
      onDrop: () => {
        drops += 1;
      },
    });
    for (let i = 0; i < frames; i++) {
      const due = plus(fromMs(1000), fromMs(20 * i));
      clock.at(plus(due, fromMs(spanMs(i))), () => sender.push(encodedUnit(due)));
    }
    clock.advance(fromMs(20 * frames + 1000));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    return { waits, drops };
  }

  it('sends at one distance from the due time, however long each frame took', () => {
    const random = seededRandom(3);
    const { waits, drops } = send(() => 1 + 5 * random(), 600);
    expect([waits.length, drops]).toEqual([600, 0]);
    const settled = waits.slice(400).toSorted((a, b) => a - b);
    // 95 % within half a millisecond of each other, where encoding varies by five.
    expect((settled[190] ?? 0) - (settled[0] ?? 0)).toBeLessThan(500);
  });

  it('sends at once what comes later than the lead, and everything in order behind it', () => {
    const { waits, drops } = send((i) => (i === 300 ? 15 : 2), 400);
    expect([waits.length, drops]).toEqual([400, 0]);
    expect(waits[300]).toBe(fromMs(15));
    expect(waits[301]).toBe(waits[299]);
  });

  it('holds eight, gives up the oldest beyond that and says so', () => {
    const clock = new ManualClock(fromMs(1000));
    const sent: Micros[] = [];
    let drops = 0;
    const sender = new EvenSender({
      clock,
      send: ({ due }) => sent.push(due),
      onDrop: () => {
        drops += 1;
      },
    });
    const dues = Array.from({ length: 11 }, (_, i) => fromMs(2000 + 20 * i));
    for (const due of dues) sender.push(encodedUnit(due));
    expect(drops).toBe(3);
    clock.advance(fromMs(2000));
    expect(sent).toEqual(dues.slice(3));
  });

  it('sends and counts nothing after the end', () => {
    const clock = new ManualClock(fromMs(1000));
    let calls = 0;
    const call = (): void => {
      calls += 1;
    };
    const sender = new EvenSender({ clock, send: call, onDrop: call });
    sender.push(encodedUnit(fromMs(2000)));
    sender.close();
    sender.close();
    for (let i = 0; i < 20; i++) sender.push(encodedUnit(fromMs(2000 + i)));
    clock.advance(fromMs(5000));
    expect(calls).toBe(0);
  });
});

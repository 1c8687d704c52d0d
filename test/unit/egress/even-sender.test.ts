import { describe, expect, it } from 'vitest';
import { SendLead } from '../../../src/egress/lead.ts';
import { fromMs, toMs } from '../../../src/time.ts';
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

import { describe, expect, it } from 'vitest';
import type { MetricEvent } from '../../../src/metrics/events.ts';
import { Intake } from '../../../src/stream/intake.ts';
import { fromMs } from '../../../src/time.ts';

function seconds(intake: Intake, count: number, taken: number, dropped: number, reason: 'queue-full' | 'corrupt') {
  let verdict: string | undefined;
  for (let second = 0; second < count; second += 1) {
    for (let i = 0; i < taken; i += 1) intake.emit({ type: 'stage', stream: 's', stage: 'decode', span: fromMs(1) });
    if (dropped > 0) intake.emit({ type: 'drop', stream: 's', stage: 'decode', reason, count: dropped });
    verdict = intake.judge();
  }
  return verdict;
}

describe('Intake', () => {
  it('has nothing to say of a source that is taken as it comes', () => {
    expect(seconds(new Intake({ emit: () => {} }), 20, 25, 0, 'queue-full')).toBeUndefined();
  });

  it('tells how much of a source is decoded where the machine is too slow for the rest', () => {
    expect(seconds(new Intake({ emit: () => {} }), 10, 8, 17, 'queue-full')).toBe(
      'this machine decodes 8 of 25 frames a second: the source is too large or too fast for it',
    );
  });

  it('sees it as well where whole groups of pictures go at once', () => {
    const intake = new Intake({ emit: () => {} });
    seconds(intake, 1, 8, 0, 'queue-full');
    seconds(intake, 1, 8, 34, 'queue-full');
    expect(seconds(intake, 1, 8, 0, 'queue-full')).toContain('decodes 8 of 19 frames');
  });

  it('does not blame the machine for what was damaged, and forgets after ten seconds', () => {
    const intake = new Intake({ emit: () => {} });
    expect(seconds(intake, 10, 20, 5, 'corrupt')).toBeUndefined();
    seconds(intake, 2, 8, 17, 'queue-full');
    expect(seconds(intake, 9, 25, 0, 'queue-full')).toBeDefined();
    expect(seconds(intake, 1, 25, 0, 'queue-full')).toBeUndefined();
  });

  it('passes every event on', () => {
    const events: MetricEvent[] = [];
    seconds(new Intake({ emit: (event) => events.push(event) }), 1, 2, 1, 'corrupt');
    expect(events.map(({ type }) => type)).toEqual(['stage', 'stage', 'drop']);
  });
});

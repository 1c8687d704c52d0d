import { describe, expect, it } from 'vitest';
import { LatencyGuard } from '../../../src/pacing/latency-guard.ts';
import { fromMs } from '../../../src/time.ts';
import { LevelPairing, OutputRig } from '../../support/pacing-rig.ts';

const BUDGET = fromMs(60);

/** Frames at 25 fps with these latencies; the milliseconds at which it spoke. */
function spoke(latency: (ms: number) => number, seconds: number): number[] {
  const guard = new LatencyGuard();
  const times: number[] = [];
  for (let ms = 0; ms < seconds * 1000; ms += 40) {
    if (guard.exceeded(fromMs(latency(ms)), BUDGET, fromMs(ms))) times.push(ms);
  }
  return times;
}

describe('LatencyGuard', () => {
  it('lets jitter, stalls and the budget be', () => {
    expect(spoke(() => 60, 100)).toEqual([]);
    expect(spoke((ms) => (ms % 3000 < 1400 ? 1400 - (ms % 3000) : 60), 100)).toEqual([]);
  });

  it('speaks once when all frames have been late for too long, and again if that did not help', () => {
    expect(spoke((ms) => 60 + Math.max(0, ms - 10_000) / 10, 15)).toEqual([14_040]);
    expect(spoke(() => 500, 4)).toEqual([1520, 3080]);
  });
});

describe('stamps that reach the pacer far too fast', () => {
  it.each([1.08, 3, 10.5])('× %s, for five minutes: the latency is cut, nothing freezes', async (speed) => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 2 }, pairing: new LevelPairing() });
    let sent = 0;
    const feed = (): void => {
      rig.push(fromMs(sent * 40 * speed));
      sent += 1;
      if (sent < 25 * 300) rig.clock.at(fromMs(1000 + sent * 40), feed);
    };
    feed();
    await rig.run(300_000, 20);
    const gaps = rig.gaps().reduce((most, gap) => Math.max(most, gap), 0);
    expect(gaps).toBeLessThan(2000);
    expect(rig.released.at(-1)?.at).toBeGreaterThan(fromMs(299_000));
    const latencies = rig.kind('source').map(({ pts, at }) => at - (rig.sent.get(pts)?.arrival ?? at));
    expect(latencies.reduce((most, latency) => Math.max(most, latency), 0)).toBeLessThan(fromMs(2000));
    await rig.stop();
  });
});

import { describe, expect, it } from 'vitest';
import { SourceRate } from '../../../../src/egress/congestion/source-rate.ts';
import { type Provenance, SOURCE } from '../../../../src/media/frame.ts';
import { micros } from '../../../../src/time.ts';

const synthetic = (t: number): Provenance => ({
  kind: t > 1 ? 'extrapolated' : 'synthetic',
  t,
  model: 'm',
  confidence: 1,
});
const repeated = (t: number): Provenance => ({ kind: 'repeated', t, reason: 'cut' });

/** Which of a run of frames at `fps` are kept, as a string of ones and dots, and the rate that is found. */
function run(frames: readonly Provenance[], fps: number, turns = 40): { kept: string; fps: number } {
  const rate = new SourceRate(60);
  let kept = '';
  for (let i = 0; i < turns * frames.length; i += 1) {
    kept += rate.keeps(frames[i % frames.length] ?? SOURCE, micros((i * 1e6) / fps)) ? '1' : '.';
  }
  return { kept: kept.slice(-frames.length), fps: rate.fps };
}

describe('the frames that are left at the rate of the source', () => {
  it.each([
    ['at twice its rate are its own', [SOURCE, synthetic(0.5)], 60, '1.', 30],
    ['at four times, too', [SOURCE, synthetic(0.25), synthetic(0.5), synthetic(0.75)], 30, '1...', 7.5],
    ['where nothing is delayed, too', [SOURCE, synthetic(1.25), synthetic(1.5)], 60, '1..', 20],
    ['where pairs are held, too', [SOURCE, repeated(0.5)], 60, '1.', 30],
    ['of the source variant are all', [SOURCE], 30, '1', 30],
  ] as const)('%s', (_, frames, fps, kept, found) => {
    const result = run(frames, fps);
    expect(result.kept).toBe(kept);
    expect(result.fps).toBeCloseTo(found, 0);
  });

  it('on another grid are as many as the source has', () => {
    const grid = Array.from({ length: 12 }, (_, i) => ((i * 25) / 60) % 1).map((t) =>
      t === 0 ? SOURCE : synthetic(t),
    );
    const { kept, fps } = run(grid, 60);
    expect([...kept].filter((one) => one === '1')).toHaveLength(5);
    expect(fps).toBeCloseTo(25, 0);
  });

  it('go on while the source is silent', () => {
    const silence: Provenance = { kind: 'repeated', t: 0, reason: 'silence' };
    expect(run([silence], 1).kept).toBe('1');
  });
});

import { describe, expect, it } from 'vitest';
import { StallDetector } from '../../../../src/web/player/stall.js';
import { seededRandom } from '../../../support/random.ts';

interface Sample {
  readonly packets?: number;
  readonly frames?: number;
  readonly expected?: boolean;
}

/** Seconds at which a detector, asked once a second, calls the connection stuck. */
function stuckAt(seconds: number, sample: (second: number) => Sample, restartOnStuck = true): number[] {
  const detector = new StallDetector();
  const found: number[] = [];
  for (let second = 0; second < seconds; second += 1) {
    const { packets, frames, expected = true } = sample(second);
    if (!detector.isStuck(1000 * second, { packets, frames }, expected)) continue;
    found.push(second);
    if (restartOnStuck) detector.restart();
  }
  return found;
}

describe('a connection is not stuck', () => {
  it('while frames are decoded, be they ever so few', () => {
    expect(stuckAt(600, (second) => ({ packets: second, frames: Math.floor(second / 7) }))).toEqual([]);
  });

  it('while nobody can see it, however long that is', () => {
    expect(stuckAt(3600, () => ({ packets: 100, frames: 20, expected: false }))).toEqual([]);
  });

  it('where the browser counts nothing', () => {
    expect(stuckAt(3600, () => ({}))).toEqual([]);
  });

  it('for the time before it was looked at again, or while the page slept', () => {
    const detector = new StallDetector();
    const received = { packets: 100, frames: 20 };
    expect(detector.isStuck(0, received, true)).toBe(false);
    // A tab that is frozen for an hour, and one whose timers come once a minute.
    expect(detector.isStuck(3_600_000, received, true)).toBe(false);
    for (let i = 1; i < 20; i += 1) expect(detector.isStuck(3_600_000 + 60_000 * i, received, true)).toBe(false);
    detector.isStuck(4_900_000, received, false);
    for (let i = 0; i < 8; i += 1) expect(detector.isStuck(5_000_000 + 1000 * i, received, true)).toBe(false);
  });

  it('whatever comes and goes, as long as a frame is decoded every seven seconds that it is watched', () => {
    const random = seededRandom(11);
    for (let run = 0; run < 50; run += 1) {
      let frames = 0;
      let sinceFrame = 0;
      let expected = true;
      const found = stuckAt(400, (second) => {
        if (random() < 0.02) expected = !expected;
        sinceFrame += 1;
        if (expected && (sinceFrame >= 7 || random() < 0.3)) {
          frames += 1 + Math.floor(3 * random());
          sinceFrame = 0;
        }
        return { packets: second, frames, expected };
      });
      expect(found, `run ${run}`).toEqual([]);
    }
  });
});

describe('a connection is stuck', () => {
  it('when nothing arrives for eight seconds, or nothing of it can be decoded', () => {
    expect(stuckAt(10, () => ({ packets: 100, frames: 20 }))).toEqual([8]);
    expect(stuckAt(10, (second) => ({ packets: 100 * second, frames: 20 }))).toEqual([8]);
    expect(stuckAt(10, () => ({ packets: 100 }))).toEqual([8]);
  });

  it('again only after twice the time, at most 64 s: every new connection costs all viewers a keyframe', () => {
    const times = stuckAt(340, () => ({ packets: 0, frames: 0 }));
    expect(times.map((time, i) => time - (times[i - 1] ?? -1) - 1)).toEqual([8, 16, 32, 64, 64, 64, 64]);
  });

  it('no sooner where every new connection decodes its first keyframe, and nothing more', () => {
    let connectedAt = 0;
    const detector = new StallDetector();
    const times: number[] = [];
    for (let second = 0; second < 130; second += 1) {
      const frames = second > connectedAt ? 1 : 0;
      if (!detector.isStuck(1000 * second, { packets: second, frames }, true)) continue;
      times.push(second - connectedAt);
      detector.restart();
      connectedAt = second + 1;
    }
    expect(times).toEqual([9, 17, 33, 65]);
  });

  it('and soon again once it has played in between', () => {
    const frames = (second: number): number => (second < 20 ? 0 : Math.min(second, 40));
    expect(stuckAt(50, (second) => ({ packets: second, frames: frames(second) }))).toEqual([8, 48]);
  });
});

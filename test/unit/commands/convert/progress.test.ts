import { describe, expect, it } from 'vitest';
import { ProgressReport, progressOf } from '../../../../src/commands/convert/progress.ts';
import type { VideoFileInfo } from '../../../../src/ingest/file/info.ts';
import { fromMs, ManualClock, micros } from '../../../../src/time.ts';

const info: VideoFileInfo = {
  ...{ width: 160, height: 96, codec: 'h264', container: 'matroska,webm', rotation: 0, bytes: 1000 },
  tick: { num: 1, den: 1000 },
  fps: { num: 24_000, den: 1001 },
  frames: undefined,
  duration: undefined,
};

describe('progressOf', () => {
  it('takes the total from the frames that a container declares', () => {
    const video = { info: { ...info, frames: 100 }, share: 0.9 };
    expect(progressOf(video, 25, 50, 5)).toEqual({ done: 25, total: 100, fps: 10, etaSeconds: 15 });
  });

  it('else from its length and rate, as of Matroska', () => {
    const video = { info: { ...info, duration: micros(100_100_000) }, share: 0.9 };
    expect(progressOf(video, 1200, 2400, 10)).toMatchObject({ total: 2400, etaSeconds: 10 });
  });

  it('else, and where they promised too few, from the share of the file that was read', () => {
    expect(progressOf({ info, share: 0.25 }, 50, 100, 10)).toMatchObject({ total: 200, etaSeconds: 30 });
    expect(progressOf({ info: { ...info, frames: 10 }, share: 0.5 }, 50, 100, 10)).toMatchObject({ total: 100 });
  });

  it('and knows none at the beginning of a file that tells nothing', () => {
    expect(progressOf({ info, share: 0.001 }, 5, 10, 1)).toMatchObject({ total: undefined, etaSeconds: undefined });
  });

  it('the total is never less than what is done', () => {
    expect(progressOf({ info: { ...info, frames: 10 }, share: 1 }, 12, 24, 1)).toMatchObject({
      total: 12,
      etaSeconds: 0,
    });
  });
});

describe('ProgressReport', () => {
  it('tells programs once a second, and the result at the end, a line of JSON each', () => {
    const clock = new ManualClock();
    const lines: string[] = [];
    const line = (text: string): void => void lines.push(text);
    const report = new ProgressReport({ form: 'lines', line, stream: process.stderr, now: () => clock.now() });
    for (let done = 1; done <= 30; done += 1) {
      clock.advance(fromMs(100));
      report.update({ done, total: done < 15 ? undefined : 40, fps: 19.96, etaSeconds: done < 15 ? undefined : 4.4 });
    }
    report.result({ outputFrames: 60 });
    expect(lines.map((text) => JSON.parse(text))).toEqual([
      { type: 'progress', done: 10, total: null, fps: 20, etaSeconds: null },
      { type: 'progress', done: 20, total: 40, fps: 20, etaSeconds: 4 },
      { type: 'progress', done: 30, total: 40, fps: 20, etaSeconds: 4 },
      { type: 'result', outputFrames: 60 },
    ]);
  });

  it('says nothing where nothing was asked for', () => {
    const line = (): void => expect.unreachable();
    const report = new ProgressReport({ form: 'none', line, stream: process.stderr, now: () => micros(0) });
    report.update({ done: 1, total: 2, fps: 1, etaSeconds: 1 });
    report.result({});
  });
});

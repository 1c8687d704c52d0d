import { describe, expect, it } from 'vitest';
import type { SourceInfo } from '../../../src/ingest/source.ts';
import { describeLag, describeTiming } from '../../../src/stream/timing.ts';
import { fromMs } from '../../../src/time.ts';

const INFO: SourceInfo = { codec: 'h264', width: 640, height: 360, fps: 25, transport: 'rtsp/tcp' };
const told = (info: Partial<SourceInfo>): string[] =>
  describeTiming({ ...INFO, ...info }, fromMs(40)).map(({ text }) => text);

describe('describeTiming', () => {
  it('is silent where there is nothing to tell', () => {
    expect(describeTiming(undefined, fromMs(40))).toEqual([]);
    expect(told({})).toEqual([]);
    expect(told({ clock: { kind: 'speed', speed: 1.001 } })).toEqual([]);
  });

  it.each([
    [{ waits: { reordered: 2, unmarked: 0 } }, 'this camera reorders 2 frames: +80 ms'],
    [{ waits: { reordered: 1, unmarked: 0 } }, 'this camera reorders 1 frame: +40 ms'],
    [
      { waits: { reordered: 0, unmarked: 1 } },
      'this camera does not mark where a frame ends, the next one tells: +40 ms',
    ],
    [
      { clock: { kind: 'speed', speed: 0.98 } },
      "this camera's clock runs 2.0 % too slow: its frames are placed by their arrival",
    ],
    [
      { clock: { kind: 'speed', speed: 1.19 } },
      "this camera's clock runs 19 % too fast: its frames are placed by their arrival",
    ],
    [
      { clock: { kind: 'speed', speed: 10.5 } },
      "this camera's clock runs 10.5 times too fast: its frames are placed by their arrival",
    ],
    [{ clock: { kind: 'none' } }, 'its frames have no usable timestamps and are placed by their arrival'],
  ] as const)('%j', (info, text) => expect(told(info)).toEqual([text]));
});

describe('describeLag', () => {
  it('doubts a source of ffmpeg whose frames come much slower than they are stamped, and no camera of ours', () => {
    const slow = { ...INFO, clock: { kind: 'speed', speed: 0.32 } } as const;
    expect(describeLag({ ...slow, transport: 'ffmpeg' })).toContain('frames come at 32 % of the rate');
    expect(describeLag(slow)).toBeUndefined();
    const file = { ...slow, transport: 'file' };
    expect(describeLag(file)).toBe(
      'frames come at 32 % of the rate they are stamped with: this machine cannot decode them in time',
    );
    expect(describeTiming(file, fromMs(40))).toEqual([]);
    expect(describeLag({ ...INFO, transport: 'ffmpeg', clock: { kind: 'speed', speed: 0.95 } })).toBeUndefined();
  });
});

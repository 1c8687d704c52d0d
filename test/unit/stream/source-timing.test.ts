import { expect, it } from 'vitest';
import type { SourceInfo } from '../../../src/ingest/source.ts';
import { SILENT_LOG } from '../../../src/log.ts';
import { SourceTiming } from '../../../src/stream/source-timing.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';
import { EventLog } from '../../support/frames.ts';

const INFO: SourceInfo = {
  ...{ codec: 'h264', width: 64, height: 64, fps: 25, transport: 'rtsp/tcp' },
  waits: { reordered: 2, unmarked: 0 },
};

function rig() {
  const clock = new ManualClock(fromMs(0));
  const events = new EventLog();
  const said: string[] = [];
  const say = (_fields: unknown, text: string): void => void said.push(text);
  const log = { ...SILENT_LOG, info: say, warn: say };
  const interval = () => fromMs(40);
  const timing = new SourceTiming({ stream: 's', clock, events, log, info: () => INFO, interval });
  return { clock, events, said, timing };
}

it('tells the metrics each time, and the log of each cause once', () => {
  const { events, said, timing } = rig();
  timing.tell();
  timing.tell();
  const told = { type: 'source-timing', stream: 's', speed: 1, reordered: fromMs(80), unmarked: 0 };
  expect(events.events).toEqual([told, told]);
  expect(said).toEqual(['this camera reorders 2 frames: +80 ms']);
});

it('tells a cut of the latency for ten seconds', () => {
  const { clock, said, timing } = rig();
  timing.cut(fromMs(900));
  expect(said).toEqual(['the latency had grown to 900 ms and was cut: frames were dropped']);
  clock.advance(fromMs(10_000));
  timing.tell();
  expect(timing.notes.map(({ cause }) => cause)).toEqual(['reordered', 'latency-cut']);
  expect(timing.lastCut).toMatch(/900 ms/);
  clock.advance(fromMs(1));
  timing.tell();
  expect(timing.notes.map(({ cause }) => cause)).toEqual(['reordered']);
  expect(timing.lastCut).toBeUndefined();
});

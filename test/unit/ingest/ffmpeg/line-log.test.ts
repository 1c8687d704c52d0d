import { expect, test } from 'vitest';
import { LineLog } from '../../../../src/ingest/ffmpeg/line-log.ts';
import { SourceLog } from '../../../../src/ingest/source-log.ts';
import { fromMs, ManualClock } from '../../../../src/time.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';

test('a flood is bounded, and what was skipped is counted', () => {
  const log = new RecordedLog('debug');
  const clock = new ManualClock();
  const lines = new LineLog(new SourceLog({ stream: 's', log }), clock);
  for (let i = 0; i < 1000; i += 1) lines.line(`[error] packet ${i} is corrupt`);
  expect(log.lines).toHaveLength(200);
  clock.advance(fromMs(100));
  lines.line('[info] the next one');
  expect(log.lines.at(-1)).toMatchObject({ stream: 's', line: '[info] the next one', skipped: 800 });
  lines.line('[info] and the next');
  expect(log.lines.at(-1).skipped).toBeUndefined();
});

test('queries of URLs are not shown', () => {
  const log = new RecordedLog('debug');
  const url = 'srt://user:pw12@host:9000?streamid=publish:me:open';
  const lines = new LineLog(new SourceLog({ stream: 's', log, url }), new ManualClock());
  lines.line(`[info] Input #0, mpegts, from '${url}':`);
  lines.line(`[info] Opening '${url}' for reading`);
  expect(log.lines.map(({ line }) => line)).toEqual([
    "[info] Input #0, mpegts, from 'srt://***@host:9000:",
    "[info] Opening 'srt://***@host:9000 for reading",
  ]);
});

import { expect, test } from 'vitest';
import { explainDrops } from '../../../src/ingest/drop-log.ts';
import { SourceLog } from '../../../src/ingest/source-log.ts';
import type { MetricEvent } from '../../../src/metrics/events.ts';
import { RecordedLog } from '../../support/recorded-log.ts';

const drop = (reason: 'corrupt' | 'late'): MetricEvent => ({ type: 'drop', stream: 's', stage: 'decode', reason });

test('each new reason is told once; every event goes on', () => {
  const log = new RecordedLog('debug');
  const seen: MetricEvent[] = [];
  const sink = explainDrops({ emit: (event) => seen.push(event) }, new SourceLog({ stream: 's', log }));
  const events = [drop('corrupt'), drop('corrupt'), drop('late'), drop('corrupt')];
  for (const event of events) sink.emit(event);
  sink.emit({ type: 'ingest-loss', stream: 's', packets: 7 });
  sink.emit({ type: 'ingest-loss', stream: 's', packets: 1 });
  expect(seen).toHaveLength(6);
  expect(log.lines.map(({ stage, reason, packets, message }) => [stage, reason ?? packets, message])).toEqual([
    ['decode', 'corrupt', 'frames are dropped: bytes are missing or malformed'],
    ['decode', 'late', 'frames are dropped: its time is not later than that of the frame before'],
    [undefined, 7, 'packets are lost on the way'],
  ]);
});

test('below debug nothing stands in the way of events', () => {
  const events = { emit: () => {} };
  expect(explainDrops(events, new SourceLog({ stream: 's', log: new RecordedLog('info') }))).toBe(events);
});

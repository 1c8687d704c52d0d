import { expect, test } from 'vitest';
import { ReceptionTrace } from '../../../../src/ingest/rtp/reception-trace.ts';
import { SourceLog } from '../../../../src/ingest/source-log.ts';
import { ZERO } from '../../../../src/time.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';
import { rtpPacket } from '../../../support/rtp.ts';

test('every 500th packet and every 100th access unit is told', () => {
  const log = new RecordedLog('trace');
  const trace = new ReceptionTrace(new SourceLog({ stream: 's', log }));
  const unit = { data: new Uint8Array(9), pts: ZERO, arrival: ZERO, capture: ZERO, discontinuity: false };
  for (let i = 0; i < 1001; i += 1) trace.packet(rtpPacket({ sequence: 60_000 + i, timestamp: i }), i >> 4);
  for (let i = 0; i < 101; i += 1) trace.unit({ ...unit, keyframe: i === 0 });
  expect(log.lines.map(({ message, packets, units }) => [message, packets ?? units])).toEqual([
    ['RTP packet', 0],
    ['RTP packet', 500],
    ['RTP packet', 1000],
    ['access unit', 0],
    ['access unit', 100],
  ]);
  expect(log.lines[1]).toMatchObject({
    ...{ level: 'trace', stream: 's', seq: 60_500, ts: 500, bytes: 3, lost: 31 },
  });
});

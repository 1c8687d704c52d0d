import { describe, expect, it } from 'vitest';
import { fromMs, ManualClock } from '../../../src/time.ts';
import { ConnectionLog } from '../../../src/webrtc/connection-log.ts';
import { RecordedLog } from '../../support/recorded-log.ts';
import { Told } from '../../support/told.ts';

const PAIR = { protocol: 'udp', local: '192.0.2.1 8189', remote: '198.51.100.7 50000' };
const PATH = {
  protocol: 'udp',
  local: { address: '192.0.2.1', port: 8189 },
  remote: { address: '198.51.100.7', port: 50_000 },
} as const;

class Rig {
  readonly clock = new ManualClock();
  readonly log: RecordedLog;
  readonly dtls = new Told<string>();
  readonly rtcp = new Told<{ type: number; feedback?: { count: number } }>();
  readonly connection: ConnectionLog;

  constructor(level: 'trace' | 'debug' | 'info') {
    this.log = new RecordedLog(level);
    this.connection = new ConnectionLog(this.log, 'abcd', this.clock);
    this.connection.follow({ onStateChange: this.dtls, onRtcp: this.rtcp });
  }
}

describe('ConnectionLog', () => {
  it('says when DTLS changed its state, and over which candidates it runs', () => {
    const rig = new Rig('debug');
    rig.connection.gathered(['ours'], 2);
    rig.clock.advance(fromMs(30));
    rig.connection.selected(PATH);
    rig.clock.advance(fromMs(25));
    rig.dtls.tell('connected');
    rig.rtcp.tell({ type: 201 });
    const line = { level: 'debug', peer: 'abcd' };
    expect(rig.log.lines).toEqual([
      { ...line, message: 'candidates gathered', afterMs: 0, own: ['ours'], remote: 2 },
      { ...line, message: 'candidate pair chosen', afterMs: 30, ...PAIR },
      { ...line, message: 'DTLS', afterMs: 55, state: 'connected' },
    ]);
  });

  it('samples RTCP at trace: a line a second for each kind, with the count of those left out', () => {
    const rig = new Rig('trace');
    for (let i = 0; i < 30; i += 1) {
      rig.rtcp.tell({ type: 205, feedback: { count: 15 } });
      rig.connection.rtcp('sent', 'NACK', { lost: [i] });
      rig.clock.advance(fromMs(50));
    }
    rig.rtcp.tell({ type: 206, feedback: { count: 1 } });
    rig.rtcp.tell({ type: 299 });
    expect(rig.log.lines.map(({ message, kind, unwritten, lost }) => [message, kind, unwritten, lost])).toEqual([
      ['RTCP received', 'transport-cc', 0, undefined],
      ['RTCP sent', 'NACK', 0, [0]],
      ['RTCP received', 'transport-cc', 19, undefined],
      ['RTCP sent', 'NACK', 19, [20]],
      ['RTCP received', 'PLI', 0, undefined],
      ['RTCP received', '299', 0, undefined],
    ]);
  });

  it('writes nothing where neither is wanted', () => {
    const rig = new Rig('info');
    rig.connection.selected(PATH);
    rig.dtls.tell('connected');
    rig.rtcp.tell({ type: 201 });
    rig.connection.rtcp('sent', 'PLI');
    expect(rig.log.lines).toEqual([]);
  });
});

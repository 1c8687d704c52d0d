import { describe, expect, it } from 'vitest';
import {
  middleNtp,
  ntpTimestamp,
  playoutDelay,
  roundTrip,
  rtpTimestamp,
  writeAbsSendTime,
} from '../../../../src/egress/rtp/time.ts';
import { fromMs, micros } from '../../../../src/time.ts';

describe('RTP times', () => {
  it('counts 90 kHz ticks and wraps', () => {
    expect(rtpTimestamp(0, fromMs(1000))).toBe(90_000);
    expect(rtpTimestamp(2 ** 32 - 45_000, fromMs(1000))).toBe(45_000);
    const first = rtpTimestamp(0, micros(1e12));
    expect(rtpTimestamp(0, micros(1e12 + 16_667)) - first).toBe(1500);
  });

  it('writes NTP seconds since 1900 and a binary fraction', () => {
    expect(ntpTimestamp(micros(0))).toBe(2_208_988_800n << 32n);
    expect(ntpTimestamp(micros(1_500_000)) & 0xffff_ffffn).toBe(0x8000_0000n);
  });

  it('computes the round trip from LSR and DLSR', () => {
    const sent = micros(1.7e15);
    const received = micros(1.7e15 + 130_000);
    const delay = Math.round(0.1 * 65_536);
    expect(roundTrip(received, middleNtp(sent), delay)).toBeCloseTo(30_000, -2);
    expect(roundTrip(received, 0, 0)).toBeUndefined();
    expect(roundTrip(sent, middleNtp(received), 0)).toBe(0);
  });

  it('writes abs-send-time as 6.18 seconds', () => {
    const data = Buffer.alloc(3);
    writeAbsSendTime(data, micros(65_500_000));
    expect(data.readUIntBE(0, 3)).toBe(1.5 * 2 ** 18);
  });

  it('writes playout-delay in 10 ms', () => {
    expect([...playoutDelay(fromMs(0))]).toEqual([0, 0, 0]);
    expect([...playoutDelay(fromMs(50))]).toEqual([0, 0, 5]);
    expect([...playoutDelay(fromMs(1e6))]).toEqual([0, 0x0f, 0xff]);
  });
});

import { expect, it } from 'vitest';
import { parseRtp } from '../../../../src/ingest/rtp/packet.ts';
import { parseRtcp } from '../../../../src/ingest/rtp/rtcp.ts';
import { Track } from '../../../../src/server/rtsp/track.ts';
import { fromMs, micros } from '../../../../src/time.ts';

it('numbers packets, and its reports tell their time by the wall clock', () => {
  const track = new Track(97, 48_000);
  const at = fromMs(1_000_000_000);
  const packets = [0, 960, 1920].map((ticks) => {
    const bytes = track.packet(Uint8Array.of(1, 2, 3), track.ticks(at) + ticks, ticks === 0, 7);
    return parseRtp(bytes, at);
  });
  const [first, second, third] = packets;
  expect(packets.map((packet) => packet?.marker)).toEqual([true, false, false]);
  expect(((second?.sequence ?? 0) - (first?.sequence ?? 0)) & 0xffff).toBe(1);
  expect(((third?.timestamp ?? 0) - (first?.timestamp ?? 0)) >>> 0).toBe(1920);
  expect([first?.payloadType, first?.ssrc, [...(first?.payload ?? [])]]).toEqual([97, track.ssrc, [1, 2, 3]]);
  const wall = micros(1.7e15);
  for (const cname of ['a', 'ab', 'abc', 'abcd', 'x'.repeat(300)]) {
    const report = track.report(wall, at, cname);
    expect(report.length % 4).toBe(0);
    const [sender] = parseRtcp(report);
    // The sound of now has the timestamp of now, and what it runs ahead.
    expect(sender).toMatchObject({ unix: wall, ssrc: track.ssrc, timestamp: ((first?.timestamp ?? 0) + 7) >>> 0 });
    expect(report.readUInt32BE(20)).toBe(3);
    expect(report.readUInt32BE(24)).toBe(9);
  }
});

/** What a hostile sender's access units cost: bytes held, and time for one packet. */
import { expect, test } from 'vitest';
import { createDepacketizer } from '../../../../src/ingest/rtp/codecs.ts';
import type { RtpAccessUnit } from '../../../../src/ingest/rtp/depacketizer.ts';
import type { VideoCodec } from '../../../../src/media/access-unit.ts';
import { heldBytes } from '../../../support/fuzz.ts';
import { rtpPacket } from '../../../support/rtp.ts';
import { fastestMs } from '../../../support/timing.ts';

const ENDLESS = 200_000;
/** An interleaved packet holds no more. */
const LARGEST = 65_535 - 12;

/** How a unit begins, what may follow for ever, and a whole keyframe. */
const UNITS: Readonly<Record<VideoCodec, readonly [first: number[], more: number[], keyframe: number[]]>> = {
  h264: [
    [0x7c, 0x85, 0x80],
    [0x7c, 0x05, 1],
    [0x65, 0x80, 1],
  ],
  hevc: [
    [0x62, 1, 0x93, 0x80],
    [0x62, 1, 0x13, 1],
    [0x26, 1, 0x80, 1],
  ],
  vp8: [
    [0x10, 0, 1],
    [0x00, 1],
    [0x10, 0, 1],
  ],
  vp9: [
    [0x08, 0x82, 1],
    [0x00, 1],
    [0x08, 0x82, 1],
  ],
  av1: [
    [0x18, 2, 0x0a, 1, 0x30],
    [0x10, 0x28],
    [0x28, 2, 0x08, 1, 0x30, 0x10],
  ],
};

test.each(Object.keys(UNITS) as (keyof typeof UNITS)[])(
  '%s: an endless access unit of tiny packets is let go',
  (codec) => {
    const [first, more, keyframe] = UNITS[codec];
    const units: RtpAccessUnit[] = [];
    const depacketizer = createDepacketizer(codec, (unit) => units.push(unit));
    let sequence = 0;
    // Each packet in bytes of its own, of which the payload is a part: as they come from a socket.
    const push = (payload: number[], timestamp: number, marker = false) => {
      const bytes = new Uint8Array(200);
      bytes.set(payload);
      const view = bytes.subarray(0, payload.length);
      depacketizer.push(rtpPacket({ sequence: sequence++ & 0xffff, timestamp, marker, payload: view }), 0);
    };
    push(first, 0);
    const before = heldBytes();
    for (let i = 0; i < ENDLESS; i += 1) push(more, 0);
    expect(heldBytes() - before).toBeLessThan(20e6);
    push(keyframe, 3000, true);
    expect(units.at(-1)).toMatchObject({ timestamp: 3000, damaged: false, keyframe: true });
    expect(units.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(20e6);
  },
);

test.each([
  ['H.264, an aggregate of empty NAL units', 'h264', [0x78], [0]],
  ['H.264, an aggregate of tiny NAL units', 'h264', [0x78], [0, 2, 0x67, 1]],
  ['H.265, an aggregate of tiny NAL units', 'hevc', [0x60, 1], [0, 3, 0x42, 1, 1]],
  ['H.264, one SEI of empty messages', 'h264', [0x06], [0]],
  ['H.265, one SEI of sizes', 'hevc', [0x4e, 1], [255]],
  ['AV1, empty elements', 'av1', [0x00], [0]],
  ['AV1, tiny elements', 'av1', [0x00], [1, 0x0a]],
  ['AV1, sizes', 'av1', [0x00], [0x80]],
  ['VP8, an extended descriptor', 'vp8', [], [0xff]],
  ['VP9, a scalability structure', 'vp9', [], [0xff]],
] as const)('%s: the largest packet takes no time', (_, codec, head, repeated) => {
  const payload = new Uint8Array(LARGEST).map(
    (_byte, at) => head[at] ?? repeated[(at - head.length) % repeated.length] ?? 0,
  );
  const depacketizer = createDepacketizer(codec, () => {});
  let timestamp = 0;
  const ms = fastestMs(() => {
    timestamp += 3000;
    depacketizer.push(rtpPacket({ sequence: 0, timestamp, marker: true, payload }), 0);
  });
  expect(ms).toBeLessThan(20);
});

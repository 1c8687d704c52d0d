import { expect, test } from 'vitest';
import { findVideo } from '../../../../src/ingest/rtsp/sdp.ts';
import { fastestMs } from '../../../support/timing.ts';

const H264 = `v=0
o=- 1 1 IN IP4 0.0.0.0
s=Session
t=0 0
a=control:*
m=audio 0 RTP/AVP 0
a=control:trackID=0
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=framerate:29.97
a=fmtp:96 packetization-mode=1;profile-level-id=42E01E;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==
a=control:trackID=1
m=video 0 RTP/AVP 97
a=rtpmap:97 H265/90000
a=control:trackID=2
`;

test('the first video track with its parameter sets behind start codes', () => {
  const track = findVideo(H264.replaceAll('\n', '\r\n'));
  expect(track).toMatchObject({
    codec: 'h264',
    payloadType: 96,
    clockRate: 90_000,
    control: 'trackID=1',
    sessionControl: '*',
    fps: 29.97,
  });
  const hex = Buffer.from(track.extradata).toString('hex');
  expect(hex.startsWith('0000000167')).toBe(true);
  expect(hex).toContain('0000000168cb8cb2');
});

test('H.265 with VPS, SPS and PPS apart, in any case and order, padding included', () => {
  const track = findVideo(
    'm=video 0 RTP/AVP 98\na=rtpmap:98 h265/90000\na=fmtp:98 sprop-pps=RAHA; sprop-sps=QgEB; sprop-vps="QAEM"\n',
  );
  expect(track.codec).toBe('hevc');
  expect(Buffer.from(track.extradata).toString('hex')).toBe('0000000140010c000000014201010000000144' + '01c0');
});

test('a track without fmtp, control and frame rate is taken', () => {
  const track = findVideo('m=video 5000 RTP/AVP 96\na=rtpmap:96 H264/90000\n');
  expect(track).toMatchObject({ codec: 'h264', control: undefined, sessionControl: undefined, fps: undefined });
  expect(track.extradata).toHaveLength(0);
});

test('of several formats of one track, the first that can be decoded', () => {
  const track = findVideo('m=video 0 RTP/AVP 26 96\na=rtpmap:96 H264/90000\n');
  expect(track.payloadType).toBe(96);
});

test.each([
  ['m=video 0 RTP/AVP 26\n', 'JPEG'],
  ['m=video 0 RTP/AVP 96\na=rtpmap:96 MP4V-ES/90000\n', 'MP4V-ES'],
  ['m=video 0 RTP/AVP 96\n', 'payload type 96'],
  ['m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=2\n', 'interleaved'],
  ['m=video 0 RTP/AVP\n', 'no format'],
])('%j is unsupported and says what it is and how to read it', (sdp, named) => {
  expect(() => findVideo(sdp)).toThrow(
    expect.objectContaining({
      code: 'source.unsupported-codec',
      message: expect.stringContaining(named),
      remedy: expect.stringContaining('?ingest=ffmpeg'),
    }),
  );
});

test.each([
  ['m=audio 0 RTP/AVP 0\n', 'audio'],
  ['', 'nothing'],
])('%j has no video', (sdp, named) => {
  expect(() => findVideo(sdp)).toThrow(
    expect.objectContaining({ code: 'source.no-video', message: expect.stringContaining(named) }),
  );
});

test.each(['abc', '128', '999', '1.5', '-1', '0x60'])('payload type %s is none', (id) => {
  expect(() => findVideo(`m=video 0 RTP/AVP ${id}\na=rtpmap:${id} H264/90000\n`)).toThrow(
    expect.objectContaining({ code: 'source.unsupported-codec' }),
  );
});

test.each([
  ['0', 90_000],
  ['1', 90_000],
  ['999999999', 90_000],
  ['1000', 1000],
])('a clock of %s Hz is taken as %i', (written, rate) => {
  expect(findVideo(`m=video 0 RTP/AVP 96\na=rtpmap:96 H264/${written}\n`).clockRate).toBe(rate);
});

test.each([
  ['many', 'Z0I,'.repeat(65)],
  ['many with empty ones', ','.repeat(5000)],
])('too many parameter sets are none: %s', (_, sets) => {
  const track = findVideo(`m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=${sets}\n`);
  expect(track.extradata).toHaveLength(0);
});

test('what a server writes is repeated in short', () => {
  const names = [
    `m=video 0 RTP/AVP 96\na=rtpmap:96 ${'x'.repeat(8000)}/90000\n`,
    `m=${'x'.repeat(8000)} 0 RTP/AVP 96\n`.repeat(16),
  ];
  for (const sdp of names) {
    expect(() => findVideo(sdp)).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{10,300}$/s) }));
  }
});

test.each([
  ['fmtp lines', 'a=fmtp:96 sprop-parameter-sets=Z0I=;a=1;b=2;c=3\n'],
  ['parameters', `a=fmtp:96 ${'a=1;'.repeat(2000)}\n`],
  ['rtpmap lines', 'a=rtpmap:96 H264/90000\n'],
  ['blanks', `a=fmtp:96 ${' '.repeat(8000)}x\n`],
  ['media sections', 'm=video 0 RTP/AVP 96\n'],
  ['formats', `m=video 0 RTP/AVP ${'96 '.repeat(2600)}\n`],
  ['different formats', `m=video 0 RTP/AVP ${Array.from({ length: 1500 }, (_, id) => id + 128).join(' ')}\n`],
  ['sets', `a=fmtp:96 sprop-parameter-sets=${'Z0I,'.repeat(2000)}\n`],
])('1 MiB of %s takes no time', (_, line) => {
  const sdp = `v=0\nm=video 0 RTP/AVP 96\n${line.repeat(Math.ceil((1 << 20) / line.length))}`;
  const read = () => {
    try {
      findVideo(sdp);
    } catch (error) {
      expect(error).toMatchObject({ code: 'source.unsupported-codec' });
    }
  };
  expect(fastestMs(read)).toBeLessThan(20);
});

import { expect, test } from 'vitest';
import { findVideo } from '../../../../src/ingest/rtsp/sdp.ts';

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

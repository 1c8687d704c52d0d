import { expect, it } from 'vitest';
import { parameterSetsOf } from '../../../../src/egress/codec/parameter-sets.ts';
import { findVideo } from '../../../../src/ingest/rtsp/sdp.ts';
import { parseSdp } from '../../../../src/media/sdp.ts';
import { describeSession } from '../../../../src/server/rtsp/description.ts';
import { h264Clip } from '../../../support/h264-clip.ts';

it.each([
  ['opus', 'a=rtpmap:97 opus/48000/2'],
  ['pcma', 'm=audio 0 RTP/AVP 8'],
  [undefined, undefined],
] as const)('describes the picture and sound of %s so that our own client reads it', (sound, line) => {
  const sets = parameterSetsOf(Buffer.from(h264Clip(1)[0] ?? []));
  if (!sets) throw new Error('no parameter sets');
  const text = describeSession({ name: 'cam', sets, sound }, 5);
  const { problem, sections } = parseSdp(text);
  expect(problem).toBeUndefined();
  expect(sections.map(({ kind }) => kind)).toEqual(sound === undefined ? ['video'] : ['video', 'audio']);
  expect(findVideo(text)).toMatchObject({ codec: 'h264', payloadType: 96, control: 'trackID=0' });
  expect(Buffer.from(findVideo(text).extradata).equals(sets.annexB)).toBe(true);
  if (line !== undefined) expect(text.split('\r\n')).toContain(line);
});

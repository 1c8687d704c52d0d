import { describe, expect, it } from 'vitest';
import { findSound } from '../../../../src/ingest/audio/track.ts';

const described = (...audio: string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 0', 's=-', 't=0 0', 'm=video 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000', ...audio].join('\r\n');

const AAC =
  'a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1210';

const taken = (...audio: string[]): object => {
  const found = findSound(described(...audio));
  if (!found || !('track' in found)) throw new Error(JSON.stringify(found));
  const { codec, sent, payloadType, clockRate, channels, control } = found.track;
  return { codec, sent, payloadType, clockRate, channels, control };
};

const untaken = (...audio: string[]): string => {
  const found = findSound(described(...audio));
  return found && 'untaken' in found ? found.untaken : 'taken';
};

describe('findSound', () => {
  it('finds none where there is none', () => expect(findSound(described())).toBeUndefined());

  it.each([
    [['m=audio 0 RTP/AVP 0', 'a=control:2'], { codec: 'pcm_mulaw', sent: 'pcmu', payloadType: 0, clockRate: 8000 }],
    [['m=audio 0 RTP/AVP 8'], { codec: 'pcm_alaw', sent: 'pcma', payloadType: 8, clockRate: 8000 }],
    [['m=audio 0 RTP/AVP 99', 'a=rtpmap:99 pcma/8000'], { sent: 'pcma', payloadType: 99, channels: 1 }],
    [['m=audio 0 RTP/AVP 98', 'a=rtpmap:98 opus/48000/2'], { codec: 'opus', sent: 'opus', clockRate: 48_000 }],
    [['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 MPEG4-GENERIC/44100/2', AAC], { codec: 'aac', sent: 'opus', channels: 2 }],
  ])('takes %j', (lines, wanted) => expect(taken(...lines)).toMatchObject(wanted));

  it('takes the second format, or the second section, where the first is none of ours', () => {
    expect(taken('m=audio 0 RTP/AVP 100 0', 'a=rtpmap:100 G726-32/8000')).toMatchObject({ sent: 'pcmu' });
    expect(taken('m=audio 0 RTP/AVP 9', 'm=audio 0 RTP/AVP 8', 'a=control:b')).toMatchObject({ control: 'b' });
  });

  it.each([
    [['m=audio 0 RTP/AVP 9'], /G722.*Opus, PCMU, PCMA and MPEG4-GENERIC \(AAC\) are taken/],
    [['m=audio 0 RTP/AVP 99', 'a=rtpmap:99 L16/44100/2'], /L16/],
    [['m=audio 0 RTP/AVP 99', 'a=rtpmap:99 PCMU/16000'], /PCMU of 16000 Hz/],
    [['m=audio 0 RTP/AVP 99', 'a=rtpmap:99 PCMU/8000/2'], /2 channels/],
    [['m=audio 0 RTP/AVP 77'], /payload type 77 has no name/],
    [['m=audio 0 RTP/AVP 300'], /no payload type/],
    [['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 MPEG4-GENERIC/44100/2'], /mode "?none/],
    [['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 MPEG4-GENERIC/44100/2', AAC.replace('1210', '12')], /config/],
    [['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 MPEG4-GENERIC/44100/2', AAC.replace('1210', 'ff'.repeat(99))], /config/],
    [
      ['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 MPEG4-GENERIC/44100/2', AAC.replace('sizelength=13', 'sizelength=99')],
      /sizel/,
    ],
    [['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 MPEG4-GENERIC/0/2', AAC], /clock rate/],
  ])('says why %j is not taken', (lines, reason) => expect(untaken(...lines)).toMatch(reason));

  it('outlives nonsense', () => {
    for (const text of ['', 'm=audio', 'v=0\r\nm=audio 0 RTP/AVP \r\n', 'm=audio 0 x y\nm=audio']) {
      expect(() => findSound(text)).not.toThrow();
    }
  });
});

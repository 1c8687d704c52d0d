import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FrameliftError } from '../../../../src/errors.ts';
import { readPublication, soundOf, writePublicationAnswer } from '../../../../src/ingest/whip/offer.ts';

/** What Chromium 150 offers of a camera and a microphone, sendonly. */
const CHROMIUM = readFileSync(new URL('../../../fixtures/offers/chromium-whip.sdp', import.meta.url), 'utf8');

const LOCAL = {
  iceUfrag: 'abcd',
  icePwd: 'abcdefghijklmnopqrstuv',
  iceLite: true,
  fingerprint: `sha-256 ${Array(32).fill('AB').join(':')}`,
  setup: 'active',
  candidates: ['1 1 udp 2113937151 127.0.0.1 5000 typ host'],
};

/** A plain offer with one video, as simple publishers write it. */
function plain(codecs: readonly string[], change: (lines: string[]) => string[] = (lines) => lines): string {
  return `${change([
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    `m=video 9 UDP/TLS/RTP/SAVPF ${codecs.map((_, i) => 96 + i).join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendonly',
    'a=rtcp-mux',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:abcdefghijklmnopqrstuv',
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
    'a=setup:passive',
    ...codecs.map((codec, i) => `a=rtpmap:${96 + i} ${codec}/90000`),
  ]).join('\r\n')}\r\n`;
}

function refusal(offer: string): FrameliftError {
  try {
    readPublication(offer);
  } catch (error) {
    if (error instanceof FrameliftError) return error;
    throw error;
  }
  throw new Error('taken');
}

describe('readPublication', () => {
  it("takes the codec that a browser prefers, its RTX, feedback and the transport-wide number's extension", () => {
    const video = readPublication(CHROMIUM);
    expect(video).toMatchObject({ codec: 'vp8', payloadType: 96, rtxPayloadType: 97 });
    expect(video.feedback).toEqual(['nack', 'nack pli', 'transport-cc']);
    expect(video.transportCc).toBe(Number(/a=extmap:(\d+) \S*transport-wide-cc/.exec(CHROMIUM)?.[1]));
  });

  it.each([
    [['H264', 'VP8'], 'h264'],
    [['VP8', 'H264'], 'vp8'],
    [['AV1', 'VP9'], 'vp9'],
    [['AV1'], 'av1'],
    [['H265'], 'hevc'],
    [['h264'], 'h264'],
  ])('of %j takes %s', (codecs, expected) => {
    expect(readPublication(plain(codecs)).codec).toBe(expected);
  });

  it('takes a publisher without feedback, extensions and RTX', () => {
    const video = readPublication(plain(['H264']));
    expect(video).toMatchObject({ feedback: [], transportCc: undefined, rtxPayloadType: undefined });
    expect(video.remote.setup).toBe('passive');
  });

  it('refuses what it cannot take, naming it', () => {
    const error = refusal(plain(['H263', 'ulpfec', 'FFV1']));
    expect(error.code).toBe('webrtc.no-codec');
    expect(error.message).toContain('sends H263, FFV1,');
    expect(error.remedy).toContain('H.264');
  });

  it.each([
    ['a player', (line: string) => line.replace('sendonly', 'recvonly')],
    ['an inactive video', (line: string) => line.replace('sendonly', 'inactive')],
    ['no rtcp-mux', (line: string) => line.replace('rtcp-mux', 'x')],
    ['plain RTP', (line: string) => line.replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP')],
  ])('refuses %s as unacceptable', (_, change) => {
    expect(refusal(plain(['H264'], (lines) => lines.map(change))).code).toBe('webrtc.unacceptable');
  });

  it('has no codec in common with H.264 in interleaved mode alone', () => {
    const interleaved = (line: string): string =>
      line.startsWith('a=rtpmap') ? `${line}\r\na=fmtp:96 packetization-mode=2` : line;
    expect(refusal(plain(['H264'], (lines) => lines.map(interleaved))).code).toBe('webrtc.no-codec');
  });

  it('refuses two videos, and two audios', () => {
    const more = (kind: string, count: number) =>
      plain(['VP8'], (lines) => [...lines, ...Array(count).fill(`m=${kind} 9 UDP/TLS/RTP/SAVPF 111`)]);
    expect(refusal(more('video', 1)).code).toBe('webrtc.unacceptable');
    expect(refusal(more('audio', 2)).code).toBe('webrtc.unacceptable');
    expect(readPublication(more('audio', 1)).codec).toBe('vp8');
  });

  it.each(['', 'hello', '{"type":"offer"}'])('refuses %j as malformed', (offer) => {
    expect(refusal(offer).code).toBe('webrtc.bad-offer');
  });
});

describe('writePublicationAnswer', () => {
  const answer = writePublicationAnswer(readPublication(CHROMIUM), LOCAL, 1);

  it('has a section for each of the offer, video recvonly, audio idle with the candidates of both, one BUNDLE', () => {
    const sections = answer.split(/(?=^m=)/m);
    const audio = sections.find((section) => section.startsWith('m=audio')) ?? '';
    const video = sections.find((section) => section.startsWith('m=video')) ?? '';
    expect(sections).toHaveLength(CHROMIUM.split(/^m=/m).length);
    expect(audio).toMatch(/^m=audio 9 .*\r\n[\s\S]*a=inactive\r\n/);
    expect(audio).toContain('a=candidate:1 1 udp 2113937151 127.0.0.1 5000 typ host');
    expect(audio).toContain('a=end-of-candidates');
    expect(sections[0]).toMatch(/a=group:BUNDLE 0 1\r\n/);
    expect(sections[0]).toContain('a=ice-lite');
    expect(video).toMatch(/^m=video 9 UDP\/TLS\/RTP\/SAVPF 96 97\r\n/);
    for (const line of ['recvonly', 'rtcp-mux', 'rtcp-rsize', 'setup:active']) {
      expect(video).toContain(`a=${line}\r\n`);
    }
    expect(video).not.toMatch(/a=(ssrc|msid|simulcast|rid)/);
  });

  it('keeps data channels, which may carry the connection; nothing is asked of a publisher there', () => {
    const data = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:1', 'a=sctp-port:5000'];
    const offer = plain(['VP8'], (lines) => [...lines, ...data]).replace('BUNDLE 0', 'BUNDLE 0 1');
    const video = readPublication(offer);
    expect(video.remote.data).toEqual({ port: 5000, maxMessageSize: 65_536 });
    expect(writePublicationAnswer(video, LOCAL, 1)).toMatch(/a=group:BUNDLE 0 1\r\n[\s\S]*m=application 9 /);
  });

  it('refuses simulcast, so that one layer is sent', () => {
    const offer = plain(['VP8'], (lines) => [...lines, 'a=rid:h send', 'a=rid:l send', 'a=simulcast:send h;l']);
    expect(writePublicationAnswer(readPublication(offer), LOCAL, 1)).not.toMatch(/simulcast|a=rid/);
  });
});

describe('the sound of a publisher', () => {
  const sound = (offer: string): string =>
    writePublicationAnswer(readPublication(offer, true), LOCAL, 1)
      .split(/(?=^m=)/m)
      .find((section) => section.startsWith('m=audio')) ?? '';

  it('is taken in the codec that it prefers', () => {
    expect(soundOf(readPublication(CHROMIUM, true))).toEqual({ codec: 'opus', sent: 'opus' });
    expect(sound(CHROMIUM)).toMatch(
      /^m=audio 9 UDP\/TLS\/RTP\/SAVPF 111\r\n[\s\S]*a=recvonly\r\n[\s\S]*opus\/48000\/2/,
    );
  });

  it('is taken as G.711 where it has no Opus', () => {
    expect(sound(CHROMIUM.replace('opus/48000', 'xpus/48000'))).toMatch(/SAVPF 0\r\n[\s\S]*a=rtpmap:0 PCMU\/8000/);
  });

  it('is left idle where it is none of ours, or not wanted', () => {
    const none = CHROMIUM.replace('opus/48000', 'x/48000')
      .replace('PCMU/8000', 'y/8000')
      .replace('PCMA/8000', 'z/8000');
    expect(sound(none)).toContain('a=inactive');
    expect(soundOf(readPublication(none, true))).toBeUndefined();
    expect(soundOf(readPublication(CHROMIUM))).toBeUndefined();
  });
});

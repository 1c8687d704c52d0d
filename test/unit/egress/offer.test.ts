import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readOffer, soundFor, writeAnswer } from '../../../src/egress/offer.ts';
import { FrameliftError } from '../../../src/errors.ts';
import { candidateTarget } from '../../../src/webrtc/sdp-answer.ts';

/** What Chromium 150 offers for recvonly audio and video. */
const CHROMIUM = readFileSync(new URL('../../fixtures/offers/chromium-whep.sdp', import.meta.url), 'utf8');

const LOCAL = {
  iceUfrag: 'abcd',
  icePwd: 'abcdefghijklmnopqrstuv',
  iceLite: true,
  fingerprint: `sha-256 ${Array(32).fill('AB').join(':')}`,
  setup: 'active',
  candidates: ['1 1 udp 2113937151 127.0.0.1 5000 typ host'],
  ssrc: 1234,
  rtxSsrc: 5678,
  cname: 'x',
};

/** A plain offer with one video, to be bent by each test. */
function plain(change: (lines: string[]) => string[] = (lines) => lines): string {
  return `${change([
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE v',
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98',
    'c=IN IP4 0.0.0.0',
    'a=mid:v',
    'a=recvonly',
    'a=rtcp-mux',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:abcdefghijklmnopqrstuv',
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
    'a=setup:actpass',
    'a=rtpmap:96 H264/90000',
    'a=fmtp:96 packetization-mode=1;profile-level-id=640028',
    'a=rtpmap:97 H264/90000',
    'a=fmtp:97 packetization-mode=1;profile-level-id=42e01f',
    'a=rtpmap:98 rtx/90000',
    'a=fmtp:98 apt=97',
  ]).join('\r\n')}\r\n`;
}
const without = (pattern: RegExp) => plain((lines) => lines.filter((line) => !pattern.test(line)));
const replaced = (from: RegExp, to: string) => plain((lines) => lines.map((line) => line.replace(from, to)));

function codeOf(offer: string): string {
  try {
    readOffer(offer);
    return 'taken';
  } catch (error) {
    if (error instanceof FrameliftError) return error.code;
    throw error;
  }
}

describe('readOffer', () => {
  it('chooses constrained baseline with packetization mode 1, its RTX and the extensions, from a real offer', () => {
    const video = readOffer(CHROMIUM);
    expect(video.format).toContain('profile-level-id=42e01f');
    expect(video.payloadType).toBe(108);
    expect(video.rtxPayloadType).toBe(109);
    expect(video.mid).toBe('1');
    expect([...video.extensions.keys()].sort()).toEqual(['absSendTime', 'mid', 'playoutDelay', 'transportCc']);
    expect(video.feedback).toEqual(['nack', 'nack pli', 'ccm fir', 'transport-cc']);
  });

  it('passes on no mDNS candidates', () => {
    expect(CHROMIUM).toMatch(/a=candidate:.*\.local/);
    expect(readOffer(CHROMIUM).remote.candidates).toEqual([]);
  });

  it('takes the first 64 candidates that it can use, each once', () => {
    const candidate = (port: number): string => `a=candidate:1 1 udp 1 192.0.2.1 ${port} typ host`;
    const lines = Array.from({ length: 1000 }, (_, port) => [candidate(port), candidate(port), 'a=candidate:no']);
    const { candidates } = readOffer(plain((offer) => [...offer, ...lines.flat()])).remote;
    expect(candidates).toHaveLength(64);
    expect(new Set(candidates).size).toBe(64);
    expect(candidates.at(-1)).toContain(' 63 ');
  });

  it('prefers constrained baseline to high', () => {
    expect(readOffer(plain()).payloadType).toBe(97);
  });

  it('takes high when nothing else is there', () => {
    expect(readOffer(without(/:97 H264/)).payloadType).toBe(96);
  });

  it('takes an offer with bare line feeds, without mid and without RTX', () => {
    const offer = without(/a=mid|group|rtx|apt/).replaceAll('\r\n', '\n');
    expect(readOffer(offer).rtxPayloadType).toBeUndefined();
    expect(writeAnswer(readOffer(offer), LOCAL)).not.toMatch(/a=mid|BUNDLE|rtx|FID/);
  });

  it('takes ICE and DTLS values of a bundle-only section from the section that carries its group', () => {
    const audio = [
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=mid:a',
      'a=ice-ufrag:wxyz',
      'a=ice-pwd:abcdefghijklmnopqrstuv',
    ];
    const offer = plain((lines) => [
      ...lines.slice(0, 4),
      'a=group:BUNDLE a v',
      ...audio,
      `a=fingerprint:sha-256 ${Array(32).fill('CD').join(':')}`,
      'm=video 0 UDP/TLS/RTP/SAVPF 97',
      'a=bundle-only',
      'a=mid:v',
      'a=recvonly',
      'a=rtcp-mux',
      'a=rtpmap:97 H264/90000',
      'a=fmtp:97 packetization-mode=1;profile-level-id=42e01f',
    ]);
    const video = readOffer(offer);
    expect(video.remote.ufrag).toBe('wxyz');
    expect(video.remote.fingerprints).toEqual([`sha-256 ${Array(32).fill('cd').join(':')}`]);
  });

  it.each([
    ['nothing', ''],
    ['no SDP', '{"type":"offer"}'],
    ['no origin', without(/^o=/)],
    ['no ICE user', without(/ice-ufrag/)],
    ['a short ICE password', replaced(/ice-pwd:.*/, 'ice-pwd:short')],
    ['no fingerprint', without(/fingerprint/)],
    ['a malformed fingerprint', replaced(/fingerprint:.*/, 'fingerprint:sha-256 ZZ')],
    ['a port that is none', replaced(/m=video 9/, 'm=video 99999')],
    ['a payload type list that is none', replaced(/96 97 98/, '')],
    ['setup holdconn', replaced(/actpass/, 'holdconn')],
    ['a mid with spaces', replaced(/a=mid:v/, 'a=mid:v w')],
    ['a line without a type', plain((lines) => [...lines, 'nonsense'])],
    ['100 sections', plain((lines) => [...lines, ...Array(100).fill('m=audio 9 UDP/TLS/RTP/SAVPF 0')])],
  ])('malformed: %s', (_, offer) => {
    expect(codeOf(offer)).toBe('webrtc.bad-offer');
  });

  it.each([
    ['no video', without(/^m=|mid/)],
    ['video refused', replaced(/m=video 9/, 'm=video 0')],
    ['two videos', plain((lines) => [...lines, 'm=video 9 UDP/TLS/RTP/SAVPF 96'])],
    ['a player that sends', replaced(/recvonly/, 'sendonly')],
    ['inactive', replaced(/recvonly/, 'inactive')],
    ['no rtcp-mux', without(/rtcp-mux/)],
    ['plain RTP', replaced(/UDP\/TLS\/RTP\/SAVPF/, 'RTP/AVP')],
  ])('sound but not for us: %s', (_, offer) => {
    expect(codeOf(offer)).toBe('webrtc.unacceptable');
  });

  it.each([
    ['mode 1', 'packetization-mode=1;profile-level-id=42e01f', false],
    ['mode 0', 'packetization-mode=0;profile-level-id=42e01f', true],
    ['no mode', 'profile-level-id=42e01f', true],
    ['a bare format', undefined, true],
  ])('takes H.264 with %s alone, and knows what may be sent', (_, parameters, singleNal) => {
    const offer = plain((lines) => [
      ...lines.filter((line) => !/:9[678]/.test(line)),
      'a=rtpmap:97 H264/90000',
      ...(parameters === undefined ? [] : [`a=fmtp:97 ${parameters}`]),
    ]);
    const video = readOffer(offer);
    expect([video.payloadType, video.singleNal]).toEqual([97, singleNal]);
    const answer = writeAnswer(video, LOCAL);
    if (parameters === undefined) expect(answer).not.toContain('a=fmtp:97');
    else expect(answer).toContain(`a=fmtp:97 ${parameters}\r\n`);
  });

  describe('without H.264', () => {
    /** Of Firefox without OpenH264: VP8 with its retransmissions, then what we do not send. */
    const vp8 = plain((lines) => [
      ...lines.filter((line) => !/^a=(rtpmap|fmtp):/.test(line)),
      ...['a=rtpmap:96 AV1/90000', 'a=rtpmap:97 VP8/90000', 'a=fmtp:97 max-fs=12288;max-fr=60'],
      ...['a=rtpmap:98 rtx/90000', 'a=fmtp:98 apt=97', 'a=rtcp-fb:97 nack pli', 'a=rtcp-fb:97 goog-remb'],
    ]);

    it('sends VP8', () => {
      const video = readOffer(vp8);
      expect(video).toMatchObject({ codec: 'vp8', payloadType: 97, rtxPayloadType: 98, singleNal: false });
      expect(video.profile).toBeUndefined();
      expect(video.codecs).toEqual(['96 AV1: players are sent H.264 or VP8', '97 VP8 max-fs=12288;max-fr=60: chosen']);
      const answer = writeAnswer(video, LOCAL);
      expect(answer).toContain('a=rtpmap:97 VP8/90000\r\n');
      expect(answer).toContain('a=fmtp:97 max-fs=12288;max-fr=60\r\n');
      expect(answer).toContain('a=rtcp-fb:97 goog-remb\r\n');
    });

    it.each([
      ['goog-remb alone', ['goog-remb'], [], ['goog-remb']],
      ['both, and numbers for packets', ['goog-remb', 'transport-cc'], ['a=extmap:7 URI'], ['transport-cc']],
      ['both, and no numbers for packets', ['goog-remb', 'transport-cc'], [], ['goog-remb']],
    ])('estimates the path from what Firefox offers: %s', (_, kinds, extensions, taken) => {
      const uri = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
      const lines = [
        ...vp8
          .trimEnd()
          .split('\r\n')
          .filter((line) => !line.includes('goog-remb')),
        ...kinds.map((kind) => `a=rtcp-fb:97 ${kind}`),
        ...extensions.map((line) => line.replace('URI', uri)),
      ];
      const { feedback } = readOffer(`${lines.join('\r\n')}\r\n`);
      expect(feedback.filter((kind) => kind !== 'nack pli')).toEqual(taken);
    });

    it.each([
      ['comes before it', ['a=rtpmap:96 VP8/90000', 'a=rtpmap:97 H264/90000'], 'h264'],
      ['comes behind it', ['a=rtpmap:96 H264/90000', 'a=rtpmap:97 VP8/90000'], 'h264'],
      [
        'is of no kind that is sent',
        ['a=rtpmap:96 H264/90000', 'a=fmtp:96 packetization-mode=2', 'a=rtpmap:97 VP8/90000'],
        'vp8',
      ],
    ])('sends H.264 wherever it %s, else VP8', (_, formats, codec) => {
      const offer = plain((lines) => [...lines.filter((line) => !/^a=(rtpmap|fmtp):/.test(line)), ...formats]);
      expect(readOffer(offer).codec).toBe(codec);
    });
  });

  it('prefers mode 1 of any profile to mode 0', () => {
    const offer = replaced(/:97 packetization-mode=1/, ':97 packetization-mode=0');
    expect(readOffer(offer)).toMatchObject({ payloadType: 96, singleNal: false });
  });

  it.each([
    [
      'neither H.264 nor VP8',
      replaced(/H264/, 'AV1'),
      /^this player plays AV1 alone, and H\.264 and VP8 are what/,
      /H\.264 or VP8/,
    ],
    [
      'interleaved mode alone',
      replaced(/mode=1/, 'mode=2'),
      /no H\.264 of the kind.*packetization-mode=2/,
      /mode 0 or 1/,
    ],
    [
      'high 4:4:4 alone',
      replaced(/level-id=(64|42)..../, 'level-id=f4001f'),
      /no H\.264 of the kind/,
      /baseline, main/,
    ],
  ])('says what a person can do about %s', (_, offer, message, remedy) => {
    expect(() => readOffer(offer)).toThrow(
      expect.objectContaining({
        code: 'webrtc.no-codec',
        message: expect.stringMatching(message),
        remedy: expect.stringMatching(remedy),
      }),
    );
  });

  it('survives 5000 mangled offers: taken, malformed or not for us, nothing else', () => {
    let state = 42;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 5000; round += 1) {
      const lines = (next(2) ? CHROMIUM : plain()).split('\r\n');
      for (let edits = 1 + next(6); edits > 0; edits -= 1) {
        const at = next(lines.length);
        const line = lines[at] ?? '';
        const kind = next(7);
        if (kind === 0) lines.splice(at, 1);
        else if (kind === 1) lines.splice(at, 0, lines[next(lines.length)] ?? '');
        else if (kind === 2) lines[at] = line.slice(0, next(line.length + 1));
        else if (kind === 3) lines[at] = line.replace(/\d+/, `${next(2 ** 31)}`);
        else if (kind === 4)
          lines[at] = line.slice(0, next(line.length + 1)) + String.fromCharCode(next(300)) + line.slice(1);
        else if (kind === 5) lines[at] = `${line}${'A'.repeat(next(3000))}`;
        else lines[at] = `a=${'x'.repeat(next(20))}:${next(100)}`;
      }
      const outcome = codeOf(lines.join('\r\n'));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].sort()).toEqual([
      'taken',
      'webrtc.bad-offer',
      'webrtc.no-codec',
      'webrtc.unacceptable',
    ]);
  });
});

describe('writeAnswer', () => {
  const answer = writeAnswer(readOffer(CHROMIUM), LOCAL);

  it('has a section for each of the offer, video sendonly, audio idle with the candidates of both', () => {
    const [session = '', audio = '', video = ''] = answer.split(/(?=^m=)/m);
    expect(session).toContain('a=group:BUNDLE 0 1\r\n');
    expect(session).toContain('a=ice-lite');
    expect(audio).toMatch(/^m=audio 9 UDP\/TLS\/RTP\/SAVPF 111\r\n/);
    for (const line of ['inactive', 'rtcp-mux', 'rtpmap:111 opus/48000/2', 'setup:active', 'end-of-candidates']) {
      expect(audio).toContain(`a=${line}\r\n`);
    }
    expect(audio).toContain('a=candidate:1 1 udp 2113937151 127.0.0.1 5000 typ host');
    expect(video).toMatch(/^m=video 9 UDP\/TLS\/RTP\/SAVPF 108 109\r\n/);
    for (const line of ['sendonly', 'rtcp-mux', 'mid:1', 'setup:active', 'fmtp:109 apt=108']) {
      expect(video).toContain(`a=${line}\r\n`);
    }
    expect(video).toContain('a=ssrc-group:FID 1234 5678');
  });

  it('leaves candidates out where they are trickled', () => {
    const trickled = writeAnswer(readOffer(CHROMIUM), { ...LOCAL, candidates: undefined });
    expect(trickled).toContain('a=ice-options:trickle\r\n');
    expect(trickled).not.toMatch(/a=candidate|end-of-candidates/);
    expect(candidateTarget(trickled)).toEqual({ sdpMid: '0', sdpMLineIndex: 0 });
    expect(candidateTarget(writeAnswer(readOffer(without(/a=mid|group/)), LOCAL))).toEqual({ sdpMLineIndex: 0 });
  });

  it('repeats the extension ids of the offer', () => {
    expect(answer).toContain('a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay');
  });
});

describe('data channels', () => {
  const DATA = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0', 'a=mid:d', 'a=sctp-port:5000'];
  /** An offer with data channels before or behind its video. */
  const withData = (data: readonly string[], first = false, group = 'a=group:BUNDLE v d'): string =>
    plain((lines) => {
      const head = [...lines.slice(0, 4), group];
      return first ? [...head, ...data, ...lines.slice(5)] : [...head, ...lines.slice(5), ...data];
    });

  it('are taken on the connection of the video', () => {
    const offer = withData([...DATA, 'a=max-message-size:262144']);
    expect(readOffer(offer).remote.data).toEqual({ port: 5000, maxMessageSize: 262_144 });
    expect(readOffer(withData(DATA)).remote.data?.maxMessageSize).toBe(65_536);
    const answer = writeAnswer(readOffer(offer), LOCAL);
    const [session = '', video = '', data = ''] = answer.split(/(?=^m=)/m);
    expect(session).toContain('a=group:BUNDLE v d\r\n');
    expect(data).toMatch(/^m=application 9 UDP\/DTLS\/SCTP webrtc-datachannel\r\n/);
    for (const line of ['mid:d', 'sctp-port:5000', 'max-message-size:65536', 'ice-ufrag:abcd', 'setup:active']) {
      expect(data).toContain(`a=${line}\r\n`);
    }
    expect(video).toContain('a=candidate:');
  });

  it('are taken in the form of the drafts before RFC 8841, and answered in it', () => {
    const draft = ['m=application 9 DTLS/SCTP 5001', 'a=mid:d', 'a=sctpmap:5001 webrtc-datachannel 65535'];
    expect(readOffer(withData(draft)).remote.data?.port).toBe(5001);
    const data = writeAnswer(readOffer(withData(draft)), LOCAL).split(/(?=^m=)/m)[2];
    expect(data).toMatch(/^m=application 9 DTLS\/SCTP 5000\r\n[\s\S]*a=sctpmap:5000 webrtc-datachannel 1024\r\n/);
    expect(readOffer(withData(draft.slice(0, 2))).remote.data).toBeUndefined();
  });

  it('may stand before the video', () => {
    const answer = writeAnswer(readOffer(withData(DATA, true, 'a=group:BUNDLE d v')), LOCAL);
    expect(answer.split(/(?=^m=)/m).map((section) => section.split(' ')[0])).toEqual([
      'v=0\r\no=-',
      'm=application',
      'm=video',
    ]);
    expect(answer).toContain('a=group:BUNDLE d v\r\n');
  });

  it.each([
    ['of another connection', withData(DATA, false, 'a=group:BUNDLE v')],
    ['without a port', withData(DATA.slice(0, 3))],
    ['with a port that is none', withData([...DATA.slice(0, 3), 'a=sctp-port:70000'])],
    ['refused by their port', withData(DATA.map((line) => line.replace('application 9', 'application 0')))],
    ['none', plain()],
  ])('%s are refused, and the video is taken', (_, offer) => {
    const video = readOffer(offer);
    expect(video.remote.data).toBeUndefined();
    const answer = writeAnswer(video, LOCAL);
    expect(answer).toContain('a=group:BUNDLE v\r\n');
    expect(answer).not.toMatch(/m=application [1-9]/);
  });
});

describe('the sound of an answer', () => {
  const SOUND = { ...LOCAL, soundSsrc: 999 };
  const sections = (offer: string): string[] => writeAnswer(readOffer(offer), SOUND).split(/(?=^m=)/m);
  const audio = (lines: readonly string[]): string[] => [
    'c=IN IP4 0.0.0.0',
    ...lines,
    'a=rtcp-mux',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:abcdefghijklmnopqrstuv',
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
    'a=setup:actpass',
  ];
  /** The plain offer with this sound before or behind its video. */
  const withSound = (formats: string, lines: readonly string[], { mid = 'a', before = false } = {}): string =>
    plain((all) => {
      const section = [`m=audio 9 UDP/TLS/RTP/SAVPF ${formats}`, ...audio([`a=mid:${mid}`, ...lines])];
      const bundled = all.map((line) => line.replace('BUNDLE v', before ? `BUNDLE ${mid} v` : `BUNDLE v ${mid}`));
      const at = before ? bundled.findIndex((line) => line.startsWith('m=')) : bundled.length;
      return bundled.toSpliced(at, 0, ...section);
    });

  it('is sent in all codecs that both know, by the same name as the picture', () => {
    const [, section = ''] = sections(CHROMIUM);
    expect(section).toMatch(/^m=audio 9 UDP\/TLS\/RTP\/SAVPF 111 0 8\r\n/);
    for (const line of [
      ...[
        'sendonly',
        'rtcp-mux',
        'rtpmap:111 opus/48000/2',
        'fmtp:111 minptime=10;useinbandfec=1',
        'rtpmap:0 PCMU/8000',
      ],
      ...[
        'rtpmap:8 PCMA/8000',
        'extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
        'ssrc:999 cname:x',
        'end-of-candidates',
      ],
      'msid:framelift sound',
    ]) {
      expect(section).toContain(`a=${line}\r\n`);
    }
  });

  it.each([true, false])('is answered where it is offered (before the video: %s)', (before) => {
    const answer = sections(withSound('0', ['a=recvonly'], { before }));
    expect(answer.map((section) => section.slice(0, 7))).toEqual(
      before ? ['v=0\r\no=', 'm=audio', 'm=video'] : ['v=0\r\no=', 'm=video', 'm=audio'],
    );
    expect(answer.find((section) => section.startsWith('m=audio'))).toMatch(/SAVPF 0\r\n[\s\S]*a=sendonly\r\n/);
  });

  it.each([
    ['another codec', withSound('9', ['a=recvonly'])],
    ['another clock', withSound('96', ['a=recvonly', 'a=rtpmap:96 opus/16000'])],
    ['what the player would send', withSound('0', ['a=sendonly'])],
    ['what is inactive', withSound('0', ['a=inactive'])],
  ])('is none of %s: the section is kept idle', (_, offer) => {
    const section = sections(offer).at(-1);
    expect(section).toMatch(/^m=audio 9 .*\r\n[\s\S]*a=inactive\r\n/);
    expect(section).not.toContain('ssrc');
  });

  it('is none on a connection of its own: the section is refused', () => {
    expect(sections(withSound('0', ['a=recvonly']).replace('BUNDLE v a', 'BUNDLE v')).at(-1)).toMatch(/^m=audio 0 /);
  });

  it('is the first of several', () => {
    const two = withSound('0', ['a=recvonly']);
    const more = `${two}${['m=audio 9 UDP/TLS/RTP/SAVPF 8', ...audio(['a=mid:b', 'a=recvonly'])].join('\r\n')}\r\n`;
    const answer = sections(more.replace('BUNDLE v a', 'BUNDLE v a b'));
    expect(answer.map((section) => /a=(sendonly|inactive)/.exec(section)?.[1])).toEqual([
      undefined,
      'sendonly',
      'sendonly',
      'inactive',
    ]);
  });

  it('is idle where the stream has none', () => {
    expect(writeAnswer(readOffer(CHROMIUM), LOCAL).split(/(?=^m=)/m)[1]).toContain('a=inactive');
  });
});

describe('soundFor', () => {
  const video = readOffer(CHROMIUM);
  it('tells how to send it', () => {
    const { payloadTypes, mid, midExtension } = soundFor(video, 'pcma') ?? {};
    expect([[...(payloadTypes ?? [])], mid, midExtension]).toEqual([
      [
        ['opus', 111],
        ['pcmu', 0],
        ['pcma', 8],
      ],
      '0',
      4,
    ]);
  });
  it('is nothing where the stream has no sound, or the player none of its codec', () => {
    expect(soundFor(video, undefined)).toBeUndefined();
    expect(soundFor(readOffer(plain()), 'opus')).toBeUndefined();
    expect(soundFor(readOffer(CHROMIUM.replace('opus/48000', 'xpus/48000')), 'opus')).toBeUndefined();
  });
});

/** The largest descriptions that a peer may send, made of what costs a parser the most. */

import { seededRandom } from './random.ts';

/** Bytes of the largest offer that is taken. */
const SIZE = 131_072;

const VIDEO = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE v',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:abcdefghijklmnopqrstuv',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
];
/** Every payload type that RTP has. */
const ALL_TYPES = Array.from({ length: 128 }, (_, type) => type);
const HEAD = [...VIDEO, `m=video 9 UDP/TLS/RTP/SAVPF ${ALL_TYPES.join(' ')}`, 'a=mid:v', 'a=rtcp-mux'];
/** All of them H.264, the first one fit for everybody. */
const MAPS = [
  'a=fmtp:0 packetization-mode=1;profile-level-id=42e01f',
  ...ALL_TYPES.map((type) => `a=rtpmap:${type} H264/90000`),
];
const MANY_PARAMETERS = 'a=1;'.repeat(2000);

/** `head` and as many of `line(0)`, `line(1)` … as fit. */
function filled(head: readonly string[], line: (index: number) => string): string {
  const lines = [...head];
  let size = lines.reduce((sum, text) => sum + text.length + 2, 0);
  for (let index = 0; ; index += 1) {
    const next = line(index);
    size += next.length + 2;
    if (size > SIZE) return `${lines.join('\r\n')}\r\n`;
    lines.push(next);
  }
}

/** Offers of 128 KiB by what they repeat. */
export const LARGE_OFFERS: Readonly<Record<string, string>> = {
  'parameters without end': filled([...HEAD, ...MAPS], (i) => `a=fmtp:${i % 128} ${MANY_PARAMETERS}`),
  // Looked up in its parameters once for each of its names, this stopped the process for ten
  // seconds.
  'names of one retransmission with many parameters': filled(
    [...HEAD, ...MAPS, ...Array(7).fill(`a=fmtp:96 ${MANY_PARAMETERS}`)],
    () => 'a=rtpmap:96 rtx/90000',
  ),
  'names of one format with many parameters': filled(
    [...HEAD, `a=fmtp:96 ${MANY_PARAMETERS}`],
    () => 'a=rtpmap:96 H264/90000     ',
  ),
  'one format, over and over': filled(
    [...VIDEO, `m=video 9 UDP/TLS/RTP/SAVPF ${'96 '.repeat(2700)}`, 'a=rtcp-mux', `a=fmtp:96 ${MANY_PARAMETERS}`],
    () => 'a=rtpmap:96 rtx/90000',
  ),
  'formats on every m= line': filled(HEAD, () => `m=video 9 UDP/TLS/RTP/SAVPF ${'a '.repeat(2000)}`),
  'names of one format': filled(HEAD, (i) => `a=rtpmap:96 H${i}/90000                    `),
  'parameters of all formats': filled([...HEAD, ...MAPS], (i) => `a=fmtp:${i % 128} apt=${i % 128};x=y;profile-id=1`),
  candidates: filled([...HEAD, ...MAPS], (i) => `a=candidate:${i} 1 udp 2113937151 10.0.0.1 5000 typ host`),
  feedback: filled([...HEAD, ...MAPS], (i) => `a=rtcp-fb:${i % 128} nack pli${' '.repeat(20)}`),
  extensions: filled([...HEAD, ...MAPS], (i) => `a=extmap:${i % 16} urn:ietf:params:rtp-hdrext:${i}`),
  groups: filled(VIDEO, () => `a=group:BUNDLE ${'v '.repeat(4000)}`).concat(HEAD.slice(VIDEO.length).join('\r\n')),
  'spaces before the end of a format': filled(HEAD, () => `a=rtpmap:96${' '.repeat(8000)}x\u2028`),
  'empty lines': filled(HEAD, () => ''),
  'one line': filled(HEAD, (i) => `a=${i === 0 ? 'x'.repeat(130_000) : ''}`),
};

const random = seededRandom(28);
const pick = <T>(choices: readonly T[]): T => {
  const choice = choices[Math.floor(random() * choices.length)];
  if (choice === undefined) throw new Error('nothing to choose from');
  return choice;
};
/** What lines are made of by chance. */
const PIECES = [
  ...['a=', 'm=', 'c=', 'k=', 'a=fmtp:', 'a=rtpmap:', 'a=rtcp-fb:', 'a=candidate:', 'a=extmap:', 'a=group:BUNDLE '],
  ...['a=mid:', 'a=ice-pwd:', 'a=ssrc:', 'a=sctpmap:5000 ', 'a=bundle-only', 'video ', 'audio ', 'application '],
  ...[
    'UDP/TLS/RTP/SAVPF',
    'DTLS/SCTP',
    ' ',
    '\t',
    ';',
    '=',
    '/',
    ':',
    ',',
    '*',
    '0',
    '96',
    'H264/90000',
    'apt=96',
    'v',
  ],
  ...[
    'packetization-mode=1',
    '1 udp 2113937151 10.0.0.1 5000 typ host',
    'urn:ietf:params:rtp-hdrext:sdes:mid',
    '\u2028',
  ],
];

/** 60 offers of 128 KiB: each repeats one to four lines that were made by chance, with runs of one piece in them. */
export const RANDOM_OFFERS: readonly string[] = Array.from({ length: 60 }, () => {
  const piece = (): string => pick(PIECES).repeat(random() < 0.2 ? 1 + Math.floor(random() * 300) : 1);
  const lines = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
    const line = pick(PIECES.slice(0, 14)) + Array.from({ length: Math.floor(random() * 12) }, piece).join('');
    return line.slice(0, 8000);
  });
  return filled([...HEAD, ...MAPS], (index) => lines[index % lines.length] ?? '');
});

import { describe, expect, it } from 'vitest';
import { readOffer, writeAnswer } from '../../../src/egress/offer.ts';
import { readPublication, writePublicationAnswer } from '../../../src/ingest/whip/offer.ts';
import { candidateTarget, type LocalTransport } from '../../../src/webrtc/sdp-answer.ts';
import { type BundleOffer, bundleOffers, ORDERS } from '../../support/bundle-offers.ts';

const LOCAL: LocalTransport = {
  iceUfrag: 'abcd',
  icePwd: 'abcdefghijklmnopqrstuv',
  iceLite: true,
  fingerprint: `sha-256 ${Array(32).fill('CD').join(':')}`,
  setup: 'active',
  candidates: ['1 1 udp 2113937151 127.0.0.1 5000 typ host'],
};

/** What is read of a section by these tests, which know nothing of the parser under test. */
interface Section {
  readonly kind: string;
  readonly port: number;
  readonly formats: readonly string[];
  readonly lines: readonly string[];
}

function sectionsOf(sdp: string): { session: string[]; sections: Section[] } {
  const [session = '', ...rest] = sdp.split(/^m=/m);
  const sections = rest.map((text) => {
    const [head = '', ...lines] = text.trim().split('\r\n');
    const [kind = '', port = '', , ...formats] = head.split(' ');
    return { kind, port: Number(port), formats, lines };
  });
  return { session: session.trim().split('\r\n'), sections };
}

const attributeOf = (lines: readonly string[], name: string): string | undefined =>
  lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3);
const groupOf = (lines: readonly string[]): string[] => attributeOf(lines, 'group')?.split(' ').slice(1) ?? [];

const PEERS = {
  'a player': {
    offers: bundleOffers('recvonly'),
    direction: 'sendonly',
    remote: (sdp: string) => readOffer(sdp).remote,
    answer: (sdp: string) => writeAnswer(readOffer(sdp), { ...LOCAL, ssrc: 1, rtxSsrc: 2, cname: 'x' }),
  },
  'a publisher': {
    offers: bundleOffers('sendonly'),
    direction: 'recvonly',
    remote: (sdp: string) => readPublication(sdp).remote,
    answer: (sdp: string) => writePublicationAnswer(readPublication(sdp), LOCAL, 1),
  },
};

/** The rules of RFC 9143 (sections 5 and 7.3), RFC 8829 (5.3.1) and RFC 3264 for an answer. */
function judge(offer: BundleOffer, answerText: string, direction: string): void {
  const offered = sectionsOf(offer.sdp);
  const answer = sectionsOf(answerText);
  const group = groupOf(answer.session);
  const offeredGroup = groupOf(offered.session);
  const video = answer.sections.findIndex(({ kind }) => kind === 'video');

  // The sections of the offer, in their order, with their names.
  expect(answer.sections.map(({ kind, lines }) => [kind, attributeOf(lines, 'mid')])).toEqual(
    offered.sections.map(({ kind, lines }) => [kind, attributeOf(lines, 'mid')]),
  );
  // A group only where one was offered, of what was in it, the offer's first section first.
  expect(group.filter((mid) => !offeredGroup.includes(mid))).toEqual([]);
  expect(group.length > 0).toBe(offer.policy !== 'none');
  if (group.length > 0) expect(group[0]).toBe(offeredGroup[0]);
  answer.sections.forEach(({ port, formats, lines }, index) => {
    const kept = group.length === 0 ? index === video : group.includes(attributeOf(lines, 'mid') ?? '');
    // What is refused has port 0 and is in no group; what is kept has neither port 0 nor bundle-only.
    expect(port === 0).toBe(!kept);
    expect(lines).not.toContain('a=bundle-only');
    expect(offered.sections[index]?.formats).toEqual(expect.arrayContaining([...formats]));
    const carrier = group.length === 0 ? index === video : attributeOf(lines, 'mid') === group[0];
    expect(lines.some((line) => line.startsWith('a=candidate:'))).toBe(carrier);
    // One connection, whoever tells of it.
    expect(attributeOf(lines, 'ice-ufrag')).toBe(LOCAL.iceUfrag);
    expect(attributeOf(lines, 'fingerprint')).toBe(LOCAL.fingerprint);
    if (kept && answer.sections[index]?.kind === 'audio') {
      expect(lines).toEqual(expect.arrayContaining(['a=inactive', 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2']));
    }
  });
  expect(answer.sections[video]?.lines).toContain(`a=${direction}`);
  const index = group.length === 0 ? video : answer.sections.findIndex((s) => attributeOf(s.lines, 'mid') === group[0]);
  expect(candidateTarget(answerText).sdpMLineIndex).toBe(index);
}

describe.each(Object.entries(PEERS))('the offer of %s', (_, { offers, direction, remote, answer }) => {
  it.each(offers.map((offer) => [offer.name, offer] as const))('%s', (_name, offer) => {
    judge(offer, answer(offer.sdp), direction);
    // The peer is known by the section that carries the connection.
    const at = offer.policy === 'none' ? offer.order.indexOf('video') : 0;
    expect(remote(offer.sdp).ufrag).toBe(`user${at}`);
  });
});

it('has every order of the three kinds', () => {
  expect(ORDERS).toHaveLength(11);
});

const FIRST = 'a=group:BUNDLE m0 m1';
const AUDIO_FIRST = bundleOffers('recvonly').find(({ name }) => name === 'audio video, max-bundle, bundle-only');
const sdp = AUDIO_FIRST?.sdp ?? '';
const { answer } = PEERS['a player'];

it('passes the group on to the next section where the offer itself refuses the first', () => {
  const offer = bundleOffers('recvonly').find(({ name }) => name === 'audio video, balanced')?.sdp ?? '';
  const answered = answer(offer.replace('m=audio 9', 'm=audio 0'));
  expect(answered).toContain('a=group:BUNDLE m1\r\n');
  expect(answered).toMatch(/m=audio 0 /);
});

it.each([
  ['a group that only bundle-only sections are in', sdp.replace(FIRST, 'a=group:BUNDLE m1'), 'webrtc.bad-offer'],
  [
    'a group that is carried by what is not taken',
    sdp.replace('m=audio 9 UDP/TLS/RTP/SAVPF 111 0', 'm=application 9 TCP/BFCP *'),
    'webrtc.unacceptable',
  ],
])('refuses %s', (_, offer, code) => {
  expect(() => answer(offer)).toThrow(expect.objectContaining({ code }));
});

it('repeats nothing of an idle section that is not a plain codec name', () => {
  const odd = sdp.replace('a=rtpmap:111 opus/48000/2', 'a=rtpmap:111 opus/48000/2 <script>');
  expect(answer(odd)).not.toContain('script');
  expect(answer(odd)).toMatch(/m=audio 9 UDP\/TLS\/RTP\/SAVPF 111\r\n/);
});

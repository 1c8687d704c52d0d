import { describe, expect, it } from 'vitest';
import { iceServersOf, writeOffer } from '../../../../src/egress/push/whip-offer.ts';
import { readPublication as readPublisher } from '../../../../src/ingest/whip/offer.ts';
import { parseSdp } from '../../../../src/media/sdp.ts';

const identity = {
  ...{ ice: { ufrag: 'abcdefghijkl', pwd: 'a'.repeat(32) }, fingerprint: `sha-256 ${Array(32).fill('AB').join(':')}` },
  ...{ ssrc: 1, rtxSsrc: 2, soundSsrc: 3, cname: 'c' },
};
const candidates = ['1 1 udp 2130706431 192.0.2.1 8189 typ host'];

describe('an offer', () => {
  it.each([
    [0x42, 'opus', '42e01f'],
    [0x4d, 'pcmu', '4d001f'],
    [0x64, undefined, '64001f'],
  ] as const)('of profile %s with the sound %s is one that our own server takes', (profile, sound, id) => {
    const text = writeOffer({ identity, candidates, sequence: Buffer.of(0x67, profile, 0xc0, 0x1f), sound });
    const { problem, sections } = parseSdp(text);
    expect(problem).toBeUndefined();
    expect(sections.map(({ kind }) => kind)).toEqual(sound === undefined ? ['video'] : ['video', 'audio']);
    expect(text).toContain(`profile-level-id=${id}`);
    expect(text).not.toContain('recvonly');
    expect(readPublisher(text).remote).toMatchObject({ ufrag: identity.ice.ufrag, setup: 'actpass', candidates });
  });
});

describe('the ICE servers of Link fields', () => {
  it.each([
    ['', []],
    ['<stun:a.example>; rel="ice-server"', [{ urls: ['stun:a.example'] }]],
    [
      '<turn:a.example?transport=udp>; rel="ice-server"; username="u,;\\"x"; credential="p"; credential-type="password", <stun:b.example:3478>; rel=ice-server',
      [
        { urls: ['turn:a.example?transport=udp'], username: 'u,;"x', credential: 'p' },
        { urls: ['stun:b.example:3478'] },
      ],
    ],
    ['<https://a.example>; rel="ice-server"', []],
    ['<stun:a.example>; rel="next"', []],
    [`<${'x'.repeat(100_000)}`, []],
    ['<'.repeat(50_000), []],
  ])('%.60s', (links, servers) => {
    expect(iceServersOf(links)).toEqual(servers);
  });

  it('are a few at most', () => {
    expect(iceServersOf('<stun:a.example>; rel="ice-server", '.repeat(100))).toHaveLength(8);
  });
});

import { X509Certificate } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { RTCDtlsFingerprint, RtpHeader } from 'werift';
import { systemClock } from '../../../../src/time.ts';
import { guardDtls } from '../../../../src/webrtc/dtls/guard.ts';
import { readRecords } from '../../../../src/webrtc/dtls/record.ts';
import type { Refusal } from '../../../../src/webrtc/dtls/refusal.ts';
import { certificate, type DtlsEnd, dtlsPair, handshake, protectedRecord, record } from '../../../support/dtls-pair.ts';

const ROLES = ['client', 'server'] as const;

async function connected(options: Parameters<typeof dtlsPair>[0]) {
  const pair = await dtlsPair(options);
  pair.start();
  await Promise.all([pair.ours.connected(), pair.peer.connected()]);
  return pair;
}

/** What a flight that is sent again is refused for: on a slow machine it may be. */
const REPETITION: readonly Refusal[] = ['plaintext', 'replay'];

/** Data goes through in both directions, and no other. */
async function talk(one: DtlsEnd, other: DtlsEnd): Promise<void> {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const before = to.messages.length;
    await from.transport.sendData(Buffer.from('hello'));
    await to.until(() => to.messages.length > before);
    expect(to.messages.slice(before)).toEqual(['hello']);
  }
}

/** What a stranger can send into a session that he knows the addresses of, and what becomes of it. */
const STRANGERS: readonly (readonly [name: string, datagram: Buffer, reason: string])[] = [
  ['close_notify in the clear', record(21, Buffer.from([1, 0])), 'plaintext'],
  ['a fatal alert in the clear', record(21, Buffer.from([2, 40])), 'plaintext'],
  ['an unknown alert in the clear', record(21, Buffer.from([1, 200])), 'plaintext'],
  ['an empty record', record(21, Buffer.alloc(0)), 'record'],
  ['an alert cut short', record(21, Buffer.from([1])), 'plaintext'],
  ['an unknown content type', record(24, Buffer.from([0])), 'record'],
  ['a record of DTLS 1.3', Buffer.from('2f00000010aabbccddeeff00112233445566778899', 'hex'), 'record'],
  ['a record of another version', record(22, handshake(0, 0, Buffer.alloc(0)), 0, 1, 0x0303), 'record'],
  ['a record longer than its datagram', record(23, Buffer.alloc(30)).subarray(0, 20), 'record'],
  ['one byte', Buffer.from([22]), 'record'],
  ['data in the clear', record(23, Buffer.from('hello')), 'plaintext'],
  ['a request to return a cookie', record(22, handshake(3, 0, Buffer.from('fefd0401020304', 'hex'))), 'plaintext'],
  ['a request to begin anew', record(22, handshake(0, 0, Buffer.alloc(0))), 'plaintext'],
  ['another hello of a client', record(22, handshake(1, 0, Buffer.alloc(60))), 'plaintext'],
  ['another hello of a server', record(22, handshake(2, 0, Buffer.alloc(60))), 'plaintext'],
  ['Finished in the clear', record(22, handshake(20, 5, Buffer.alloc(12))), 'plaintext'],
  ['data that is not encrypted with the key', record(23, Buffer.alloc(60), 1), 'decrypt'],
  ['data too short to be encrypted', record(23, Buffer.alloc(23), 1), 'decrypt'],
  ['an alert that is not encrypted with the key', record(21, Buffer.alloc(26), 1), 'decrypt'],
  ['a message that is not encrypted with the key', record(22, Buffer.alloc(60), 1, 77), 'decrypt'],
  ['a record of an epoch that never was', record(23, Buffer.alloc(60), 2), 'epoch'],
  ['a media packet without a header', Buffer.from([0x80, 96]), 'srtp'],
  [
    'a media packet that is not encrypted with the key',
    Buffer.concat([Buffer.from([0x80, 96]), Buffer.alloc(60)]),
    'srtp',
  ],
  ['a media packet of extensions without end', Buffer.concat([Buffer.from([0x9f, 96]), Buffer.alloc(40, 255)]), 'srtp'],
  ['a report without a header', Buffer.from([0x80, 200]), 'srtp'],
  ['a report too short', Buffer.concat([Buffer.from([0x80, 200]), Buffer.alloc(12)]), 'srtp'],
  ['a report that is not encrypted with the key', Buffer.concat([Buffer.from([0x80, 201]), Buffer.alloc(60)]), 'srtp'],
];

/** A datagram's handshake messages, each in pieces of 40 bytes with a record of its own; all else as it is. */
function split(datagram: Buffer): Buffer[] {
  return readRecords(datagram).records.flatMap(({ type, epoch, fragment, bytes, sequence }) => {
    if (type !== 22 || epoch > 0) return [bytes];
    const [kind = 0, body] = [fragment[0], fragment.subarray(12)];
    const pieces: Buffer[] = [];
    for (let at = 0; at === 0 || at < body.length; at += 40) {
      const piece = handshake(kind, fragment.readUInt16BE(4), body.subarray(at, at + 40), body.length, at);
      pieces.push(record(22, piece, 0, sequence));
    }
    return pieces;
  });
}

describe.each(ROLES)('as a DTLS %s', (role) => {
  it.each(['ecdsa', 'rsa'] as const)('connects with a peer whose certificate is %s', async (kind) => {
    const { ours, peer } = await connected({ role, peer: await certificate('peer', kind) });
    await talk(ours, peer);
    expect(ours.refused.filter((reason) => !REPETITION.includes(reason))).toEqual([]);
  });

  it('connects with an RSA certificate of its own', async () => {
    const { ours, peer } = await connected({ role, own: await certificate('ours', 'rsa') });
    await talk(ours, peer);
  });

  it('connects though every datagram comes twice, out of order, and in small pieces', async () => {
    const pair = await dtlsPair({ role });
    pair.peer.forward = (datagram) =>
      split(datagram)
        .flatMap((piece) => [piece, piece])
        .reverse();
    pair.start();
    await pair.ours.connected();
    await talk(pair.ours, pair.peer);
  });

  it('connects though strangers talk all the while', async () => {
    const pair = await dtlsPair({ role });
    // A forged cookie can come before the peer's own: until then a client knows nothing of a server.
    const strange = STRANGERS.filter(([name]) => role === 'server' || !name.includes('cookie'));
    pair.peer.forward = (datagram) => [...strange.map(([, forged]) => forged), datagram];
    pair.start();
    await pair.ours.connected();
    await talk(pair.ours, pair.peer);
  });

  it('ends when the peer says so under the key', async () => {
    const { ours, peer } = await connected({ role });
    ours.receive(protectedRecord(peer, 21, Buffer.from([1, 90]), 50));
    expect(ours.transport.state).toBe('connected');
    ours.receive(protectedRecord(peer, 21, Buffer.from([1, 0]), 51));
    expect(ours.transport.state).toBe('closed');
  });

  it('takes no second handshake under the key, and nothing twice', async () => {
    const { ours, peer } = await connected({ role });
    ours.refused.length = 0;
    ours.receive(protectedRecord(peer, 22, handshake(1, 7, Buffer.alloc(60)), 50));
    ours.receive(protectedRecord(peer, 22, handshake(0, 7, Buffer.alloc(0)), 51));
    const data = protectedRecord(peer, 23, Buffer.from('once'), 52);
    ours.receive(data);
    ours.receive(data);
    expect(ours.refused).toEqual(['unexpected', 'unexpected', 'replay']);
    expect(ours.messages).toEqual(['once']);
  });

  it('takes media once', async () => {
    const { ours, peer } = await connected({ role });
    for (const sequenceNumber of [65_534, 65_535, 0, 1]) {
      const header = new RtpHeader({ payloadType: 96, sequenceNumber, timestamp: 1, ssrc: 7, payloadOffset: 12 });
      await peer.transport.sendRtp(Buffer.from('media'), header);
    }
    await ours.until(() => ours.media.length === 4);
    const media = peer.sent.filter(([first = 0]) => first === 128);
    ours.refused.length = 0;
    for (const packet of media) ours.receive(packet);
    expect(ours.media).toEqual([65_534, 65_535, 0, 1]);
    expect(ours.refused).toEqual(Array(4).fill('srtp-replay'));
  });

  it('connects though the datagram with its Finished is lost', async () => {
    const pair = await dtlsPair({ role });
    // werift alone cannot take a flight twice.
    pair.peer.guard();
    let lost = false;
    pair.ours.forward = (datagram) => {
      const under = readRecords(datagram).records.some(({ epoch, type }) => epoch === 1 && type === 22);
      if (!under || lost) return [datagram];
      lost = true;
      return [];
    };
    pair.start();
    await pair.peer.connected();
    expect(lost).toBe(true);
    await talk(pair.ours, pair.peer);
  });

  it('never numbers two records alike under one key', async () => {
    const { ours } = await connected({ role });
    for (let i = 0; i < 20; i += 1) await ours.transport.sendData(Buffer.from(`${i}`));
    const records = ours.sent
      .filter(([type = 0]) => type >= 20 && type < 64)
      .flatMap((datagram) => readRecords(datagram).records)
      .filter(({ epoch }) => epoch === 1);
    expect(new Set(records.map(({ sequence }) => sequence)).size).toBe(21);
    // Finished may go out again, as it was.
    expect(new Set(records.map(({ bytes }) => bytes.toString('hex'))).size).toBe(21);
  });

  it('stays connected whatever a stranger sends, and says why each was dropped', async () => {
    const { ours, peer } = await connected({ role });
    const told = STRANGERS.map(([name, datagram]) => {
      ours.refused.length = 0;
      ours.receive(datagram);
      return [name, ...ours.refused];
    });
    expect(told).toEqual(STRANGERS.map(([name, , reason]) => [name, reason]));
    // The peer's own words, said again.
    for (const datagram of peer.sent) ours.receive(datagram);
    expect(ours.transport.state).toBe('connected');
    await talk(ours, peer);
  });
});

it('goes by the strongest fingerprints, and by none that prove nothing', async () => {
  const peer = await certificate('peer');
  const [sha256] = peer.getFingerprints();
  const other = (await certificate('victim')).getFingerprints();
  const judged = async (fingerprints: readonly { algorithm: string; value: string }[]): Promise<string> => {
    const named = fingerprints.map(({ algorithm, value }) => new RTCDtlsFingerprint(algorithm, value));
    const { ours, start } = await dtlsPair({ role: 'client', fingerprints: named });
    start();
    await ours.until(() => ours.transport.state === 'connected' || ours.refused.length > 0);
    return ours.refused[0] ?? ours.transport.state;
  };
  const der = new X509Certificate(peer.certPem);
  const sha1 = { algorithm: 'sha-1', value: der.fingerprint };
  const sha512 = { algorithm: 'SHA-512', value: der.fingerprint512.toLowerCase() };
  const wrong512 = { algorithm: 'sha-512', value: der.fingerprint512.replace(/^../, '00') };
  expect(await Promise.all([[sha1], [sha512], [...other, sha256!], [sha256!, wrong512], other].map(judged))).toEqual([
    'certificate',
    'connected',
    'connected',
    'certificate',
    'certificate',
  ]);
});

it('as server goes by the hello that returned its cookie, whatever others say before', async () => {
  const pair = await dtlsPair({ role: 'server' });
  // werift alone cannot take two answers.
  pair.peer.guard();
  pair.peer.forward = (datagram) => {
    // Its first hello: a handshake record, type 1, number 0.
    if (datagram[0] !== 22 || datagram[13] !== 1 || datagram[18] !== 0) return [datagram];
    const strange = Buffer.from(datagram);
    // In the client's random.
    strange.writeUInt8((strange[40] ?? 0) ^ 1, 40);
    return [strange, datagram, strange];
  };
  pair.start();
  await pair.ours.connected();
  await talk(pair.ours, pair.peer);
});

it('as server confirms the extended master secret to those who offer it alone', async () => {
  const pair = await dtlsPair({ role: 'server' });
  pair.start();
  pair.peer.dtls.options.extendedMasterSecret = false;
  pair.peer.dtls.extensions = pair.peer.dtls.extensions.filter(({ type }) => type !== 23);
  await Promise.all([pair.ours.connected(), pair.peer.connected()]);
  await talk(pair.ours, pair.peer);
  const hello = pair.ours.sent.find((datagram) => datagram[13] === 2);
  expect(hello?.includes(Buffer.from('00170000', 'hex'))).toBe(false);
});

it('begins no session with a library that is not as it was', async () => {
  const close = vi.fn();
  const { ours } = await dtlsPair({ role: 'client', guarded: false });
  const moved = { transport: { socket: {} }, close };
  // Of the library's own there is no other release to try.
  const transport = Object.assign(ours.transport, { state: 'connecting', dtls: moved, start: () => Promise.resolve() });
  guardDtls(transport, { clock: systemClock, refused() {} });
  await expect(transport.start()).rejects.toThrow('not the one that its guard was written for');
  expect(close).toHaveBeenCalledOnce();
});

it('is needed: without it one datagram ends a session', async () => {
  const { ours } = await connected({ role: 'client', guarded: false });
  ours.receive(record(21, Buffer.from([1, 0])));
  expect(ours.transport.state).toBe('closed');
});

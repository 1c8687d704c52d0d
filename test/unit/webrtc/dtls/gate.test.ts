import { describe, expect, it } from 'vitest';
import { fromMs, ManualClock, micros } from '../../../../src/time.ts';
import { DtlsGate, type GateDeps } from '../../../../src/webrtc/dtls/gate.ts';
import { MAX_MESSAGE_BYTES } from '../../../../src/webrtc/dtls/reassembly.ts';
import { readRecords } from '../../../../src/webrtc/dtls/record.ts';
import { type DtlsEnd, dtlsPair, handshake, record } from '../../../support/dtls-pair.ts';
import { seededRandom } from '../../../support/random.ts';

/** A gate between nothing and nothing. */
function scripted(role: 'client' | 'server', fingerprints: readonly { algorithm: string; value: string }[] = []) {
  const clock = new ManualClock();
  const told = {
    delivered: [] as Buffer[],
    sent: [] as Buffer[],
    refused: new Map<string, number>(),
    begun: [] as boolean[],
  };
  const deps: GateDeps = {
    clock,
    deliver: (bytes) => told.delivered.push(bytes),
    begin: (_cookie, extendedMasterSecret) => told.begun.push(extendedMasterSecret),
    numberFrom: () => {},
    keys: () => undefined,
    send: (datagram) => told.sent.push(datagram),
    data: () => told.delivered.push(Buffer.from('data')),
    closed: () => told.delivered.push(Buffer.from('closed')),
    refused: (reason) => told.refused.set(reason, (told.refused.get(reason) ?? 0) + 1),
  };
  return { ...told, clock, gate: new DtlsGate({ role, key: 'ec', fingerprints }, deps) };
}

/** What both said in a handshake that came about, ours at first. */
async function recorded(role: 'client' | 'server'): Promise<{ ours: DtlsEnd; peer: DtlsEnd }> {
  const pair = await dtlsPair({ role });
  pair.start();
  await Promise.all([pair.ours.connected(), pair.peer.connected()]);
  return pair;
}

/** The body of a hello with a cookie. */
function withCookie(hello: Buffer, cookie: Buffer): Buffer {
  // Header, version, random, and an empty session id before an empty cookie.
  const at = 12 + 2 + 32 + 1;
  return Buffer.concat([hello.subarray(12, at), Buffer.from([cookie.length]), cookie, hello.subarray(at + 1)]);
}

describe.each(['client', 'server'] as const)('as %s, before the peer has proved anything', (role) => {
  it.each([
    ['of messages as long as they may be', (i: number) => handshake(11, i % 8, Buffer.alloc(1), MAX_MESSAGE_BYTES, i)],
    ['that end messages of 16 MB', () => handshake(11, 1, Buffer.alloc(1), 0xffffff, 0xfffffe)],
  ])('2000 small datagrams %s cost milliseconds', (_kind, fragment) => {
    const { gate, clock } = scripted(role);
    const from = process.cpuUsage();
    for (let i = 0; i < 2000; i += 1) {
      // Slow enough for none to be refused for its rate alone.
      clock.advance(fromMs(20));
      gate.receive(record(22, fragment(i), 0, i));
    }
    const { user, system } = process.cpuUsage(from);
    expect((user + system) / 1000).toBeLessThan(400);
  });

  it('a flood leaves nothing behind', () => {
    const { gate, clock, refused, delivered } = scripted(role);
    const datagram = record(22, handshake(11, 0, Buffer.alloc(1200), MAX_MESSAGE_BYTES, 0));
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 200_000; i += 1) {
      // Type, number and place of another message each time, a million times a minute.
      clock.advance(micros(60));
      datagram.writeUInt8(i % 256, 13);
      datagram.writeUInt16BE(i % 65_536, 17);
      datagram.writeUIntBE((i * 1200) % 12_000, 19, 3);
      gate.receive(datagram);
    }
    expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(100);
    expect(refused.get('rate')).toBeGreaterThan(190_000);
    expect(delivered).toEqual([]);
  });

  it('the rate of handshakes is bounded, and comes back', () => {
    const { gate, clock, refused } = scripted(role);
    const fragment = record(22, handshake(11, 0, Buffer.alloc(1), 1000, 0));
    for (let i = 0; i < 300; i += 1) gate.receive(fragment);
    expect(refused.get('rate')).toBe(44);
    clock.advance(fromMs(1000));
    for (let i = 0; i < 100; i += 1) gate.receive(fragment);
    expect(refused.get('rate')).toBe(44 + 36);
  });

  it('nothing makes it throw, and nothing that is spoiled gets through', async () => {
    const { ours, peer } = await recorded(role);
    const genuine = new Set(peer.sent.flatMap((datagram) => bodies(datagram)));
    const random = seededRandom(7);
    const fingerprints = peer.transport.localParameters.fingerprints;
    for (let round = 0; round < 300; round += 1) {
      const { gate, refused, delivered, clock } = scripted(role, fingerprints);
      for (let at = 0; at < Math.max(ours.sent.length, peer.sent.length); at += 1) {
        const own = ours.sent[at];
        if (own && role === 'client') gate.sent(own);
        clock.advance(fromMs(1000));
        const theirs = peer.sent[at];
        if (!theirs) continue;
        const spoiled = Buffer.from(theirs);
        const place = Math.floor(random() * spoiled.length);
        if (random() < 0.5) spoiled[place] = Math.floor(random() * 256);
        gate.receive(random() < 0.1 ? spoiled.subarray(0, place) : spoiled);
      }
      expect([...refused.keys()]).not.toContain('fault');
      const proofs = delivered.filter((bytes) => [12, 15].includes(bytes[13] ?? 0)).flatMap((bytes) => bodies(bytes));
      for (const proof of proofs) expect(genuine).toContain(proof);
    }
  });
});

/** Messages of a datagram of whole ones, in hexadecimal, without what numbers them. */
function bodies(datagram: Buffer): string[] {
  return readRecords(datagram)
    .records.filter(({ type, epoch }) => type === 22 && epoch === 0)
    .map(({ fragment }) => fragment.toString('hex'));
}

describe('as server', () => {
  it('binds itself to no hello that has not returned its cookie, and answers few', async () => {
    const { peer } = await recorded('server');
    const [first] = peer.sent;
    const hello = first!.subarray(13);
    const { gate, sent, delivered, begun, refused, clock } = scripted('server');
    for (let i = 0; i < 50; i += 1) gate.receive(record(22, hello, 0, i));
    expect(sent.length).toBe(8);
    expect(refused.get('rate')).toBe(42);
    expect(sent.every((answer) => answer.length < first!.length)).toBe(true);
    clock.advance(fromMs(1000));
    gate.receive(record(22, handshake(1, 1, withCookie(hello, Buffer.alloc(20, 1)))));
    expect(delivered).toEqual([]);
    // Record, message, version and length stand before it.
    const cookie = sent[0]!.subarray(13 + 12 + 3);
    gate.receive(record(22, handshake(1, 1, withCookie(hello, cookie))));
    expect(begun).toEqual([true]);
    expect(delivered.map((bytes) => bytes.subarray(13).toString('hex'))).toEqual([
      handshake(1, 0, hello.subarray(12)).toString('hex'),
      handshake(1, 1, withCookie(hello, cookie)).toString('hex'),
    ]);
    // Another one changes nothing.
    gate.receive(record(22, handshake(1, 2, withCookie(hello, cookie))));
    expect(refused.get('unexpected')).toBe(1);
    expect(delivered.length).toBe(2);
  });
});

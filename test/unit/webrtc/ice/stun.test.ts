import { describe, expect, it } from 'vitest';
import {
  hasIntegrity,
  looksLikeStun,
  readStun,
  writeAnswer,
  writeCheck,
  writeQuestion,
  writeRoleConflict,
} from '../../../../src/webrtc/ice/stun.ts';
import { Fuzzer } from '../../../support/fuzz.ts';
import { answerTo, checkFor, mappedIn, PEER, soundStun } from '../../../support/ice.ts';

const OURS = { ufrag: 'evtj', pwd: 'VOkJxbRl1RmTxUk/WvJxBt' };
const TRANSACTION = 'b7e7a701bc34d686fa87dfae';

/** RFC 5769 sections 2.1 to 2.3. */
const REQUEST = Buffer.from(
  '000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151' +
    '263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf',
  'hex',
);
const RESPONSE = Buffer.from(
  '0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd' +
    '9e90c38c7489f92af9ba53f06be7d780280004c07d4c96',
  'hex',
);
const RESPONSE_6 = Buffer.from(
  '010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5be' +
    'd2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c',
  'hex',
);

describe('readStun', () => {
  it('reads the sample messages of RFC 5769', () => {
    const request = soundStun(REQUEST);
    expect(request).toMatchObject({
      kind: 'request',
      transaction: TRANSACTION,
      username: 'evtj:h6vY',
      controlled: true,
    });
    expect(request).toMatchObject({ useCandidate: false, fingerprinted: true });
    expect(hasIntegrity(request, OURS.pwd)).toBe(true);
    expect(hasIntegrity(request, `${OURS.pwd}x`)).toBe(false);
    expect(soundStun(RESPONSE)).toMatchObject({ kind: 'success', mapped: { address: '192.0.2.1', port: 32_853 } });
    expect(soundStun(RESPONSE_6).mapped).toEqual({ address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32_853 });
  });

  it.each<[string, (sound: Buffer) => Buffer]>([
    ['nothing', () => Buffer.alloc(0)],
    ['a head alone that is cut', (sound) => sound.subarray(0, 19)],
    ['another cookie', (sound) => Buffer.concat([sound.subarray(0, 4), Buffer.alloc(4), sound.subarray(8)])],
    ['another method', (sound) => Buffer.concat([Buffer.from([0, 3]), sound.subarray(2)])],
    ['a length that is not its own', (sound) => Buffer.concat([sound, Buffer.alloc(4)])],
    ['a length beyond what is read', () => Buffer.alloc(1284)],
    ['an attribute that runs over the end', (sound) => withAttribute(sound, [0x80, 0x30, 0xff, 0xff])],
    ['a fingerprint that is wrong', (sound) => withAttribute(sound, [0x80, 0x28, 0, 4, 1, 2, 3, 4])],
    ['integrity of another size', (sound) => withAttribute(sound, [0, 8, 0, 4, 1, 2, 3, 4])],
  ])('takes no message with %s', (_, spoil) => {
    expect(readStun(spoil(writeBare()))).toBeUndefined();
  });

  it('counts nothing that stands behind the integrity', () => {
    const check = checkFor(OURS, { nominate: false, fingerprint: false });
    const nominating = withAttribute(check, [0, 0x25, 0, 0]);
    const message = soundStun(nominating);
    expect(message.useCandidate).toBe(false);
    expect(hasIntegrity(message, OURS.pwd)).toBe(true);
  });

  it('believes no message that was damaged in any way', () => {
    const fuzzer = new Fuzzer(26);
    const sound = checkFor(OURS);
    const end = soundStun(sound).integrityAt ?? 0;
    let read = 0;
    let wrong = 0;
    for (let round = 0; round < 10_000; round += 1) {
      const damaged = Buffer.from(fuzzer.damage(sound));
      const message = readStun(damaged);
      if (!message) continue;
      read += 1;
      const same = damaged.subarray(0, end + 24).equals(sound.subarray(0, end + 24));
      if (hasIntegrity(message, OURS.pwd) !== same) wrong += 1;
    }
    expect(wrong).toBe(0);
    expect(read).toBeGreaterThan(0);
    for (let round = 0; round < 10_000; round += 1) readStun(Buffer.from(fuzzer.bytes(fuzzer.int(1400))));
  });

  it('reads the message with the most attributes in no time', () => {
    const most = Buffer.alloc(1280);
    writeQuestion(TRANSACTION).copy(most, 0, 0, 20);
    most.writeUInt16BE(1260, 2);
    const started = performance.now();
    for (let round = 0; round < 1000; round += 1) readStun(most);
    expect((performance.now() - started) / 1000).toBeLessThan(1);
    expect(readStun(most)?.kind).toBe('request');
  });
});

describe('what is written', () => {
  it.each([
    ['192.0.2.7', 40_000],
    ['2001:db8::7', 65_535],
    ['::ffff:192.0.2.7', 1],
  ])('an answer names %s, and werift finds its integrity right', (address, port) => {
    const mapped = mappedIn(writeAnswer(TRANSACTION, { address, port }, OURS.pwd), OURS);
    expect(mapped?.[1]).toBe(port);
    expect(readStun(writeAnswer(TRANSACTION, { address, port }, OURS.pwd))?.mapped?.port).toBe(port);
    if (!address.includes(':')) expect(mapped?.[0]).toBe(address);
  });

  it('a check is read by the peer, and its answer by us', () => {
    const tieBreaker = Buffer.alloc(8, 1);
    const check = writeCheck({ ...own, transaction: TRANSACTION, tieBreaker });
    expect(soundStun(check)).toMatchObject({ username: own.username, controlled: true, fingerprinted: true });
    expect(hasIntegrity(soundStun(answerTo(check)), PEER.pwd)).toBe(true);
  });

  it('a role conflict is an error with integrity', () => {
    const error = soundStun(writeRoleConflict(TRANSACTION, OURS.pwd));
    expect(error.kind).toBe('error');
    expect(hasIntegrity(error, OURS.pwd)).toBe(true);
  });

  it('looks like STUN, which DTLS, SRTP and TURN do not', () => {
    expect(looksLikeStun(writeQuestion(TRANSACTION))).toBe(true);
    for (const first of [20, 22, 63, 64, 128, 191, 255]) expect(looksLikeStun(Buffer.from([first]))).toBe(false);
    expect(looksLikeStun(Buffer.alloc(0))).toBe(false);
  });
});

const own = { username: `${PEER.ufrag}:evtj`, password: PEER.pwd, priority: 1 };

/** A request without any attribute. */
function writeBare(): Buffer {
  const bare = Buffer.from(writeQuestion(TRANSACTION).subarray(0, 20));
  bare.writeUInt16BE(0, 2);
  return bare;
}

/** A message with further bytes at its end, and its length put right. */
function withAttribute(message: Buffer, bytes: readonly number[]): Buffer {
  const longer = Buffer.concat([message, Buffer.from(bytes)]);
  longer.writeUInt16BE(longer.length - 20, 2);
  return longer;
}

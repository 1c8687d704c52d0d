import { createECDH, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Malformed } from '../../../../src/webrtc/dtls/byte-reader.ts';
import { readCertificate } from '../../../../src/webrtc/dtls/key-messages.ts';
import { isSigned, isSoundPoint, keyOf, SECP256R1, X25519 } from '../../../../src/webrtc/dtls/peer-proof.ts';
import { writeCertificate } from '../../../support/certificate.ts';

/** The DER of a certificate. */
function der(kind: Parameters<typeof writeCertificate>[2]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'framelift-proof-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const pem = readFileSync(writeCertificate(folder, 'peer', kind).cert, 'utf8');
  return Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64');
}

/** A point of a curve in its uncompressed form. */
function pointOf(curve: string): Buffer {
  const ecdh = createECDH(curve);
  return ecdh.generateKeys();
}

it('takes points that are on their curve and give a secret', () => {
  const point = pointOf('prime256v1');
  expect(isSoundPoint(SECP256R1, point)).toBe(true);
  const off = Buffer.from(point);
  off[64] = (off[64] ?? 0) ^ 1;
  const compressed = Buffer.concat([Buffer.from([2]), point.subarray(1, 33)]);
  for (const wrong of [off, compressed, Buffer.of(0), Buffer.alloc(65), pointOf('secp384r1'), point.subarray(1)]) {
    expect(isSoundPoint(SECP256R1, wrong)).toBe(false);
  }
  const { publicKey } = generateKeyPairSync('x25519');
  expect(isSoundPoint(X25519, publicKey.export({ type: 'spki', format: 'der' }).subarray(-32))).toBe(true);
  // Points of orders 1, 2, 4 and 8 (RFC 7748 section 6.1), and one too short.
  const small = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    '09',
  ];
  for (const point of small) expect(isSoundPoint(X25519, Buffer.from(point, 'hex'))).toBe(false);
  expect(isSoundPoint(24, pointOf('secp384r1'))).toBe(false);
});

it('takes keys that prove something', () => {
  expect(keyOf(der('ecdsa'))?.asymmetricKeyType).toBe('ec');
  expect(keyOf(der('rsa'))?.asymmetricKeyType).toBe('rsa');
  expect(keyOf(der('rsa-1024'))).toBeUndefined();
  expect(keyOf(der('ed25519'))).toBeUndefined();
  expect(keyOf(Buffer.from('no certificate'))).toBeUndefined();
  expect(keyOf(der('ecdsa').subarray(0, 100))).toBeUndefined();
});

it('takes signatures of the kind of the key alone, by SHA-256', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const text = Buffer.from('what was said');
  const judge = (algorithm: number, hash: string, { publicKey, privateKey }: typeof ec): boolean =>
    isSigned(text, { algorithm, signature: sign(hash, text, privateKey) }, publicKey);
  expect(judge(0x0403, 'sha256', ec)).toBe(true);
  expect(judge(0x0401, 'sha256', rsa)).toBe(true);
  expect(judge(0x0401, 'sha256', ec)).toBe(false);
  expect(judge(0x0403, 'sha256', rsa)).toBe(false);
  expect(judge(0x0201, 'sha1', rsa)).toBe(false);
  expect(judge(0x0403, 'sha1', ec)).toBe(false);
  expect(isSigned(text, { algorithm: 0x0403, signature: Buffer.alloc(0) }, ec.publicKey)).toBe(false);
});

it('knows a message without a certificate', () => {
  for (const body of ['000000', '000003000000', '', '00000500000101']) {
    expect(() => readCertificate(Buffer.from(body, 'hex'))).toThrow(Malformed);
  }
  expect(readCertificate(Buffer.from('00000400000107', 'hex'))).toEqual(Buffer.of(7));
});

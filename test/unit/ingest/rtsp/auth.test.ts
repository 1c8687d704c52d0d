import { expect, test } from 'vitest';
import { Authenticator, describeChallenges, parseChallenges } from '../../../../src/ingest/rtsp/auth.ts';
import { fastestMs } from '../../../support/timing.ts';

const MUFASA = { user: 'Mufasa', password: 'Circle of Life' };
const RFC7616_CNONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';

function authorize(header: string, credentials: { user: string; password: string }, cnonce: string): string {
  const auth = new Authenticator(credentials, () => cnonce);
  expect(auth.answer(header, 0)).toBe('retry');
  return auth.authorize('GET', '/dir/index.html') ?? '';
}

test.each([
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
])('RFC 7616 section 3.9.1, %s', (algorithm, response) => {
  const field = authorize(
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
    MUFASA,
    RFC7616_CNONCE,
  );
  expect(field).toContain(`response="${response}"`);
  expect(field).toContain('nc=00000001');
  expect(field).toContain('opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"');
});

test('RFC 2617 section 3.5', () => {
  const field = authorize(
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    { user: 'Mufasa', password: 'Circle Of Life' },
    '0a4f113b',
  );
  expect(field).toContain('response="6629fae49393a05397450978507c4ef1"');
});

test('RFC 2069 (erratum 749): no qop, as old cameras do', () => {
  const field = authorize(
    'Digest realm="testrealm@host.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    { user: 'Mufasa', password: 'CircleOfLife' },
    'unused',
  );
  expect(field).toContain('response="1949323746fe6a43ef61f9606e7febea"');
  expect(field).not.toContain('cnonce');
});

test('the strongest of several challenges is answered, however they are laid out', () => {
  const digest = (algorithm: string) => `Digest realm="r", nonce="n", qop="auth", algorithm=${algorithm}`;
  for (const header of [
    `Basic realm="r", ${digest('MD5')}, ${digest('SHA-256')}`,
    [digest('SHA-256'), digest('MD5'), 'Basic realm="r"'].join('\n'),
    `${digest('UNKNOWN')}\n${digest('sha-256')}`,
  ]) {
    expect(authorize(header, MUFASA, 'c').toLowerCase()).toContain('algorithm=sha-256');
  }
});

test('Basic, with a password in UTF-8', () => {
  expect(authorize('Basic realm="camera"', { user: 'nurse', password: 'häßlich:' }, '')).toBe(
    `Basic ${Buffer.from('nurse:häßlich:').toString('base64')}`,
  );
});

test('quoted strings may hold commas, equals signs and escapes', () => {
  const [challenge] = parseChallenges('Digest realm="a, b=c \\"d\\"" , nonce=bare, stale=FALSE');
  expect([...(challenge?.parameters ?? [])]).toEqual([
    ['realm', 'a, b=c "d"'],
    ['nonce', 'bare'],
    ['stale', 'FALSE'],
  ]);
});

test('a wrong password is rejected at the second 401', () => {
  const auth = new Authenticator(MUFASA);
  expect(auth.answer('Digest realm="r", nonce="1"', 0)).toBe('retry');
  expect(auth.answer('Digest realm="r", nonce="2"', 1)).toBe('rejected');
});

test('a stale nonce is replaced, and its counter starts anew', () => {
  const auth = new Authenticator(MUFASA, () => 'c');
  auth.answer('Digest realm="r", nonce="1", qop="auth"', 0);
  auth.authorize('OPTIONS', '*');
  expect(auth.authorize('DESCRIBE', '*')).toContain('nc=00000002');
  expect(auth.answer('Digest realm="r", nonce="2", qop="auth", stale=true', 1)).toBe('retry');
  expect(auth.authorize('DESCRIBE', '*')).toMatch(/nonce="2".*nc=00000001/);
});

test('credentials that worked get one more try with a new nonce, stale or not said', () => {
  const auth = new Authenticator(MUFASA);
  auth.answer('Digest realm="r", nonce="1"', 0);
  auth.accepted();
  expect(auth.answer('Digest realm="r", nonce="2"', 1)).toBe('retry');
  expect(auth.answer('Digest realm="r", nonce="3"', 2)).toBe('rejected');
});

test.each(['', 'Bearer realm="x"', 'Digest realm="no nonce"', 'Digest nonce="n", algorithm=ROT13'])(
  '%j is not supported',
  (header) => {
    expect(new Authenticator(MUFASA).answer(header, 0)).toBe('unsupported');
  },
);

test('a challenge waits for its answer until the server accepts or rejects it', () => {
  const auth = new Authenticator(MUFASA);
  expect(auth.isChallenged).toBe(false);
  auth.answer('Digest realm="r", nonce="1"', 0);
  expect(auth.isChallenged).toBe(true);
  auth.accepted();
  expect(auth.isChallenged).toBe(false);
  const wrong = new Authenticator(MUFASA);
  wrong.answer('Basic realm="r"', 1);
  expect(wrong.isChallenged).toBe(false);
});

test.each([
  ['Digest realm=', [['digest', { realm: '' }]]],
  ['Digest realm="open', [['digest', { realm: 'open' }]]],
  ['Digest realm="a\\', [['digest', { realm: 'a' }]]],
  [
    '=, ="x", Basic',
    [
      ['x', {}],
      ['basic', {}],
    ],
  ],
  ['Digest , , nonce = "n" ,,', [['digest', { nonce: 'n' }]]],
])('%j is read as far as it goes', (header, expected) => {
  const read = parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
  expect(read).toEqual(expected);
});

test.each(['1', '-', ' ', '"', '\\', '=', ',', 'a=', 'a="', 'a ', '"\\"', 'Digest a="b", ', '1 =', '\n'])(
  '64 KiB of %j take no time',
  (piece) => {
    for (const before of ['', 'Digest realm="', 'Digest realm=', 'Digest ']) {
      const header = before + piece.repeat(65_536 / piece.length);
      expect(fastestMs(() => describeChallenges(header))).toBeLessThan(20);
      const challenges = parseChallenges(header);
      expect(challenges.length).toBeLessThanOrEqual(16);
      expect(Math.max(0, ...challenges.map(({ parameters }) => parameters.size))).toBeLessThanOrEqual(32);
    }
  },
);

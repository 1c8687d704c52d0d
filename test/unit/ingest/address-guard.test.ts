import { isIP } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  AddressGuard,
  addressClass,
  isAllowance,
  OPERATORS_GUARD,
  type Resolve,
} from '../../../src/ingest/address-guard.ts';

describe('classes', () => {
  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['10.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.2', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12:3456::1', 'private'],
    ['::ffff:192.168.1.2', 'private'],
    ['64:ff9b::a00:1', 'private'],
    ['169.254.169.254', 'link-local'],
    ['169.254.0.1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['::ffff:a9fe:a9fe', 'link-local'],
    ['64:ff9b::a9fe:a9fe', 'link-local'],
    ['fd00:ec2::254', 'link-local'],
    ['100.100.100.200', 'link-local'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['::', 'unspecified'],
    ['239.1.2.3', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'reserved'],
    ['203.0.113.9', 'reserved'],
    ['::127.0.0.1', 'reserved'],
    ['2002:7f00:1::', 'reserved'],
    ['2002:a9fe:a9fe::1', 'reserved'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'reserved'],
    ['64:ff9b:1::7f00:1', 'reserved'],
    ['fec0::1', 'reserved'],
    ['8.8.8.8', 'public'],
    ['172.32.0.1', 'public'],
    ['100.128.0.1', 'public'],
    ['2606:4700::1111', 'public'],
    ['64:ff9b::8.8.8.8', 'public'],
  ])('%s is %s', (address, expected) => {
    expect(addressClass(address)).toBe(expected);
  });
});

test.each(['loopback', 'private', '10.0.0.7', '10.1.0.0/16', '169.254.169.254/32', 'fd00::/8', '::1'])(
  '%s can be allowed',
  (text) => {
    expect(isAllowance(text)).toBe(true);
    expect(() => new AddressGuard([text])).not.toThrow();
  },
);

test.each([
  '',
  'public',
  'link-local',
  'camera.local',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  'fe80::1%eth0',
  '::/129',
])('%j cannot be allowed', (text) => {
  expect(isAllowance(text)).toBe(false);
});

/** Gives the next of `answers` each time it is asked. */
function resolver(...answers: string[][]): { resolve: Resolve; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    resolve: async (host) => {
      const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
      asked.push(host);
      return addresses.map((address) => ({ address, family: isIP(address) }));
    },
  };
}

/** What `net.connect` would get from the guard's lookup. */
function lookUp(guard: AddressGuard, host: string, options: { all?: boolean; family?: number | 'IPv4' } = {}) {
  return new Promise((resolve, reject) => {
    guard.lookup(host, options, (error, address) => (error ? reject(error) : resolve(address)));
  });
}

describe('what is permitted', () => {
  test('to sources of the API: public addresses only', () => {
    const guard = new AddressGuard([]);
    for (const address of ['8.8.8.8', '2606:4700::1111']) expect(guard.permits(address)).toBe(true);
    for (const address of [
      '127.0.0.1',
      '::1',
      '10.0.0.1',
      '::ffff:127.0.0.1',
      '0.0.0.0',
      '239.1.2.3',
      '2002:7f00:1::',
    ]) {
      expect(guard.permits(address)).toBe(false);
    }
  });

  test('to sources of operators: private networks and this machine, too', () => {
    const guard = OPERATORS_GUARD;
    for (const address of ['8.8.8.8', '127.0.0.1', '::1', '10.0.0.1', 'fd12::1'])
      expect(guard.permits(address)).toBe(true);
    for (const address of ['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '0.0.0.0', '239.1.2.3']) {
      expect(guard.permits(address)).toBe(false);
    }
  });

  test('by a range or an address: that, in IPv4-mapped form as well, and nothing beside it', () => {
    const guard = new AddressGuard(['10.1.0.0/16', '169.254.7.7', 'fd12::/16']);
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '169.254.7.7', 'fd12::9'])
      expect(guard.permits(address)).toBe(true);
    for (const address of ['10.2.0.1', '169.254.7.8', 'fd13::9', '127.0.0.1'])
      expect(guard.permits(address)).toBe(false);
  });

  test('a redirection leads no further inside than the server that sends it is', () => {
    const permitted = (from: string) => {
      const guard = OPERATORS_GUARD.beyond([from]);
      return ['8.8.8.8', '10.0.0.1', '127.0.0.1', '169.254.169.254'].filter((address) => guard.permits(address));
    };
    expect(permitted('1.1.1.1')).toEqual(['8.8.8.8']);
    expect(permitted('192.168.1.20')).toEqual(['8.8.8.8', '10.0.0.1']);
    expect(permitted('::ffff:127.0.0.1')).toEqual(['8.8.8.8', '10.0.0.1', '127.0.0.1']);
  });

  test('a second redirection is bound by both: no way leads back inside', () => {
    const guard = OPERATORS_GUARD.beyond(['192.168.1.20']).beyond(['1.1.1.1']);
    for (const address of ['10.0.0.1', '127.0.0.1']) expect(guard.permits(address)).toBe(false);
    expect(guard.beyond(['127.0.0.1']).permits('127.0.0.1')).toBe(false);
    expect(guard.permits('8.8.8.8')).toBe(true);
  });

  test('what is allowed to all sources is allowed to redirections, and nothing is that the URL itself may not', () => {
    expect(new AddressGuard(['private']).beyond(['1.1.1.1']).permits('10.0.0.1')).toBe(true);
    expect(new AddressGuard([]).beyond(['127.0.0.1']).permits('127.0.0.1')).toBe(false);
  });

  test('multicast only to protocols that join groups', () => {
    const guard = new AddressGuard([]);
    expect(guard.permits('239.1.2.3', true)).toBe(true);
    expect(guard.permits('127.0.0.1', true)).toBe(false);
  });
});

describe('names', () => {
  test('that lead to a loopback address are refused, with a remedy and the address', async () => {
    const guard = new AddressGuard([], resolver(['127.0.0.1']).resolve);
    await expect(guard.resolve('innocent.example')).rejects.toMatchObject({
      ...{ code: 'source.forbidden', recoverable: false },
      message: expect.stringMatching(/innocent\.example leads to 127\.0\.0\.1, which is a loopback address/),
      remedy: expect.stringContaining('sources.allow'),
    });
  });

  test('are refused if one of several addresses is', async () => {
    const guard = new AddressGuard([], resolver(['8.8.8.8', '169.254.169.254']).resolve);
    await expect(lookUp(guard, 'half.example', { all: true })).rejects.toMatchObject({ code: 'source.forbidden' });
  });

  test('are looked up once for a connection: what was checked is what is connected to', async () => {
    const { resolve, asked } = resolver(['8.8.8.8'], ['127.0.0.1']);
    const guard = new AddressGuard([], resolve);
    expect(await lookUp(guard, 'rebinding.example')).toBe('8.8.8.8');
    expect(asked).toEqual(['rebinding.example']);
    await expect(lookUp(guard, 'rebinding.example')).rejects.toMatchObject({ code: 'source.forbidden' });
  });

  test('have addresses of the family that is asked for', async () => {
    const guard = new AddressGuard([], resolver(['2606:4700::1111', '8.8.8.8']).resolve);
    expect(await lookUp(guard, 'both.example', { family: 4 })).toBe('8.8.8.8');
    expect(await lookUp(guard, 'both.example', { family: 'IPv4', all: true })).toEqual([
      { address: '8.8.8.8', family: 4 },
    ]);
    expect(await lookUp(guard, 'both.example', { all: true })).toHaveLength(2);
  });

  test('that nobody knows are unreachable, not forbidden', async () => {
    const guard = new AddressGuard([], async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    });
    await expect(guard.resolve('nowhere.example')).rejects.toMatchObject({
      code: 'source.unreachable',
      recoverable: true,
    });
    await expect(new AddressGuard([], resolver([]).resolve).resolve('empty.example')).rejects.toMatchObject({
      code: 'source.unreachable',
    });
  });

  test('written as numbers are what the system takes them for', async () => {
    const guard = new AddressGuard([]);
    for (const host of ['2130706433', '0x7f000001', '0177.0.0.1', '127.1', 'localhost']) {
      await expect(guard.resolve(host)).rejects.toMatchObject({ code: 'source.forbidden' });
    }
  });
});

test('addresses are checked without a look-up', () => {
  const guard = new AddressGuard([]);
  expect(() => guard.checkLiteral('::ffff:127.0.0.1')).toThrow(expect.objectContaining({ code: 'source.forbidden' }));
  expect(() => guard.checkLiteral('camera.example')).not.toThrow();
  expect(() => guard.checkLiteral('8.8.8.8')).not.toThrow();
});

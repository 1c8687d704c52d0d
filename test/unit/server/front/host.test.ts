import { describe, expect, it } from 'vitest';
import { hostOf, isLoopback, originOf, Site } from '../../../../src/server/front/host.ts';

describe('hostOf', () => {
  it('removes ports and brackets', () => {
    expect(hostOf('localhost:8080')).toBe('localhost');
    expect(hostOf('127.0.0.1')).toBe('127.0.0.1');
    expect(hostOf('[::1]:8080')).toBe('::1');
  });

  it('refuses what is no host', () => {
    const bad = [undefined, '', 'a b', 'localhost:port', 'localhost/evil', 'user@localhost', '[::1', 'é.example'];
    for (const header of bad) expect(hostOf(header), String(header)).toBeUndefined();
  });
});

describe('isLoopback', () => {
  it('knows names and addresses that stay on the machine', () => {
    for (const name of ['localhost', 'LOCALHOST', 'cam.localhost', '127.0.0.1', '127.8.8.8', '::1']) {
      expect(isLoopback(name), name).toBe(true);
    }
    for (const name of ['example.com', '127.0.0.1.example.com', '10.0.0.1', '0.0.0.0', '::', 'localhost.example.com']) {
      expect(isLoopback(name), name).toBe(false);
    }
  });
});

/** Hosts that are always right, and hosts that never are. */
const LOOPBACK = ['localhost:8080', 'LOCALHOST', '127.0.0.1:8080', '127.9.9.9', '[::1]:8080', 'cam.localhost'];
const FOREIGN = ['rebound.example:8080', 'localhost.rebound.example', '127.0.0.1.rebound.example', 'ward.local', 'x.'];
const MALFORMED = [undefined, '', 'user@localhost', 'localhost/evil', 'localhost, rebound.example'];

describe('a server answers', () => {
  it.each<[string, ConstructorParameters<typeof Site>[0], string[], string[]]>([
    ['on loopback to loopback names', { boundTo: '127.0.0.1' }, [], ['192.168.1.5', 'framelift', '[2001:db8::1]']],
    [
      'on loopback, behind a proxy, to the names of server.publicUrls at any port',
      { boundTo: '::1', publicUrls: ['https://Video.example:8443/framelift/', 'http://[2001:db8::1]'] },
      ['video.example', 'video.example:8443', 'VIDEO.example:1', 'video.example.', '[2001:DB8:0::1]:80'],
      ['video.example.rebound.example', 'example'],
    ],
    [
      'at one address to it and what is advertised',
      { boundTo: '192.168.1.5', advertisedHosts: ['203.0.113.9', 'nat.example'] },
      ['192.168.1.5:8080', '203.0.113.9', 'nat.example:8080'],
      [],
    ],
    [
      'at all addresses to each, to names without a dot and to its own',
      { boundTo: '0.0.0.0', machine: 'ward3' },
      ['192.168.1.5:8080', '[2001:db8::1]:8080', 'framelift:8080', 'ward3', 'ward3.local:8080'],
      ['ward4.local', 'ward3.example'],
    ],
    ['on loopback to no name of the machine', { boundTo: '127.0.0.1', machine: 'ward3' }, [], ['ward3', 'ward3.local']],
  ])('%s', (_, options, right, wrong) => {
    const site = new Site(options);
    for (const host of [...LOOPBACK, ...right]) expect(site.answersTo(host), host).toBe(true);
    for (const host of [...FOREIGN, ...MALFORMED, ...wrong]) expect(site.answersTo(host), String(host)).toBe(false);
  });
});

describe('a page is its own', () => {
  const site = new Site({ boundTo: '127.0.0.1', publicUrls: ['https://video.example:8443/framelift/'] });
  const isOwn = (origin: string | undefined, ...hosts: (string | undefined)[]) => site.isOwnPage({ origin, hosts });

  it.each([
    [undefined, 'localhost:8080'],
    ['http://localhost:8080', 'localhost:8080'],
    ['http://[::1]:8080', '[::1]:8080'],
    ['https://Ward.example', 'ward.example'],
    ['https://ward.example', 'ward.example:443'],
    ['http://ward.example', 'ward.example:80'],
    ['https://video.example:8443', 'video.example'],
    ['https://video.example:8443', '127.0.0.1:8080'],
    ['https://VIDEO.example:8443', undefined],
  ])('%s asking %s', (origin, host) => expect(isOwn(origin, host)).toBe(true));

  it('that asked a proxy by the name which the proxy tells', () => {
    expect(isOwn('https://ward.example:8443', '127.0.0.1:8080', 'ward.example:8443')).toBe(true);
  });

  it.each([
    '',
    'null',
    'http://localhost',
    'http://localhost:8081',
    'http://127.0.0.1:8080',
    'https://localhost:8080.evil.example',
    'http://evil.example#localhost:8080',
    'http://evil.example/localhost:8080',
    'http://localhost:8080@evil.example',
    'http://evil.example@localhost:8080',
    'http://evil.example@localhost:8080/',
    'file://localhost:8080',
    'chrome-extension://localhost:8080',
    'http://localhost:8080, http://evil.example',
    'http://video.example:8443',
    'https://video.example',
    'https://video.example:8443.evil.example',
  ])('not that of "%s"', (origin) => expect(isOwn(origin, 'localhost:8080')).toBe(false));

  it('not when the Host header is none', () => {
    for (const host of [undefined, '', 'user@localhost:8080', 'localhost:8080/evil']) {
      expect(isOwn('http://localhost:8080', host), String(host)).toBe(false);
    }
  });
});

it('originOf spells an origin as browsers do, and knows none of what is no site', () => {
  expect(originOf('HTTPS://Video.example:443')).toBe('https://video.example');
  for (const none of ['', 'null', 'file://x', 'https://user@x', 'https://x/y', 'x']) {
    expect(originOf(none), none).toBeUndefined();
  }
});

import { describe, expect, it } from 'vitest';
import { hostAllowed, hostOf, isLoopback, originAllowed } from '../../../src/server/host.ts';

describe('hostOf', () => {
  it('removes ports and brackets', () => {
    expect(hostOf('localhost:8080')).toBe('localhost');
    expect(hostOf('127.0.0.1')).toBe('127.0.0.1');
    expect(hostOf('[::1]:8080')).toBe('::1');
  });

  it('refuses what is no host', () => {
    for (const bad of [
      undefined,
      '',
      'a b',
      'localhost:port',
      'localhost/evil',
      'user@localhost',
      '[::1',
      'é.example',
    ]) {
      expect(hostOf(bad), String(bad)).toBeUndefined();
    }
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

describe('hostAllowed', () => {
  it('on loopback takes only loopback names', () => {
    expect(hostAllowed('localhost:8080', '127.0.0.1')).toBe(true);
    expect(hostAllowed('[::1]:8080', '127.0.0.1')).toBe(true);
    expect(hostAllowed('rebound.example:8080', '127.0.0.1')).toBe(false);
    expect(hostAllowed(undefined, '127.0.0.1')).toBe(false);
  });

  it('elsewhere takes any name', () => {
    expect(hostAllowed('camera-server.ward.example', '0.0.0.0')).toBe(true);
    expect(hostAllowed('192.168.1.5:8080', '192.168.1.5')).toBe(true);
  });
});

describe('originAllowed', () => {
  it('takes the page of the same host and port, and programs that are no browser', () => {
    expect(originAllowed(undefined, 'localhost:8080')).toBe(true);
    expect(originAllowed('http://localhost:8080', 'localhost:8080')).toBe(true);
    expect(originAllowed('http://[::1]:8080', '[::1]:8080')).toBe(true);
    expect(originAllowed('https://Ward.example', 'ward.example')).toBe(true);
    expect(originAllowed('https://ward.example', 'ward.example:443')).toBe(true);
    expect(originAllowed('http://ward.example', 'ward.example:80')).toBe(true);
  });

  it('refuses every other page', () => {
    for (const origin of [
      '',
      'null',
      'http://localhost',
      'http://localhost:8081',
      'http://127.0.0.1:8080',
      'https://localhost:8080.evil.example',
      'http://evil.example#localhost:8080',
      'http://evil.example/localhost:8080',
      'http://localhost:8080@evil.example',
      'http://evil.example@localhost:8080/',
      'file://localhost:8080',
      'chrome-extension://localhost:8080',
      'http://localhost:8080, http://evil.example',
    ]) {
      expect(originAllowed(origin, 'localhost:8080'), origin).toBe(false);
    }
    for (const host of [undefined, '', 'user@localhost:8080', 'localhost:8080/evil']) {
      expect(originAllowed('http://localhost:8080', host), String(host)).toBe(false);
    }
  });
});

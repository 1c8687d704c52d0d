/// <reference lib="dom" />
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  addressOf,
  fragmentOf,
  readFragment,
  socketAddress,
  takeToken,
  whepAddress,
  whipAddress,
} from '../../../src/web/address.js';

describe.each([
  ['http://127.0.0.1:8080/', 'ws://127.0.0.1:8080/'],
  ['https://camera.example/', 'wss://camera.example/'],
  ['https://camera.example:8443/framelift/', 'wss://camera.example:8443/framelift/'],
  ['http://[::1]:8080/a/b%20c/', 'ws://[::1]:8080/a/b%20c/'],
])('a page at %s', (page, socket) => {
  const base = new URL(page);

  it('asks for everything below its own folder, the socket as secure as it is itself', () => {
    expect(addressOf('api/streams', base)).toBe(`${page}api/streams`);
    expect(socketAddress(base)).toBe(`${socket}ws`);
    expect(whepAddress('a b/c', 'upconverted', base)).toBe(`${page}whep/a%20b%2Fc`);
    expect(whepAddress('cam', 'source', base)).toBe(`${page}whep/cam?variant=source`);
    expect(whipAddress('cam', base)).toBe(`${page}whip/cam`);
  });
});

describe('the fragment', () => {
  it.each([
    ['', { stream: undefined, token: undefined, rest: '' }],
    ['#/', { stream: undefined, token: undefined, rest: '#/' }],
    ['#/theatre1', { stream: 'theatre1', token: undefined, rest: '#/theatre1' }],
    ['#token=abc', { stream: undefined, token: 'abc', rest: '' }],
    ['#token=', { stream: undefined, token: undefined, rest: '' }],
    ['#/theatre1&token=a%2Bb/c~d==', { stream: 'theatre1', token: 'a+b/c~d==', rest: '#/theatre1' }],
    ['#/theatre1?token=abc', { stream: 'theatre1', token: 'abc', rest: '#/theatre1' }],
    ['#token=abc&/theatre1', { stream: 'theatre1', token: 'abc', rest: '#/theatre1' }],
    ['#/100%', { stream: '100%', token: undefined, rest: '#/100%' }],
  ])('%s', (hash, expected) => {
    expect(readFragment(hash)).toEqual(expected);
  });

  it('names any stream that the page links to', () => {
    for (const name of ['cam', 'a&token=b', 'x?y', 'ü/ö']) {
      expect(readFragment(fragmentOf(name))).toMatchObject({ stream: name, token: undefined });
    }
  });

  it('loses its token the moment that it is read, and nothing else of the address', () => {
    const shown: unknown[] = [];
    const history = { replaceState: (...args: unknown[]) => shown.push(args) };
    const address = { pathname: '/framelift/', search: '?view=source' };
    expect(takeToken({ ...address, hash: '#/cam&token=abc' }, history)).toBe('abc');
    expect(shown).toEqual([[null, '', '/framelift/?view=source#/cam']]);
    expect(takeToken({ ...address, hash: '#/cam' }, history)).toBeUndefined();
    expect(shown).toHaveLength(1);
  });
});

/** Where a file of each type would name the root of its host. */
const ABSOLUTE: Readonly<Record<string, RegExp>> = {
  html: /(?:href|src|action|poster)="\//g,
  css: /url\(["']?\//g,
  js: /["'`]\/[a-z]/gi,
};

it('no file of the page asks for an address at the root of its host', () => {
  const web = resolve(import.meta.dirname, '../../../src/web');
  const files = readdirSync(web, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(html|css|js)$/.test(name));
  const found = files.flatMap((name) => {
    const text = readFileSync(join(web, name), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
    return [...text.matchAll(ABSOLUTE[name.split('.').at(-1) ?? ''] ?? /$^/g)].map(({ 0: hit }) => `${name}: ${hit}`);
  });
  expect(files.length).toBeGreaterThan(20);
  expect(found).toEqual([]);
});

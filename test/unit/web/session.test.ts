/// <reference lib="dom" />
import { expect, it } from 'vitest';
import { parseIceServers, refusalState } from '../../../src/web/session.js';

it('reads the ICE servers of a Link header, quoted commas and escapes included', () => {
  const header = [
    '<stun:stun.example:3478>; rel="ice-server"',
    '<turn:turn.example?transport=udp>; rel="ice-server"; username="a,\\"b"; credential="c;d"; credential-type="password"',
    '<https://example.org/>; rel="help"',
  ].join(', ');
  expect(parseIceServers(header)).toEqual([
    { urls: 'stun:stun.example:3478' },
    { urls: 'turn:turn.example?transport=udp', username: 'a,"b', credential: 'c;d' },
  ]);
  expect(parseIceServers('')).toEqual([]);
});

it('tells refusals that end a session from those after which it tries again', () => {
  const states = [401, 404, 409, 429, 503, 400, 403, 415, 500, 502].map(refusalState);
  expect(states).toEqual([
    ...['locked', 'unknown', 'no-source', 'full', 'full'],
    ...['refused', 'refused', 'refused', 'lost', 'lost'],
  ]);
});

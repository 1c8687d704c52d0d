import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../../../src/log.ts';
import { fromMs, ManualClock, micros } from '../../../src/time.ts';
import { type IceServerSettings, IceServers } from '../../../src/webrtc/ice-servers.ts';

const clock = new ManualClock(micros(0), micros(1_700_000_000e6));
const servers = (...settings: IceServerSettings[]): IceServers => new IceServers(settings, clock);
const TURN = { urls: ['turn:t.example:3478?transport=tcp', 'turns:t.example'], username: 'u', credential: 'c' };

describe('IceServers', () => {
  it('asks a TURN server for STUN as well where none is named, so that werift asks nobody else', () => {
    expect(servers(TURN).own()).toEqual([TURN, { urls: ['stun:t.example:3478'] }]);
    expect(servers({ urls: ['stun:s.example'] }, TURN).own()).toEqual([{ urls: ['stun:s.example'] }, TURN]);
  });

  it('asks none of those that are for clients', () => {
    const forClients = servers({ ...TURN, clientOnly: true });
    expect(forClients.own()).toEqual([]);
    expect(forClients.offered()).toEqual([TURN]);
  });

  it('makes credentials of a secret that hold for a day', () => {
    const username = `${1_700_000_000 + 86_400}:framelift`;
    const credential = createHmac('sha1', 'shared').update(username).digest('base64');
    const [offered] = servers({ urls: ['turn:t'], secret: 'shared' }).offered();
    expect(offered).toEqual({ urls: ['turn:t'], username, credential });
  });

  it('complains of a TURN server that gives no address: once a minute, with a count, without credentials', () => {
    const time = new ManualClock();
    const said: [object, string][] = [];
    const asked = new IceServers([TURN], time, {
      ...SILENT_LOG,
      warn: (fields, message) => said.push([fields, message]),
    });
    const host = '1 1 udp 1 10.0.0.1 5000 typ host';
    asked.got([host, '2 1 udp 1 198.51.100.1 6000 typ relay raddr 0.0.0.0 rport 0']);
    expect(said).toEqual([]);
    for (let connections = 0; connections < 5; connections += 1) asked.got([host]);
    time.advance(fromMs(60_000));
    asked.got([host]);
    expect(said.map(([fields]) => fields)).toMatchObject([{ turn: TURN.urls, connections: 1 }, { connections: 5 }]);
    expect(JSON.stringify(said)).not.toMatch(/"u"|"c"/);
  });

  it('complains of nobody who was not asked', () => {
    const said: string[] = [];
    const log = { ...SILENT_LOG, warn: (_: object, message: string) => void said.push(message) };
    for (const settings of [{ ...TURN, clientOnly: true }, { urls: ['stun:s'] }])
      new IceServers([settings], clock, log).got([]);
    expect(said).toEqual([]);
  });

  it('writes Link headers: quoted, credentials for TURN alone', () => {
    const odd = { urls: ['turn:t'], username: 'a"b', credential: 'c\\d' };
    expect(servers({ ...TURN, urls: ['stun:s', ...TURN.urls] }, odd).links()).toEqual([
      '<stun:s>; rel="ice-server"',
      '<turn:t.example:3478?transport=tcp>; rel="ice-server"; username="u"; credential="c"; credential-type="password"',
      '<turns:t.example>; rel="ice-server"; username="u"; credential="c"; credential-type="password"',
      '<turn:t>; rel="ice-server"; username="a\\"b"; credential="c\\\\d"; credential-type="password"',
    ]);
  });
});

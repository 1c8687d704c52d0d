/** Whom requests through a proxy count for, and by which name they came. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket as Client } from 'ws';
import { WhepEndpoint } from '../../../../src/egress/whep.ts';
import { type Log, SILENT_LOG } from '../../../../src/log.ts';
import { clientAddress } from '../../../../src/server/front/client.ts';
import type { SignallingRequest, SignallingResponse } from '../../../../src/webrtc/resource.ts';
import { ask, upgrade } from '../../../support/request.ts';
import { startServer } from '../../../support/server.ts';

/** Address that the log has of a request that is refused, and its status. */
async function seen(headers: Record<string, string>, trustProxy: string[]): Promise<unknown[]> {
  const lines: { from?: string }[] = [];
  const log: Log = { ...SILENT_LOG, warn: (fields) => void lines.push(fields) };
  const server = await startServer(undefined, { log, trustProxy });
  const { status } = await ask(server, '/api/config/reload', headers, 'POST');
  await expect.poll(() => lines.length).toBe(1);
  return [status, lines[0]?.from];
}

describe('the address of a client', () => {
  const FORWARDED = { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=203.0.113.8' };

  it.each<[string, Record<string, string>, string[], string]>([
    ['without a trusted proxy', FORWARDED, [], '127.0.0.1'],
    ['when another proxy is trusted', FORWARDED, ['10.0.0.0/8', 'private'], '127.0.0.1'],
    ['when it is the proxy of this machine', FORWARDED, ['loopback'], '203.0.113.9'],
    ['when it is the proxy at this address', FORWARDED, ['127.0.0.1'], '203.0.113.9'],
    ['that puts one in front itself', { 'X-Forwarded-For': '1.2.3.4, 203.0.113.9' }, ['loopback'], '203.0.113.9'],
    [
      'behind two proxies',
      { 'X-Forwarded-For': '1.2.3.4, 203.0.113.9, 10.7.0.1' },
      ['loopback', 'private'],
      '203.0.113.9',
    ],
    ['in IPv6', { 'X-Forwarded-For': '2001:db8::9' }, ['loopback'], '2001:db8::9'],
    ['that is no address', { 'X-Forwarded-For': 'unknown' }, ['loopback'], '127.0.0.1'],
    ['of whom only `Forwarded` tells, which is not read', { Forwarded: 'for=203.0.113.8' }, ['loopback'], '127.0.0.1'],
  ])('%s', async (_, headers, trustProxy, address) => {
    expect(await seen(headers, trustProxy)).toEqual([401, address]);
  });

  it('is IPv4 where a socket listens on ::', () => {
    const socket = { remoteAddress: '::ffff:192.0.2.1' };
    expect(clientAddress({ ip: '::ffff:192.0.2.1', socket })).toBe('192.0.2.1');
    expect(clientAddress({ ip: 'garbage', socket })).toBe('192.0.2.1');
  });

  it('is what its rate is counted by', async () => {
    const server = await startServer(undefined, { trustProxy: ['loopback'], requestsPerSecond: 1 });
    const from = (address: string) => ask(server, '/healthz', { 'X-Forwarded-For': address });
    const [first, second, again] = [await from('203.0.113.1'), await from('203.0.113.2'), await from('203.0.113.1')];
    expect([first.status, second.status, again.status]).toEqual([200, 200, 429]);
  });

  it('cannot be made up to escape the rate', async () => {
    const server = await startServer(undefined, { requestsPerSecond: 1 });
    const from = (address: string) => ask(server, '/healthz', { 'X-Forwarded-For': address });
    expect([(await from('203.0.113.1')).status, (await from('203.0.113.2')).status]).toEqual([200, 429]);
  });
});

/** Takes nobody, and remembers who asked. */
class Doorman extends WhepEndpoint {
  readonly clients: unknown[] = [];

  override async handle(request: SignallingRequest): Promise<SignallingResponse> {
    this.clients.push(request.address);
    return super.handle(request);
  }

  override async join(...asked: [...Parameters<WhepEndpoint['join']>, ...unknown[]]): Promise<never> {
    this.clients.push(asked[4]);
    throw new Error('nobody is let in');
  }
}

it('is what players are let in by, over HTTP and the WebSocket', async () => {
  const whep = new Doorman({ find: () => undefined });
  const server = await startServer(undefined, { trustProxy: ['loopback'], whep });
  const headers = { 'X-Forwarded-For': '203.0.113.9' };
  await ask(server, '/whep/cam', headers, 'POST');
  const client = new Client(`${server.url.replace('http', 'ws')}/ws`, { headers });
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  client.send(JSON.stringify({ type: 'offer', id: '1', stream: 'cam', sdp: 'v=0' }));
  await expect.poll(() => whep.clients).toEqual(['203.0.113.9', '203.0.113.9']);
});

describe('the name by which a request came', () => {
  const open = async (headers: Record<string, string>, trustProxy: string[]): Promise<string> => {
    const server = await startServer(undefined, { trustProxy });
    const answer = await upgrade(server, headers);
    return answer.status === 101 ? 'passed' : JSON.parse(answer.body).code;
  };

  it.each<[string, Record<string, string>, string[], string]>([
    [
      'is the proxy’s word',
      { 'X-Forwarded-Host': 'localhost:9', Origin: 'https://localhost:9' },
      ['loopback'],
      'passed',
    ],
    [
      'not of a stranger',
      { 'X-Forwarded-Host': 'localhost:9', Origin: 'https://localhost:9' },
      [],
      'http.forbidden-origin',
    ],
    ['is checked as Host is', { 'X-Forwarded-Host': 'rebound.example' }, ['loopback'], 'http.forbidden-host'],
    [
      'does not excuse the Host',
      { Host: 'rebound.example', 'X-Forwarded-Host': 'localhost' },
      ['loopback'],
      'http.forbidden-host',
    ],
    ['is the last one', { 'X-Forwarded-Host': 'localhost, rebound.example' }, ['loopback'], 'http.forbidden-host'],
  ])('%s', async (_, headers, trustProxy, expected) => {
    expect(await open(headers, trustProxy)).toBe(expected);
  });
});

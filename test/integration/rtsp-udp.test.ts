/** RTSP over UDP: what servers write of their side, and networks that let no UDP through. */
import { createSocket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fromMs } from '../../src/time.ts';
import type { FakeScript } from '../support/fake-rtsp.ts';
import { RecordedLog } from '../support/recorded-log.ts';
import { rtpBytes } from '../support/rtp.ts';
import { rtspRig } from '../support/rtsp-rig.ts';
import { watch } from '../support/watch.ts';

const rig = rtspRig();
const { start, source } = rig;

/** Sends from here by UDP, whatever the server says of itself. */
let sender: ReturnType<typeof createSocket>;
beforeEach(() => {
  sender = createSocket('udp4');
});
afterEach(() => {
  sender.close();
});

/** A camera by UDP whose Transport field is the client's and `parameters`. */
function camera(parameters: string): FakeScript {
  let port = 0;
  return ({ method, headers }) => {
    const transport = headers.get('transport') ?? '';
    if (method === 'SETUP') {
      port = Number(/client_port=(\d+)/.exec(transport)?.[1]);
      return { headers: { Transport: `${transport}${parameters}`, Session: 'abc' } };
    }
    if (method === 'PLAY') for (const packet of rig.packets) sender.send(rtpBytes(packet), port, '127.0.0.1');
    return undefined;
  };
}

test.each([
  ['no side of its own', ''],
  ['ports 0 and 1', ';server_port=0-1'],
  ['ports beyond 65535', ';server_port=70000-70001'],
  ['the last port, which has no successor', ';server_port=65535'],
  ['no number', ';server_port=abc'],
  ['another client port', ';client_port=1-2;server_port=9-10'],
  ['a link-local sender', ';server_port=9-10;source=169.254.169.254'],
  ['a sender of its own network', ';server_port=9-10;source=192.168.77.7'],
  ['a sender of another family', ';server_port=9-10;source=2606:4700::1'],
  ['a sender that is no address', ';server_port=9-10;source=999.1.1.1'],
  ['a lifetime beyond reason', ';server_port=9-10;ttl=99999999999'],
])('the server names %s: packets are taken from where it is', async (_, parameters) => {
  const { url } = await start({ packets: [], script: camera(parameters) });
  const { frames, infos, error } = await watch(source(url, { transport: 'udp' }), 3, 2500);
  expect(error).toBeUndefined();
  expect(infos[0]?.transport).toBe('rtsp/udp');
  expect(frames).toHaveLength(3);
});

describe('TCP takes its place', () => {
  const byTcp = (transport: string | undefined) => transport?.includes('TCP') ?? false;

  test('where the server refuses it with 461', async () => {
    const { url, requests } = await start({
      script: ({ method, headers }) =>
        method === 'SETUP' && !byTcp(headers.get('transport')) ? { status: 461 } : undefined,
    });
    const { frames, infos } = await watch(source(url, { transport: 'udp' }), 3);
    expect(frames).toHaveLength(3);
    expect(infos[0]?.transport).toBe('rtsp/tcp');
    expect(requests.filter((r) => r.method === 'SETUP')).toHaveLength(2);
  });

  test('where the server chooses it', async () => {
    const { url } = await start();
    const { frames, infos } = await watch(source(url, { transport: 'udp' }), 3);
    expect(frames).toHaveLength(3);
    expect(infos[0]?.transport).toBe('rtsp/tcp');
  });

  test('where nothing comes over UDP: within 3 s, told once, in the run of the source', async () => {
    const log = new RecordedLog('warn');
    let silent = false;
    const { url, requests } = await start({
      script: ({ method, headers }, socket) => {
        const transport = headers.get('transport');
        if (method === 'SETUP') silent = !byTcp(transport);
        if (method === 'SETUP' && silent) {
          return { headers: { Transport: `${transport};server_port=9-10`, Session: 'abc' } };
        }
        if (method !== 'PLAY' || !silent) return undefined;
        socket.write(`RTSP/1.0 200 OK\r\nCSeq: ${headers.get('cseq')}\r\n\r\n`);
        return 'drop';
      },
    });
    const started = performance.now();
    const { frames, infos, error } = await watch(
      source(url, { transport: 'udp', log, stallTimeout: fromMs(60_000) }),
      3,
    );
    expect(error).toBeUndefined();
    expect(frames).toHaveLength(3);
    expect(infos.map(({ transport }) => transport)).toEqual(['rtsp/tcp']);
    expect(performance.now() - started).toBeGreaterThan(2900);
    expect(performance.now() - started).toBeLessThan(4500);
    expect(log.messages('warn')).toEqual([expect.stringContaining('no packet came over UDP')]);
    expect(requests.filter((r) => r.method === 'TEARDOWN').length).toBeGreaterThanOrEqual(1);
  });
});

test('a server that was asked for TCP and chooses UDP is told so', async () => {
  const { url } = await start({
    script: ({ method }) =>
      method === 'SETUP' ? { headers: { Transport: 'RTP/AVP;unicast;server_port=6970-6971' } } : undefined,
  });
  const { error } = await watch(source(url), 1);
  expect(error).toMatchObject({ code: 'source.protocol', remedy: expect.stringContaining('udp') });
});

/** A stream handed on by WHIP, to framelift's own server and to aiortc: pictures, sound, tokens, ends. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputAddress } from '../../src/egress/push/address.ts';
import { whipPush } from '../../src/egress/push/whip.ts';
import { systemClock } from '../../src/time.ts';
import { IcePort } from '../../src/webrtc/ice/port.ts';
import { freePort } from '../support/camera.ts';
import { type PushRig, startPushRig } from '../support/push-rig.ts';
import { TOKENS } from '../support/tokens.ts';
import { until, WhipRig } from '../support/whip-rig.ts';

let stream: PushRig;
let port: IcePort;
beforeAll(async () => {
  stream = startPushRig('opus', '320x180');
  port = await IcePort.open({ clock: systemClock });
});
afterAll(async () => {
  expect(stream.followers).toBe(0);
  stream[Symbol.dispose]();
  expect(port.router.size).toBe(0);
  await port[Symbol.asyncDispose]();
});

/** Starts a push to a server; `url` is of HTTP. */
function push(url: string, token: string | undefined) {
  const stop = new AbortController();
  const seen = { live: 0, bytes: 0 };
  const address = outputAddress(url.replace(/^http/, 'whip'));
  const ended = whipPush({ ...{ address, token, audio: true, clock: systemClock }, transport: { port } }).run(
    stream,
    { live: () => (seen.live += 1), sent: (bytes) => (seen.bytes += bytes) },
    stop.signal,
  );
  ended.catch(() => {});
  return { seen, ended, stop: () => stop.abort() };
}

describe('a push by WHIP', () => {
  it('gives every picture, and the sound; both sides know when it ends', async () => {
    await using server = await WhipRig.start();
    const { seen, ended, stop } = push(server.url, TOKENS.publish);
    await server.untilFrames(60);
    expect(seen.live).toBe(1);
    expect(seen.bytes).toBeGreaterThan(100_000);
    expect(new Set(server.frames.map(({ size }) => size))).toEqual(new Set(['320x180']));
    const times = server.frames.slice(10, 60).map(({ ptsMs }) => ptsMs);
    const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(Math.max(...steps)).toBeLessThan(40);
    expect(server.lost).toBe(0);
    await until('sound', () => server.sounds.filter((codec) => codec === 'opus').length > 50);
    stop();
    expect(await ended).toBe('stopped');
    // Silence would be noticed after 10 s only.
    await until('the end', () => server.log.some((line) => line.startsWith('publisher gone')));
  });

  it('is decoded by aiortc, whose ICE is a full one', async () => {
    const script = fileURLToPath(new URL('../support/aiortc_whip_server.py', import.meta.url));
    const peer = spawn('/usr/bin/python3', [script, '--frames', '40'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
      // The script's own lines.
      const said = async () => JSON.parse((await lines.next()).value ?? 'null') as unknown;
      const { ended, stop } = push(`http://127.0.0.1:${await said()}/whip`, TOKENS.publish);
      const heard = await said();
      expect(heard).toMatchObject({ frames: 40, width: 320, height: 180, token: `Bearer ${TOKENS.publish}` });
      expect((heard as { sounds: number }).sounds).toBeGreaterThan(20);
      stop();
      expect(await ended).toBe('stopped');
      expect(await said()).toEqual({ ended: true });
    } finally {
      peer.kill('SIGKILL');
    }
  });

  it('without the right token is refused, and one is not told to another server', async () => {
    await using server = await WhipRig.start();
    await expect(push(server.url, undefined).ended).rejects.toMatchObject({ code: 'output.unauthorized' });
    await expect(push(server.url, 'wrong-wrong-wrong').ended).rejects.toMatchObject({ code: 'output.unauthorized' });
    const elsewhere = createServer((_request, response) => {
      response.writeHead(307, { Location: server.url }).end();
    }).listen(0, '127.0.0.1');
    await until('listening', () => elsewhere.listening);
    const address = elsewhere.address();
    const at = address !== null && typeof address === 'object' ? address.port : 0;
    const other = push(`http://127.0.0.1:${at}/whip`, TOKENS.publish);
    await expect(other.ended).rejects.toMatchObject({ code: 'output.unauthorized' });
    elsewhere.close();
    expect(server.frames).toEqual([]);
  });

  it('tells of a server that is not there', async () => {
    const { ended } = push(`http://127.0.0.1:${await freePort()}/whip/cam`, TOKENS.publish);
    await expect(ended).rejects.toMatchObject({ code: 'output.unreachable', recoverable: true });
  });
});

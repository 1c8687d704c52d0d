/** Connections when all are taken. Clients of the loopback have an address each: 127.0.0.2, 127.0.0.3, … */
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeListener } from '../../../../src/server/listener.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';

const MAX = 6;

async function start() {
  const log = new RecordedLog();
  const limits = { maxConnections: MAX, requestTimeoutMs: 10_000 };
  const listener = makeListener((_, response) => response.end('here'), limits, { certificate: undefined, log });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void listener.close().closeAllConnections());
  // A TCP server that listens has an AddressInfo.
  const { port } = listener.address() as AddressInfo;
  /** Connects from an address; true when the connection is answered, false when it is cut off. */
  const open = async (localAddress: string): Promise<{ socket: Socket; served: boolean }> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    onTestFinished(() => void socket.destroy());
    // A reset is an end as well.
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const served = await Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
    return { socket, served };
  };
  const openMany = async (address: string, count: number): Promise<{ socket: Socket; served: boolean }[]> => {
    const opened = [];
    for (let n = 0; n < count; n += 1) opened.push(await open(address));
    return opened;
  };
  return { open, openMany, log };
}

const served = (opened: readonly { served: boolean }[]): boolean[] => opened.map((one) => one.served);

describe('connections', () => {
  it('may all be of one client, and no more than there are', async () => {
    const { openMany, log } = await start();
    expect(served(await openMany('127.0.0.2', MAX + 2))).toEqual([...Array(MAX).fill(true), false, false]);
    expect(new Set(log.messages('warn'))).toEqual(new Set(['refused: too many connections']));
  });

  it('are given up by who holds most, the newest first, until the newcomer has as many', async () => {
    const { openMany, log } = await start();
    const strangers = await openMany('127.0.0.2', MAX);
    expect(served(await openMany('127.0.0.3', 4))).toEqual([true, true, true, false]);
    await expect
      .poll(() => strangers.map(({ socket }) => socket.destroyed))
      .toEqual([...[false, false, false], ...[true, true, true]]);
    expect(log.messages('warn').slice(0, 3)).toEqual(Array(3).fill('a connection gave way to another client'));
    // Who has its share already gains nothing by trying again.
    expect(served(await openMany('127.0.0.2', 3))).toEqual([false, false, false]);
  });

  it('are free again when they end', async () => {
    const { open, openMany } = await start();
    const [first] = await openMany('127.0.0.2', MAX);
    first?.socket.end();
    await expect.poll(async () => (await open('127.0.0.2')).served).toBe(true);
  });

  it('let every honest client in while one address keeps trying to take all', async () => {
    const { open, openMany } = await start();
    await openMany('127.0.0.2', MAX);
    const honest: boolean[] = [];
    for (let client = 3; client < 3 + MAX - 1; client += 1) {
      await openMany('127.0.0.2', 4);
      honest.push((await open(`127.0.0.${client}`)).served);
    }
    expect(honest).toEqual(Array(MAX - 1).fill(true));
  });
});

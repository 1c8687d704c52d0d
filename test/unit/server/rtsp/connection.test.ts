import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { Followers } from '../../../../src/egress/followers.ts';
import { noEvents } from '../../../../src/metrics/events.ts';
import { Access } from '../../../../src/server/auth.ts';
import { RtspServerConnection } from '../../../../src/server/rtsp/connection.ts';
import { fromMs, ManualClock } from '../../../../src/time.ts';
import { encodedUnit } from '../../../support/encoded-unit.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';

/** A socket whose other end takes what it is told to. */
class TestSocket extends EventEmitter {
  readonly remoteAddress = '192.0.2.1';
  text = '';
  writableLength = 0;
  destroyed = false;
  reads = true;
  setNoDelay(): void {}
  write(bytes: Buffer | string, done: () => void = () => {}): void {
    this.text += typeof bytes === 'string' ? bytes : '$';
    if (this.reads) done();
    else this.writableLength += bytes.length;
  }
  end(): void {
    this.destroy();
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function rig() {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const socket = new TestSocket();
  const followers = new Followers({ keyframe: () => {}, onPresence: () => {} });
  const publication = { sound: { codec: undefined }, follow: (follower: never) => followers.enter(follower, []) };
  const counts: boolean[] = [];
  const there = { now: publication as unknown };
  new RtspServerConnection(socket as unknown as Socket, {
    ...{ access: new Access(), udp: undefined, clock, events: noEvents, log },
    find: () => there.now as never,
    onPlaying: (_stream, _variant, playing) => void counts.push(playing),
  });
  const ask = async (method: string, fields = ''): Promise<string> => {
    socket.text = '';
    socket.emit('data', Buffer.from(`${method} rtsp://h/cam RTSP/1.0\r\nCSeq: 7\r\n${fields}\r\n`));
    for (let i = 0; i < 20; i += 1) await Promise.resolve();
    clock.advance(fromMs(1));
    return socket.text;
  };
  const send = (ms: number): void => {
    const data = Buffer.concat([Buffer.from([0, 0, 1, 0x65]), Buffer.alloc(100_000, 7)]);
    followers.push({ ...encodedUnit(fromMs(ms), true), data });
  };
  return { clock, log, socket, followers, counts, there, ask, send };
}

const play = async (ask: ReturnType<typeof rig>['ask']): Promise<void> => {
  expect(await ask('SETUP', 'Transport: RTP/AVP/TCP;interleaved=0-1\r\n')).toMatch(/^RTSP\/1.0 200 OK\r\nCSeq: 7\r\n/);
  expect(await ask('PLAY')).toContain('RTP-Info: url=rtsp://h/cam/trackID=0;seq=');
};

it('a client that says nothing is cut off', () => {
  const { clock, socket } = rig();
  clock.advance(fromMs(14_000));
  expect(socket.destroyed).toBe(false);
  clock.advance(fromMs(3000));
  expect(socket.destroyed).toBe(true);
});

it('a reader that takes its packets need not say anything; one that is gone is cut off', async () => {
  const { clock, socket, followers, counts, ask, send } = rig();
  await play(ask);
  for (let ms = 0; ms < 200_000; ms += 10_000) {
    clock.advance(fromMs(10_000));
    send(ms + 1);
  }
  expect([socket.destroyed, followers.size, counts]).toEqual([false, 1, [true]]);
  socket.reads = false;
  clock.advance(fromMs(62_000));
  expect([socket.destroyed, followers.size, counts]).toEqual([true, 0, [true, false]]);
});

it('a reader that is too slow is cut off, and what waits for it is bounded', async () => {
  const { socket, followers, log, ask, send } = rig();
  await play(ask);
  socket.reads = false;
  for (let ms = 1; ms < 200 && !socket.destroyed; ms += 1) send(ms);
  expect(socket.destroyed).toBe(true);
  expect(socket.writableLength).toBeLessThan(4.3 * 2 ** 20);
  expect(followers.size).toBe(0);
  expect(log.messages('info').join()).toContain('reads more slowly');
});

it('a reader of a stream that is gone, or that another one has replaced, is told by the end', async () => {
  const { clock, socket, followers, there, ask } = rig();
  await play(ask);
  there.now = undefined;
  clock.advance(fromMs(1100));
  expect([socket.destroyed, followers.size]).toEqual([true, 0]);
});

it('a description that has no keyframe to tell of is refused in time', async () => {
  const { clock, socket, followers, ask } = rig();
  expect(await ask('DESCRIBE')).toBe('');
  expect(followers.size).toBe(1);
  clock.advance(fromMs(8000));
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
  expect(socket.text).toMatch(/^RTSP\/1.0 503 /);
  expect(followers.size).toBe(0);
});

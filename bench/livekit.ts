/**
 * A stream handed on by WHIP to livekit-server, and read back by LiveKit's own SDK for Node:
 *
 *     go install github.com/livekit/livekit-server/cmd/server@v1.9.12
 *     npm install --no-save @livekit/rtc-node
 *     node bench/livekit.ts ~/go/bin/server
 *
 * Prints how many pictures a second the SDK decoded, of 30.
 */
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { outputAddress } from '../src/egress/push/address.ts';
import { whipPush } from '../src/egress/push/whip.ts';
import { systemClock } from '../src/time.ts';
import { IcePort } from '../src/webrtc/ice/port.ts';
import { startPushRig } from '../test/support/push-rig.ts';

/** Of the SDK, which is no dependency: what is used here. */
interface Sdk {
  readonly Room: new () => {
    on(event: 'trackSubscribed', take: (track: { readonly kind: number }) => void): void;
    connect(url: string, token: string, options: { autoSubscribe: boolean; dynacast: boolean }): Promise<void>;
    disconnect(): Promise<void>;
  };
  readonly VideoStream: new (
    track: unknown,
  ) => AsyncIterable<{ readonly frame: { readonly width: number; readonly height: number } }>;
  readonly TrackKind: { readonly KIND_VIDEO: number };
}

const ADDRESS = '127.0.0.1:7880';
const SECONDS = 10;
const [program] = process.argv.slice(2);
if (program === undefined) throw new Error('give the path of livekit-server');

/** A token of the server's development key. */
function token(identity: string, grants: object): string {
  const coded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: 'devkey', sub: identity, nbf: now - 10, exp: now + 600, video: { room: 'bench', ...grants } };
  const head = `${coded({ alg: 'HS256', typ: 'JWT' })}.${coded(claims)}`;
  return `${head}.${createHmac('sha256', 'secret').update(head).digest('base64url')}`;
}

const name = '@livekit/rtc-node';
const { Room, VideoStream, TrackKind } = (await import(name)) as Sdk; // its own words, as far as they are used
const server = spawn(program, ['--dev', '--bind', '127.0.0.1', '--node-ip', '127.0.0.1'], { stdio: 'ignore' });
process.once('exit', () => server.kill());
await wait(4000);
const port = await IcePort.open({ clock: systemClock });
const stop = new AbortController();
const ended = whipPush({
  ...{
    address: outputAddress(`whip://${ADDRESS}/whip/v1`),
    token: token('framelift', { roomJoin: true, canPublish: true }),
  },
  ...{ audio: true, clock: systemClock, transport: { port } },
}).run(startPushRig('opus', '320x180'), { live: () => {}, sent: () => {} }, stop.signal);
await wait(2000);
const times: number[] = [];
let size = '';
const room = new Room();
room.on('trackSubscribed', (track) => {
  if (track.kind === TrackKind.KIND_VIDEO) void watch(track);
});

async function watch(track: unknown): Promise<void> {
  for await (const { frame } of new VideoStream(track)) {
    times.push(performance.now());
    size = `${frame.width}x${frame.height}`;
  }
}

await room.connect(`ws://${ADDRESS}`, token('reader', { roomJoin: true, canSubscribe: true }), {
  autoSubscribe: true,
  dynacast: false,
});
await wait(SECONDS * 1000);
const span = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
console.log(`${times.length} pictures of ${size}: ${((times.length - 1) / span).toFixed(1)} a second of 30`);
stop.abort();
console.log(`the output has ${await ended}`);
await room.disconnect();
process.exit();

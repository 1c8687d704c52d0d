/** An RTSP camera whose timing is odd: stamps, marker bits, order and rate as a test wants them. */
import { execFileSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { cutAtDelimiters } from './coded.ts';
import { type FakeRtsp, interleaved, startFakeRtsp } from './fake-rtsp.ts';
import { packetize, rtpBytes } from './rtp.ts';

/** Coded pictures, and the place of each in the order in which they are shown. */
export interface Clip {
  readonly units: readonly Uint8Array[];
  readonly order: readonly number[];
}

/** What is odd about an {@link startOddCamera}. */
export interface Oddity {
  /** Frames that are sent in a second. Default 25. */
  readonly fps?: number;
  /** Seconds on the camera's clock for the n-th picture of those shown. Default: n / fps. */
  readonly stamp?: (shown: number) => number;
  /** No packet carries the marker bit. */
  readonly unmarked?: boolean;
}

/** A clip of ffmpeg's moving test picture in H.264, every 25th picture a keyframe; `bframes` between two others. */
export function encodeClip(size: string, pictures: number, bframes: number): Clip {
  const params = `aud=1:repeat-headers=1:keyint=25:min-keyint=25:scenecut=0:b-adapt=0:bframes=${bframes}:b-pyramid=normal:rc-lookahead=0`;
  const run = (args: readonly string[], input?: Buffer): Buffer =>
    execFileSync('ffmpeg', ['-v', 'error', ...args], { ...(input && { input }), maxBuffer: 1 << 26 });
  const nut = run([
    ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`, '-frames:v', String(pictures)],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-bf',
      String(bframes),
      '-x264-params',
      params,
      '-f',
      'nut',
      'pipe:1',
    ],
  ]);
  const listed = run(['-i', 'pipe:0', '-c', 'copy', '-f', 'framecrc', 'pipe:1'], nut).toString();
  const times = [...listed.matchAll(/^\d+,\s*-?\d+,\s*(-?\d+)/gm)].map(([, pts]) => Number(pts));
  const sorted = times.toSorted((a, b) => a - b);
  const coded = run(['-i', 'pipe:0', '-c', 'copy', '-bsf:v', 'h264_mp4toannexb', '-f', 'h264', 'pipe:1'], nut);
  return { units: cutAtDelimiters(coded, 'h264'), order: times.map((time) => sorted.indexOf(time)) };
}

/** Starts a camera that plays a clip over and over to whoever asks. */
export function startOddCamera(clip: Clip, oddity: Oddity = {}): Promise<FakeRtsp> {
  return startFakeRtsp({
    script: ({ method }, socket) => {
      // After the answer to it, which is written when this has returned.
      if (method === 'PLAY') setImmediate(() => play(socket, clip, oddity));
      return undefined;
    },
  });
}

function play(socket: Socket, { units, order }: Clip, { fps = 25, stamp = (n) => n / fps, unmarked }: Oddity): void {
  const start = performance.now();
  let sequence = 0;
  let sent = 0;
  const send = (): void => {
    const index = sent % units.length;
    const round = sent - index;
    const timestamp = Math.round(90_000 * (1000 + stamp(round + (order[index] ?? 0)))) >>> 0;
    const packets = packetize([units[index] ?? new Uint8Array(0)], 'h264', { sequence, timestamp });
    sequence += packets.length;
    const wire = packets.map((packet) => interleaved(0, rtpBytes({ ...packet, marker: packet.marker && !unmarked })));
    socket.write(Buffer.concat(wire));
    sent += 1;
    timer = setTimeout(send, Math.max(0, start + (sent * 1000) / fps - performance.now()));
  };
  let timer = setTimeout(send, 0);
  socket.on('close', () => clearTimeout(timer));
}

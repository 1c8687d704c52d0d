/** What a hostile RTSP server costs: memory of a process of its own stays, whatever is sent; what cannot go on is ended with a reason. */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type FakeOptions, type FakeRtsp, interleaved, startFakeRtsp } from '../support/fake-rtsp.ts';
import { rtpBytes, rtpPacket } from '../support/rtp.ts';
import type { ChildReport } from '../support/rtsp-child.ts';

const CHILD = fileURLToPath(new URL('../support/rtsp-child.ts', import.meta.url));
/** Each server is given up sooner. */
const SECONDS = 15;
/** Bytes of one write. */
const CHUNK = 1 << 16;
const MAX_GROWTH_MB = 100;

let server: FakeRtsp | undefined;
afterEach(async () => {
  await server?.close();
});

/** Sends what `next` makes as fast as it is read. */
function flood(socket: Socket, next: () => Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(next()));
  };
  socket.on('drain', more);
  more();
}

async function play(options: FakeOptions): Promise<ChildReport> {
  server = await startFakeRtsp(options);
  const child = spawn(process.execPath, [CHILD, server.url, String(SECONDS)], { stdio: ['ignore', 'pipe', 'inherit'] });
  // Written by our own program.
  return JSON.parse(await text(child.stdout)) as ChildReport;
}

/** A server that floods from PLAY on. */
function flooding(next: () => Buffer, also?: (socket: Socket) => void): FakeOptions {
  return {
    script: ({ method }, socket) => {
      if (method !== 'PLAY') return undefined;
      also?.(socket);
      setTimeout(() => flood(socket, next), 20);
      return undefined;
    },
  };
}

const repeated = (message: string): Buffer => Buffer.from(message.repeat(Math.ceil(CHUNK / message.length)));

/** Packets of the same payload, `perUnit` of them in each access unit, which begins with `first`. */
function packets(more: Uint8Array, perUnit = Number.POSITIVE_INFINITY, first = more): () => Buffer {
  let sequence = 0;
  const count = Math.ceil(CHUNK / (more.length + 16));
  return () =>
    Buffer.concat(
      Array.from({ length: count }, () => {
        sequence += 1;
        const timestamp = 3000 * Math.floor(sequence / perUnit);
        const payload = sequence % perUnit === 0 ? first : more;
        const marker = (sequence + 1) % perUnit === 0;
        return interleaved(0, rtpBytes(rtpPacket({ sequence: sequence & 0xffff, timestamp, payload, marker })));
      }),
    );
}

const filled = (head: number[], length: number) => Uint8Array.from({ length }, (_, at) => head[at] ?? 1);
/** 4000 NAL units of three bytes: `type` is SPS, slice … */
const tinyNals = (type: number): Uint8Array =>
  Uint8Array.from([0x78, ...Array.from({ length: 4000 }, () => [0, 3, type, 0x40, 1]).flat()]);
/** The first slice of a keyframe. */
const IDR = Uint8Array.of(0x65, 0x80, 1);
const sets = 'Z0IACg==,';

test.each<[what: string, options: FakeOptions, code: string | undefined, message: RegExp]>([
  [
    'asks for options and never reads the answers',
    flooding(
      () => repeated('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n'),
      (socket) => socket.pause(),
    ),
    'source.protocol',
    /messages per second/,
  ],
  [
    'sends interim answers without end',
    flooding(() => repeated('RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n')),
    'source.protocol',
    /messages per second/,
  ],
  ['sends empty packets of a foreign channel', flooding(() => repeated('$\x07\0\0')), 'source.too-fast', /packets/],
  [
    'sends one NAL unit in fragments without end',
    flooding(packets(filled([0x7c, 0x05], 1400))),
    'source.too-fast',
    /kbit/,
  ],
  [
    'sends 300,000 tiny NAL units in an access unit',
    flooding(packets(tinyNals(0x41), 75, IDR)),
    'source.too-fast',
    /kbit/,
  ],
  ['sends access units of tiny NAL units', flooding(packets(tinyNals(0x65), 1)), 'source.too-fast', /NAL units/],
  ['sends parameter sets without end', flooding(packets(tinyNals(0x67), 1)), 'source.too-fast', /NAL units/],
  [
    'sends keyframes as large as they may be',
    flooding(packets(filled([0x65, 0x80], 60_000), 1)),
    'source.too-fast',
    /kbit/,
  ],
  [
    'describes 1 MB of parameter sets',
    {
      sdp: `v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n${`a=fmtp:96 sprop-parameter-sets=${sets.repeat(880)}\r\n`.repeat(125)}`,
      packets: [],
    },
    'source.stalled',
    /no packet ever/,
  ],
])('a server that %s', async (_, options, code, message) => {
  const report = await play(options);
  expect(report.grownMb).toBeLessThanOrEqual(MAX_GROWTH_MB);
  expect(report.code).toBe(code);
  expect(report.message ?? '').toMatch(message);
});

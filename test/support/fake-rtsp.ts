/** A scripted RTSP server: a well-behaved camera by default, any answer replaceable, to play the oddities of real ones. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { RtpPacket } from '../../src/ingest/rtp/packet.ts';
import { rtpBytes } from './rtp.ts';

/** A request as the server got it. */
export interface FakeRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** A response. */
interface FakeResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Bytes in the same write, before and after the response. */
  readonly before?: Uint8Array;
  readonly after?: Uint8Array;
}

/** Replaces the default answer: a response, `drop` for silence, `close` to hang up, undefined for the default. */
export type FakeScript = (request: FakeRequest, socket: Socket) => FakeResponse | 'drop' | 'close' | undefined;

/** Options of {@link startFakeRtsp}. */
export interface FakeOptions {
  readonly script?: FakeScript;
  readonly sdp?: string;
  /** Sent on `channel` after PLAY, at `fps` frames a second, over and over by sequence; none = silence. */
  readonly packets?: readonly RtpPacket[];
  readonly channel?: number;
  readonly fps?: number;
  /** PEM; makes it an RTSPS server. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A running server. */
export interface FakeRtsp {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly FakeRequest[];
  /** Connections open now. */
  readonly open: number;
  close(): Promise<void>;
}

/** An interleaved packet on the wire. */
export function interleaved(channel: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(0x24, channel, bytes.length >> 8, bytes.length & 255), bytes]);
}

const DEFAULT_SDP = 'v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n';

/** Starts a server on a free port. */
export async function startFakeRtsp(options: FakeOptions = {}): Promise<FakeRtsp> {
  const requests: FakeRequest[] = [];
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    let text = '';
    let player: NodeJS.Timeout | undefined;
    socket.on('close', () => {
      sockets.delete(socket);
      clearInterval(player);
    });
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text = (text + chunk.toString('latin1')).replace(/^(\$[\s\S]{3,}?)?(?=[A-Z_]+ rtsp|RTSP\/)/, '');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const request = parseRequest(text.slice(0, end));
        text = text.slice(end + 4);
        requests.push(request);
        const answer = options.script?.(request, socket) ?? defaultAnswer(request, options);
        if (answer === 'close') socket.destroy();
        if (answer === 'close' || answer === 'drop') continue;
        socket.write(format(request, answer));
        if (request.method === 'PLAY' && (answer.status ?? 200) === 200 && options.packets) {
          player ??= play(socket, options.packets, options.channel ?? 0, options.fps ?? 60);
        }
      }
    });
  };
  const server = options.tls ? createTlsServer(options.tls, accept) : createServer(accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return {
    url: `${options.tls ? 'rtsps' : 'rtsp'}://127.0.0.1:${address.port}/cam`,
    port: address.port,
    requests,
    get open() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function parseRequest(head: string): FakeRequest {
  const [start = '', ...lines] = head.split('\r\n');
  const [method = '', uri = ''] = start.split(' ');
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { method, uri, headers };
}

function defaultAnswer({ method, uri }: FakeRequest, options: FakeOptions): FakeResponse {
  const channel = options.channel ?? 0;
  switch (method) {
    case 'OPTIONS':
      return { headers: { Public: 'OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN' } };
    case 'DESCRIBE':
      return {
        headers: { 'Content-Type': 'application/sdp', 'Content-Base': `${uri}/` },
        body: options.sdp ?? DEFAULT_SDP,
      };
    case 'SETUP':
      return {
        headers: { Transport: `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`, Session: 'abc;timeout=60' },
      };
    default:
      return {};
  }
}

function format(request: FakeRequest, response: FakeResponse): Buffer {
  const { status = 200, headers = {}, body = '' } = response;
  const lines = [`RTSP/1.0 ${status} ${status === 200 ? 'OK' : 'Other'}`];
  const cseq = request.headers.get('cseq');
  if (cseq !== undefined) lines.push(`CSeq: ${cseq}`);
  for (const [name, value] of Object.entries(headers)) {
    for (const one of value.split('\n')) lines.push(`${name}: ${one}`);
  }
  if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  const text = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  return Buffer.concat([response.before ?? new Uint8Array(0), text, response.after ?? new Uint8Array(0)]);
}

/** Sends a frame (the packets up to a marker) per tick, then the whole again with sequence and time going on. */
function play(socket: Socket, packets: readonly RtpPacket[], channel: number, fps: number): NodeJS.Timeout {
  let at = 0;
  let sequence = packets[0]?.sequence ?? 0;
  let timestamp = packets[0]?.timestamp ?? 0;
  return setInterval(() => {
    const wire: Uint8Array[] = [];
    for (;;) {
      const packet = packets[at];
      if (!packet) break;
      wire.push(interleaved(channel, rtpBytes({ ...packet, sequence: sequence & 0xffff, timestamp })));
      sequence += 1;
      at = (at + 1) % packets.length;
      if (packet.marker) break;
    }
    timestamp = (timestamp + 90_000 / fps) >>> 0;
    socket.write(Buffer.concat(wire));
  }, 1000 / fps);
}

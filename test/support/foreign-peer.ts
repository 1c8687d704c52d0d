/** WebRTC peers of other makers, each a program of its own: GStreamer's webrtcbin and aiortc, as publishers and as players. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** Whose WebRTC it is. */
export type ForeignStack = 'gstreamer' | 'aiortc';

/** What a player decoded, from a second after its first picture on. */
export interface Played {
  readonly frames: number;
  readonly seconds: number;
  readonly width: number;
  readonly height: number;
}

/** Options of {@link startPublisher}. */
export interface ForeignPublication {
  readonly codec: 'h264' | 'vp8';
  /** `<width>x<height>`. It has 30 pictures a second. */
  readonly size: string;
  readonly token: string;
}

/** A running publisher. */
export interface ForeignPublisher extends AsyncDisposable {
  /** Ends its session by DELETE; resolves with the pictures it has sent. @throws Error with what it said when anything failed. */
  stop(): Promise<number>;
}

type Peer = ChildProcessByStdio<Writable, Readable, Readable>;

/** Publishes a moving picture to a WHIP endpoint. */
export function startPublisher(stack: ForeignStack, url: string, options: ForeignPublication): ForeignPublisher {
  const { codec, size, token } = options;
  const peer = start(stack, ['publish', url, '--codec', codec, '--size', size], token);
  const result = resultOf(peer);
  // Asked for at the end; a failure before is told then.
  result.catch(() => {});
  return {
    async stop() {
      peer.stdin.end();
      // The peer's own last line.
      return ((await result) as { sent: number }).sent;
    },
    async [Symbol.asyncDispose]() {
      peer.kill('SIGKILL');
      await result.catch(() => {});
    },
  };
}

/** Plays a WHEP endpoint and counts for so many seconds. @throws Error with what the player said when anything failed. */
export async function playFor(stack: ForeignStack, url: string, seconds: number): Promise<Played> {
  // The peer's own last line.
  return (await resultOf(start(stack, ['play', url, '--seconds', `${seconds}`]))) as Played;
}

/** Each by a process of its own: webrtcbin takes seconds for an offer, most of which it waits. */
const GSTREAMER_POLICIES = ['none', 'balanced', 'max-compat', 'max-bundle'];

/** What became of one offer of a sweep. */
export interface SweepOutcome {
  /** Its sections in order, and its bundle policy where the stack has several. */
  readonly offer: string;
  readonly frames: number;
  /** Why it did not play; empty when it did. */
  readonly why: string;
}

/** Plays a WHEP endpoint once for each kind of offer that the stack makes. @throws Error with what it said when it broke. */
export async function sweep(stack: ForeignStack, url: string): Promise<SweepOutcome[]> {
  const parts = stack === 'gstreamer' ? GSTREAMER_POLICIES.map((policy) => ['--policy', policy]) : [[]];
  const outcomes = await Promise.all(parts.map((part) => resultOf(start(stack, ['sweep', url, ...part]))));
  // The peer's own last lines.
  return (outcomes as SweepOutcome[][]).flat();
}

function start(stack: ForeignStack, args: string[], token?: string): Peer {
  const script = fileURLToPath(new URL(`./foreign_${stack}.py`, import.meta.url));
  if (token !== undefined) args.push('--token', token);
  // Debian's own interpreter: it has the bindings.
  const peer = spawn('/usr/bin/python3', [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const killWithUs = (): boolean => peer.kill('SIGKILL');
  process.once('exit', killWithUs);
  peer.once('close', () => process.off('exit', killWithUs));
  return peer;
}

/** What the peer prints, when it has ended. */
async function resultOf(peer: Peer): Promise<unknown> {
  const said = { out: '', err: '' };
  peer.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  peer.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err = (said.err + text).slice(-4000);
  });
  const [code]: unknown[] = await once(peer, 'close');
  if (code !== 0) throw new Error(`the foreign peer exited with ${code}: ${said.err}`);
  return JSON.parse(said.out);
}

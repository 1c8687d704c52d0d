/** A live RTSP camera for tests, in a child process, and the barcode that its frames carry. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./rtsp_camera.py', import.meta.url));
const CELLS = 40;
const STAMP_BITS = 24;
/** A row in the middle of the barcode, away from blocks that straddle its lower edge. */
const READ_ROWS = [6, 10, 14];
const START_TIMEOUT_MS = 20_000;

/** Options of {@link startCamera}, as rtsp_camera.py takes them. Times in seconds. */
export interface CameraOptions {
  /** Default: a free one. */
  readonly port?: number;
  readonly path?: string;
  /** `640x360` by default. */
  readonly size?: string;
  readonly fps?: number;
  readonly codec?: 'h264' | 'h265' | 'jpeg';
  readonly kbps?: number;
  readonly user?: string;
  readonly password?: string;
  /** Digest instead of basic authentication. */
  readonly digest?: boolean;
  readonly cutEvery?: number;
  readonly stopAfter?: number;
  readonly stallAt?: number;
  readonly stallFor?: number;
  /** Default: no sound. */
  readonly sound?: 'opus' | 'pcmu' | 'pcma' | 'aac' | 'l16';
  /** A beep, and a white patch in the middle of its frame; a whole number of frames. */
  readonly beepEvery?: number;
  /** The sound ceases. */
  readonly muteAt?: number;
  readonly resizeAt?: number;
  /** `320x240` by default. */
  readonly resizeTo?: string;
}

/** A running camera. */
export interface Camera {
  /** Without credentials. */
  readonly url: string;
  readonly port: number;
  /** Resolves when the camera's process is gone, for whatever reason. */
  readonly exited: Promise<void>;
  /** Kills it for certain. Stopping twice is harmless. */
  stop(): Promise<void>;
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

/** Starts the camera and waits until it listens. @throws Error with its stderr when it does not come up. */
export async function startCamera(options: CameraOptions = {}): Promise<Camera> {
  const port = options.port ?? (await freePort());
  const args = [SCRIPT, '--port', String(port), '--size', options.size ?? '640x360'];
  const add = (name: string, value: string | number | undefined) => {
    if (value !== undefined) args.push(`--${name}`, String(value));
  };
  add('path', options.path);
  add('fps', options.fps);
  add('codec', options.codec);
  add('kbps', options.kbps);
  add('user', options.user);
  add('password', options.password);
  add('cut-every', options.cutEvery);
  add('stop-after', options.stopAfter);
  add('stall-at', options.stallAt);
  add('stall-for', options.stallFor);
  add('sound', options.sound);
  add('beep-every', options.beepEvery);
  add('mute-at', options.muteAt);
  add('resize-at', options.resizeAt);
  add('resize-to', options.resizeTo);
  if (options.digest) args.push('--digest');
  // Debian's own interpreter: it has the GStreamer bindings.
  const child = spawn('/usr/bin/python3', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').then(() => {});
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  exited.finally(() => process.off('exit', killWithUs));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  };
  try {
    return { url: await firstLine(child), port, exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    let err = '';
    const timer = setTimeout(() => reject(new Error(`camera did not start: ${err}`)), START_TIMEOUT_MS);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      err = (err + text).slice(-4000);
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      const line = /^(rtsp:\S+)\n/.exec(out)?.[1];
      if (!line) return;
      clearTimeout(timer);
      resolve(line);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`camera exited with ${code}: ${err}`));
    });
  });
}

/** What a frame's barcode says. */
export interface Barcode {
  /** Unix milliseconds modulo 2^24 when the camera drew the frame. */
  readonly stampMs: number;
  /** Frame number modulo 2^16. */
  readonly number: number;
}

/**
 * Reads the barcode from a luma plane (`width` samples used of each `stride` bytes; at full height, unscaled rows).
 * Returns undefined when a cell is neither black nor white: not a camera frame, or a blend of two.
 */
export function readBarcode(luma: Uint8Array, width: number, stride: number): Barcode | undefined {
  let stampMs = 0;
  let number = 0;
  for (let cell = 0; cell < CELLS; cell += 1) {
    const x = Math.floor(((cell + 0.5) * width) / CELLS);
    let sum = 0;
    for (const row of READ_ROWS) for (let dx = -1; dx <= 1; dx += 1) sum += luma[row * stride + x + dx] ?? 0;
    const mean = sum / (READ_ROWS.length * 3);
    if (mean > 80 && mean < 170) return undefined;
    const bit = mean >= 170 ? 1 : 0;
    if (cell < STAMP_BITS) stampMs = stampMs * 2 + bit;
    else number = number * 2 + bit;
  }
  return { stampMs, number };
}

/** Milliseconds from the barcode's stamp to `wallMs` (Unix milliseconds), across the wrap at 2^24. */
export function ageMs(barcode: Barcode, wallMs: number): number {
  const span = 2 ** STAMP_BITS;
  const age = (((wallMs - barcode.stampMs) % span) + span) % span;
  return age > span / 2 ? age - span : age;
}

/** `framelift convert` in a child process that is signalled at a chosen point of its output. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Stats, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../bin/framelift.js', import.meta.url));
const POLL_MS = 2;

/** How a run ended. */
export interface ConvertRun {
  readonly code: number | null;
  readonly signal: string | null;
  /** Whether the point came before the end. */
  readonly reached: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `convert` and sends `signal` once `file`, written by this run, has `bytes` bytes. */
export async function convertUntil(
  args: readonly string[],
  { file, bytes, signal }: { file: string; bytes: number; signal: NodeJS.Signals },
): Promise<ConvertRun> {
  // What a run before has left may be emptied, or another file take its name.
  const before = statSync(file, { throwIfNoEntry: false });
  const child = spawn(process.execPath, [LAUNCHER, 'convert', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, reached] = ['', '', false];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const poll = setInterval(() => {
    const found = statSync(file, { throwIfNoEntry: false });
    if (reached || !found || isSame(found, before) || found.size < bytes) return;
    reached = child.kill(signal);
  }, POLL_MS);
  try {
    const [code, by]: unknown[] = await once(child, 'close');
    const words = { stdout, stderr, reached };
    return { code: typeof code === 'number' ? code : null, signal: typeof by === 'string' ? by : null, ...words };
  } finally {
    clearInterval(poll);
  }
}

function isSame(a: Stats, b: Stats | undefined): boolean {
  return a.ino === b?.ino && a.mtimeMs === b.mtimeMs;
}

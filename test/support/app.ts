/** framelift itself in a child process, started by its launcher as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { NetworkNamespace } from './network-namespace.ts';
import { bearer, TOKENS } from './tokens.ts';

/** A framelift that can be run. */
export interface Installation {
  readonly launcher: string;
  /** Working directory of what is run. */
  readonly folder: string;
}

const CHECKOUT: Installation = {
  launcher: fileURLToPath(new URL('../../bin/framelift.js', import.meta.url)),
  folder: process.cwd(),
};
const START_TIMEOUT_MS = 20_000;

/** A running `framelift serve`. */
export interface App {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly pid: number;
  /** Everything written to standard error so far. */
  log(): string;
  /** The stream's entry of /api/streams. */
  stream(name: string): Promise<StreamEntry>;
  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal; resolves with the exit code and how long it took. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; ms: number }>;
}

/** What the tests read of /api/streams. */
interface StreamEntry {
  readonly name: string;
  readonly state: string;
  readonly reason?: string;
  readonly phase: string;
  readonly error?: string;
  readonly notice?: string;
  readonly ladder?: { readonly rung: string; readonly rungs: readonly string[]; readonly detail?: string };
  readonly latencyBudgetMs: number;
  readonly timing: readonly { readonly cause: string; readonly text: string }[];
  readonly stats: {
    readonly syntheticShare?: number;
    readonly fps: { readonly upconverted: number; readonly source: number };
    readonly viewers: { readonly upconverted: number };
    readonly frames: Readonly<Record<'source' | 'interpolated' | 'extrapolated' | 'repeated', number>>;
  };
}

/** The last line of a program's output: with `--json` its result. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

/** Runs the command line to its end. */
export async function runCli(
  args: readonly string[],
  options: {
    env?: Record<string, string>;
    timeoutMs?: number;
    installation?: Installation;
  } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { launcher, folder } = options.installation ?? CHECKOUT;
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [code]: unknown[] = await once(child, 'close');
  return { code: typeof code === 'number' ? code : null, stdout: stdout(), stderr: stderr() };
}

/** How {@link startApp} starts it. */
export interface AppOptions {
  readonly port?: number;
  readonly installation?: Installation;
  /** The network that it is in. Default: the machine's. Only programs in there reach it. */
  readonly network?: NetworkNamespace;
}

/** Starts `framelift serve …` on a port, by default a free one, with the tokens of tests, and waits until it listens. @throws Error with its log when it does not. */
export async function startApp(
  args: readonly string[],
  { port = 0, installation = CHECKOUT, network }: AppOptions = {},
): Promise<App> {
  const own = [process.execPath, installation.launcher, 'serve', ...args, '--port', String(port)];
  const [program = '', ...rest] = [...(network?.command ?? []), ...own];
  const child = spawn(program, rest, {
    cwd: installation.folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, FRAMELIFT_PUBLISH_TOKEN: TOKENS.publish, FRAMELIFT_ADMIN_TOKEN: TOKENS.admin },
  });
  const log = collect(child.stderr);
  const closed = once(child, 'close');
  const killWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  void closed.finally(() => process.off('exit', killWithUs));
  const url = await listening(child, log);
  return {
    url,
    pid: child.pid ?? 0,
    log,
    async stream(name) {
      const answer = await fetch(`${url}/api/streams`, { headers: bearer(TOKENS.admin) });
      // The shape of our own API.
      const { streams } = (await answer.json()) as { streams: StreamEntry[] };
      const found = streams.find((entry) => entry.name === name);
      if (!found) throw new Error(`no stream ${name} in ${JSON.stringify(streams)}`);
      return found;
    },
    signal: (signal) => void child.kill(signal),
    async stop(signal = 'SIGINT') {
      const started = performance.now();
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code]: unknown[] = await closed;
      return { code: typeof code === 'number' ? code : null, ms: performance.now() - started };
    },
  };
}

function listening(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill('SIGKILL');
      reject(new Error(`framelift ${why}:\n${log()}`));
    };
    const timer = setTimeout(() => fail('did not listen in time'), START_TIMEOUT_MS);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`exited with ${code}`);
    });
    child.stderr?.on('data', () => {
      const url = /framelift \S+ on (https?:\S+?)\/?\s/.exec(log())?.[1];
      if (!url) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-200_000);
  });
  return () => text;
}

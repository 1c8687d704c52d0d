/** A TURN server of one's own: coturn on the loopback, which relays to the loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Shared with the server (`use-auth-secret`). */
export const TURN_SECRET = 'a-secret-of-turn';

/** Where it relays: an address of the loopback that nobody else uses. */
const RELAY = '127.0.0.2';

/** A running coturn that takes credentials made of {@link TURN_SECRET}. */
export class Coturn implements AsyncDisposable {
  /** `turn:127.0.0.1:<port>?transport=udp`. */
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.url = `turn:127.0.0.1:${port}?transport=udp`;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.#log += chunk;
      });
    }
  }

  /** Starts it on a free port. @param options.relaysOnly it relays to relays alone. @throws Error with its log when it does not listen within 5 s. */
  static async start({ relaysOnly = false } = {}): Promise<Coturn> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'framelift-coturn-'));
    const files = ['--log-file', 'stdout', '--pidfile', join(folder, 'pid'), '--userdb', join(folder, 'db')];
    const child = spawn(
      'turnserver',
      [
        ...['-n', '--verbose', ...files],
        ...['--listening-ip', '127.0.0.1', '--relay-ip', RELAY, '--listening-port', `${port}`],
        ...['--allow-loopback-peers', '--no-tls', '--no-dtls', '--no-cli', '--no-multicast-peers'],
        ...['--use-auth-secret', '--static-auth-secret', TURN_SECRET, '--realm', 'framelift.test'],
        ...(relaysOnly ? ['--denied-peer-ip', '0.0.0.0-255.255.255.255', '--allowed-peer-ip', RELAY] : []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const server = new Coturn(child, folder, port);
    const failed = once(child, 'error').then(([error]) => Promise.reject(error));
    await Promise.race([server.#logged(/IPv4\. UDP listener opened on|Listener opened/i, 5000), failed]);
    return server;
  }

  /** Relayed connections that were made so far. */
  get allocations(): number {
    return [...this.#log.matchAll(/incoming packet ALLOCATE processed, success/g)].length;
  }

  async #logged(pattern: RegExp, ms: number): Promise<void> {
    for (const end = performance.now() + ms; !pattern.test(this.#log); ) {
      if (performance.now() > end || this.#child.exitCode !== null)
        throw new Error(`coturn does not run:\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'close');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A UDP port that nobody uses now. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/** A network of one's own: a namespace of Linux with a loopback and a network card, for tests that block what the machine must not. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Firewall rules in policy routing: what they prohibit is refused when it is sent and lost when it comes. */
const UDP_BLOCKED = ['rule add pref 5 ipproto udp prohibit', 'rule add pref 10 lookup local', 'rule del pref 0'];

/** Browsers look for addresses on network cards alone. This one leads nowhere. */
const CARD = [
  'link set lo up',
  'link add card0 type veth peer name card1',
  'addr add 10.77.0.1/24 dev card0',
  'link set card0 up',
  'link set card1 up',
  'route add default via 10.77.0.2',
];

/** A namespace without UDP. Programs are run in it by its {@link command}. */
export class NetworkNamespace implements AsyncDisposable {
  readonly #holder: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'framelift-network-'));

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** Makes one whose rules drop UDP, addresses of its loopback included. @throws Error where the system lets nobody make any. */
  static async withoutUdp(): Promise<NetworkNamespace> {
    const commands = [...CARD, ...UDP_BLOCKED].map((command) => `ip ${command}`).join(' && ');
    const holder = spawn('unshare', ['-rn', 'sh', '-c', `${commands} && echo ready && exec cat`]);
    let said = '';
    await new Promise<void>((resolve, reject) => {
      for (const stream of [holder.stdout, holder.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (said.includes('ready')) resolve();
        });
      }
      holder.on('close', () => reject(new Error(`no network namespace: ${said}`)));
    });
    return new NetworkNamespace(holder);
  }

  /** What stands before a command line that is to run inside. */
  get command(): readonly [string, ...string[]] {
    return ['nsenter', '-t', `${this.#holder.pid}`, '-U', '-n', '--preserve-credentials'];
  }

  /** A program that runs another inside, with the arguments that it is given. @returns its path. */
  wrap(program: string): string {
    const path = join(this.#folder, 'program');
    writeFileSync(path, `#!/bin/sh\nexec ${this.command.join(' ')} '${program}' "$@"\n`, { mode: 0o755 });
    return path;
  }

  /** Runs a program inside to its end. @returns what it wrote. @throws Error with what it said when it fails. */
  run(...args: string[]): string {
    const [program, ...own] = this.command;
    return execFileSync(program, [...own, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 10_000,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true });
  }
}

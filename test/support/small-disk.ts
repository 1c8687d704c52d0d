/** A disk of one's own, of a chosen size: a tmpfs in a mount namespace of Linux that only programs run in it see. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small disk. Programs see it when they are run by {@link run}. */
export class SmallDisk implements AsyncDisposable {
  /** Where it lies, for programs that are run in it. */
  readonly path: string;
  readonly #holder: ChildProcess;

  private constructor(path: string, holder: ChildProcess) {
    this.path = path;
    this.#holder = holder;
  }

  /** Makes one of so many kilobytes. @throws Error where the system lets nobody make any. */
  static async of(kilobytes: number): Promise<SmallDisk> {
    const path = mkdtempSync(join(tmpdir(), 'framelift-disk-'));
    const mount = `mount -t tmpfs -o size=${kilobytes}k tmpfs '${path}' && echo ready && exec cat`;
    const holder = spawn('unshare', ['-rm', 'sh', '-c', mount]);
    let said = '';
    await new Promise<void>((resolve, reject) => {
      for (const stream of [holder.stdout, holder.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (said.includes('ready')) resolve();
        });
      }
      holder.on('close', () => reject(new Error(`no mount namespace: ${said}`)));
    });
    return new SmallDisk(path, holder);
  }

  /** Gives it another size, or lets nobody write on it. */
  remount(options: string): void {
    this.run('mount', '-o', `remount,${options}`, this.path);
  }

  /** Runs a program to its end. @returns its exit code and what it wrote. */
  run(...command: string[]): { code: number; stdout: string; stderr: string } {
    const inside = ['-t', `${this.#holder.pid}`, '-U', '-m', '--preserve-credentials', '--', ...command];
    try {
      const stdout = execFileSync('nsenter', inside, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 60_000,
      });
      return { code: 0, stdout, stderr: '' };
    } catch (error) {
      // What execFileSync throws of a program that failed.
      const { status, stdout, stderr } = error as { status: number | null; stdout: string; stderr: string };
      return { code: status ?? -1, stdout, stderr };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill('SIGKILL');
    rmSync(this.path, { recursive: true });
  }
}

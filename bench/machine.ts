/** What a measurement ran on. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A machine and the state it was in. Plain JSON. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly os: string;
  readonly node: string;
  /** First line of `ffmpeg -version`; null when it was not used. */
  readonly ffmpeg: string | null;
  /** Abbreviated, with `+` when tracked files differ from it; null outside a checkout. */
  readonly commit: string | null;
  /** ISO 8601, when the measurement began. */
  readonly date: string;
  /** Processes that wanted a core in the minute before: other work on the machine spoils the figures. */
  readonly loadBefore: number;
}

/** Describes this machine now. @param ffmpeg as {@link Machine.ffmpeg}. */
export function describeMachine(ffmpeg: string | null): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${distribution() ?? type()}, kernel ${release()}`,
    node: process.version,
    ffmpeg,
    commit: commit(),
    date: new Date().toISOString(),
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** True when other work would spoil a measurement that starts now. */
export function isBusy({ loadBefore, cores }: Machine): boolean {
  return loadBefore > cores / 4;
}

/** The machine in two lines, for people. */
export function machineText(machine: Machine): string {
  const { cpu, cores, memoryGiB, os, node, ffmpeg, commit: at, date, loadBefore } = machine;
  const where = `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}, Node ${node}${ffmpeg ? `, ${ffmpeg}` : ''}`;
  return `${where}\n${date}, commit ${at ?? 'unknown'}, load before ${loadBefore.toFixed(2)}`;
}

/** Of /etc/os-release, which only Linux has. */
function distribution(): string | undefined {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

function commit(): string | null {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`;
  } catch {
    return null;
  }
}

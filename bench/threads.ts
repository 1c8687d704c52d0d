/** Processor time and memory of a running process, from /proc: null where there is none. */
import { readdirSync, readFileSync } from 'node:fs';

/** Kernel ticks a second in /proc, the same on every Linux. */
const TICKS = 100;
/** Thread names as the kernel keeps them, 15 characters, and what runs there. */
const GROUPS = [
  ['framelift-inter', 'interpolation'],
  ['libuv-worker', 'codecs'],
] as const;

/** Cores in use by group of threads. */
export interface Cores {
  /** Sockets, RTP, pacing, WebRTC, JavaScript of the chain. */
  readonly main: number;
  /** Kernel and network. */
  readonly interpolation: number;
  /** libuv's pool: decoding and encoding, and the threads that encoders start. */
  readonly codecs: number;
  /** V8's own and threads that have ended. */
  readonly other: number;
  readonly total: number;
}

/** Ticks used so far. */
export interface ProcessorTime {
  readonly at: number;
  readonly groups: Readonly<Record<'main' | 'interpolation' | 'codecs', number>>;
  readonly total: number;
}

/** Processor time of `pid` now; null without /proc or without the process. */
export function processorTime(pid: number): ProcessorTime | null {
  const whole = ticks(`/proc/${pid}/stat`);
  if (!whole) return null;
  const groups = { main: 0, interpolation: 0, codecs: 0 };
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const thread = ticks(`/proc/${pid}/task/${tid}/stat`);
    if (!thread) continue;
    const group = Number(tid) === pid ? 'main' : GROUPS.find(([prefix]) => thread.name.startsWith(prefix))?.[1];
    if (group) groups[group] += thread.used;
  }
  return { at: performance.now(), groups, total: whole.used };
}

/** Cores used between two readings. */
export function coresBetween(before: ProcessorTime | null, after: ProcessorTime | null): Cores | null {
  if (!before || !after) return null;
  const seconds = (after.at - before.at) / 1000;
  const cores = (from: number, to: number): number => Number(((to - from) / TICKS / seconds).toFixed(3));
  const main = cores(before.groups.main, after.groups.main);
  const interpolation = cores(before.groups.interpolation, after.groups.interpolation);
  const codecs = cores(before.groups.codecs, after.groups.codecs);
  const total = cores(before.total, after.total);
  return { main, interpolation, codecs, other: Number((total - main - interpolation - codecs).toFixed(3)), total };
}

/** Resident memory of `pid`, MiB; null without /proc or without the process. */
export function residentMiB(pid: number): number | null {
  const kib = /VmRSS:\s+(\d+)/.exec(contents(`/proc/${pid}/status`) ?? '')?.[1];
  return kib === undefined ? null : Number(kib) / 1024;
}

/** Name, and user and system time; undefined when it is gone. The name stands in parentheses and may itself hold some. */
function ticks(path: string): { name: string; used: number } | undefined {
  const text = contents(path);
  if (text === undefined) return undefined;
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return { name: text.slice(text.indexOf('(') + 1, end), used: Number(fields[11]) + Number(fields[12]) };
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

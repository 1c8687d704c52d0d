/** Small deterministic videos, made by the installed ffmpeg, and what sources and readers need around them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FrameSink, Source, SourceInfo } from '../../src/ingest/source.ts';
import { Arena } from '../../src/media/arena.ts';
import type { EventSink, MetricEvent } from '../../src/metrics/events.ts';
import { type Clock, type Micros, micros, ZERO } from '../../src/time.ts';

const run = promisify(execFile);

/** A temporary folder; call `remove` at the end. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'framelift-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Runs ffmpeg on these arguments. */
export async function ffmpeg(...args: string[]): Promise<void> {
  await run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...args]);
}

/** ffmpeg's arguments for a moving test picture, coded as H.264. */
export function testVideo(size: string, fps: string, frames: number, ...args: string[]): string[] {
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${fps}`, '-frames:v', String(frames)];
  return [...picture, '-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '1', ...args];
}

/** The MD5 of each decoded frame of a file, in order. */
export async function frameHashes(path: string): Promise<string[]> {
  const args = ['-v', 'error', '-i', path, '-map', '0:v', '-f', 'framemd5', '-fps_mode', 'passthrough', '-'];
  const { stdout } = await run('ffmpeg', args);
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

/** Presentation times of the video in a file, in order, as ffprobe reads them. */
export async function timestamps(path: string): Promise<Micros[]> {
  const show = ['-select_streams', 'v:0', '-show_entries', 'packet=pts:stream=time_base', '-of', 'json'];
  const { stdout } = await run('ffprobe', ['-v', 'error', ...show, path]);
  // ffprobe's own JSON.
  const found = JSON.parse(stdout) as { packets: { pts: number }[]; streams: { time_base: string }[] };
  const [num = 1, den = 1] = (found.streams[0]?.time_base ?? '1/1').split('/').map(Number);
  return found.packets.map(({ pts }) => micros((pts * 1e6 * num) / den)).sort((a, b) => a - b);
}

/** A clock on which every wait is over at once: time jumps to whatever is waited for. */
export class JumpingClock implements Clock {
  #now: Micros = ZERO;

  now(): Micros {
    return this.#now;
  }

  wall(): Micros {
    return this.#now;
  }

  at(due: Micros, fn: () => void): () => void {
    const timer = setImmediate(() => {
      if (due > this.#now) this.#now = due;
      fn();
    });
    return () => clearImmediate(timer);
  }
}

/** A frame as a test remembers it. */
export interface SeenFrame {
  readonly pts: Micros;
  readonly arrival: Micros;
  readonly size: string;
  readonly discontinuity: boolean;
}

/** Takes everything a source gives, releasing each frame at once. */
export class Recording implements FrameSink, EventSink {
  readonly arena = new Arena(64);
  readonly frames: SeenFrame[] = [];
  readonly infos: SourceInfo[] = [];
  readonly events: MetricEvent[] = [];
  readonly #stop = new AbortController();
  readonly #stopAfter: number;

  /** @param stopAfter the run is aborted once so many frames came. */
  constructor(stopAfter = Number.POSITIVE_INFINITY) {
    this.#stopAfter = stopAfter;
  }

  frame(frame: Parameters<FrameSink['frame']>[0]): void {
    const { pts, arrival, width, height, discontinuity } = frame;
    this.frames.push({ pts, arrival, size: `${width}x${height}`, discontinuity });
    frame.release();
    if (this.frames.length >= this.#stopAfter) this.#stop.abort();
  }

  info(info: SourceInfo): void {
    this.infos.push(info);
  }

  emit(event: MetricEvent): void {
    this.events.push(event);
  }

  get pts(): Micros[] {
    return this.frames.map((frame) => frame.pts);
  }

  /** Aborts the run. */
  stop(): void {
    this.#stop.abort();
  }

  /** Runs a source into this. */
  run(source: Source): Promise<void> {
    return source.run(this, this.#stop.signal);
  }
}

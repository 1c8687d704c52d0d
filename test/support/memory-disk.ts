/** A disk of a chosen size in memory, that can hang, fill up, and go away. */
import { basename, dirname } from 'node:path';
import type { Disk, DiskFile } from '../../src/egress/recording/disk.ts';
import { type Micros, ZERO } from '../../src/time.ts';

/** An error as node:fs throws it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it cannot be done`), { code });
}

/** See above. */
export class MemoryDisk implements Disk {
  /** Bytes that it holds at most. */
  capacity = Number.POSITIVE_INFINITY;
  /** Thrown by everything that writes. */
  failure: string | undefined;
  /** Writing waits for it. */
  gate: Promise<void> | undefined;
  readonly folders = new Set<string>(['/disk']);
  readonly files = new Map<string, Buffer>();
  readonly modified = new Map<string, Micros>();

  get used(): number {
    return this.files.values().reduce((sum, { length }) => sum + length, 0);
  }

  async create(path: string): Promise<DiskFile> {
    this.#check(dirname(path));
    if (this.files.has(path)) throw systemError('EEXIST');
    this.files.set(path, Buffer.alloc(0));
    return {
      write: async (bytes, position) => {
        await this.gate;
        this.#check(dirname(path));
        const before = this.files.get(path) ?? Buffer.alloc(0);
        const after = Buffer.alloc(Math.max(before.length, position + bytes.length));
        if (this.used + after.length - before.length > this.capacity) throw systemError('ENOSPC');
        before.copy(after);
        after.set(bytes, position);
        // A file that was deleted meanwhile has no name.
        if (this.files.has(path)) this.files.set(path, after);
      },
      finish: async () => this.#check(dirname(path)),
      abandon: async () => {},
    };
  }

  async list(folder: string) {
    if (!this.folders.has(folder)) throw systemError('ENOENT');
    return [...this.files]
      .filter(([path]) => dirname(path) === folder)
      .map(([path, { length }]) => ({
        ...{ name: basename(path), bytes: length, modified: this.modified.get(path) ?? ZERO },
      }));
  }

  async tail(path: string, bytes: number): Promise<string> {
    return this.files.get(path)?.subarray(-bytes).toString() ?? '';
  }

  async remove(path: string): Promise<void> {
    if (this.failure) throw systemError(this.failure);
    this.files.delete(path);
  }

  async makeFolder(path: string): Promise<void> {
    if (this.folders.has(path)) return;
    this.#check(dirname(path));
    this.folders.add(path);
  }

  async room(folder: string) {
    if (!this.folders.has(folder)) throw systemError('ENOENT');
    return { free: this.capacity - this.used, total: this.capacity };
  }

  #check(folder: string): void {
    if (this.failure) throw systemError(this.failure);
    if (!this.folders.has(folder)) throw systemError('ENOENT');
  }
}

/** Bytes to a file, each failure seen at once. */
import { closeSync, fstatSync, fsyncSync, open, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { FrameliftError } from '../../errors.ts';

/** What people are told of an error of the file system. `{}` stands for the file's name. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk of "{}"',
  EDQUOT: 'the disk quota is used up: no space left for "{}"',
  EFBIG: 'the file system holds no larger file than "{}" is by now',
  EIO: 'the disk of "{}" has failed (I/O error)',
  EROFS: 'the file system of "{}" is read-only',
  EPERM: '"{}" may not be written (EPERM)',
  EACCES: '"{}" may not be written (no permission)',
  EPIPE: 'nobody reads "{}" any more',
};

const openFile = promisify<string, string, number>(open);

/** Says in words why a file could not be written. */
export function writeFault(path: string, cause: unknown): FrameliftError {
  if (cause instanceof FrameliftError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = REASONS[code] ?? `"{}" cannot be written (${code || String(cause)})`;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const remedy = full ? { remedy: 'Make room on the disk.' } : {};
  return new FrameliftError('mux.failed', reason.replace('{}', path), { cause, ...remedy });
}

/** The calls of the system that a {@link FileSink} needs; tests put failing ones here. */
export interface SinkSystem {
  write(file: number, bytes: Uint8Array, from: number, count: number, position: number | null): number;
  sync(file: number): void;
  close(file: number): void;
}

const SYSTEM: SinkSystem = { write: writeSync, sync: fsyncSync, close: closeSync };

/** A file being written at any position; a pipe or device one after the other. The first failure stays: all that follows throws it. */
export class FileSink {
  readonly path: string;
  /** False for pipes and devices. */
  readonly seekable: boolean;
  readonly #file: number;
  readonly #system: SinkSystem;
  #position = 0;
  #size = 0;
  #failure: FrameliftError | undefined;
  #closed = false;

  /** @param file an open descriptor, which becomes the sink's. */
  constructor(path: string, file: number, system: SinkSystem = SYSTEM) {
    this.path = path;
    this.#file = file;
    this.#system = system;
    this.seekable = fstatSync(file).isFile();
  }

  /**
   * Creates the file, or empties it unless `flags` are `wx`. A pipe waits for its reader. @throws FrameliftError `mux.failed`.
   */
  static async create(path: string, flags: 'w' | 'wx' = 'w'): Promise<FileSink> {
    try {
      // Not openSync: a pipe would hold the whole process until somebody reads.
      return new FileSink(path, await openFile(path, flags));
    } catch (error) {
      throw writeFault(path, error);
    }
  }

  /** Bytes of the file. */
  get size(): number {
    return this.#size;
  }

  /** Where the next bytes go. */
  set position(value: number) {
    this.#position = value;
  }

  get position(): number {
    return this.#position;
  }

  /** What has gone wrong, if anything has. */
  get failure(): FrameliftError | undefined {
    return this.#failure;
  }

  /** Writes all of `bytes`. @throws FrameliftError `mux.failed`. */
  write(bytes: Uint8Array): void {
    this.#attempt(() => {
      for (let done = 0; done < bytes.length; ) {
        const at = this.seekable ? this.#position : null;
        const count = this.#system.write(this.#file, bytes, done, bytes.length - done, at);
        done += count;
        this.#position += count;
        this.#size = Math.max(this.#size, this.#position);
      }
    });
  }

  /** Brings everything to the disk, where that means something, and closes. @throws FrameliftError `mux.failed`. */
  finish(): void {
    if (this.#closed) return;
    try {
      if (this.seekable) this.#attempt(() => this.#system.sync(this.#file));
    } finally {
      this.#closed = true;
      // Network file systems tell a full disk or quota here at the latest.
      this.#attempt(() => this.#system.close(this.#file));
    }
  }

  /** Closes a file that has failed, or that nobody wants. Closing twice is harmless. */
  abandon(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#system.close(this.#file);
    } catch {
      // What failed was said before.
    }
  }

  /** @throws FrameliftError what went wrong before, or what goes wrong in `action`. */
  #attempt(action: () => void): void {
    if (this.#failure) throw this.#failure;
    try {
      action();
    } catch (error) {
      this.#failure = writeFault(this.path, error);
      throw this.#failure;
    }
  }
}

/** Makes a renamed or removed name last: brings the folder that holds `path` to the disk, where the system can. */
export function syncFolder(path: string): void {
  // Windows opens no folders.
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } catch (error) {
    // Some network file systems sync no folders.
    if (!(error instanceof Error && 'code' in error && error.code === 'EINVAL')) throw writeFault(path, error);
  } finally {
    closeSync(folder);
  }
}

/** What recordings ask of the file system. Never blocks the caller. */
import { type FileHandle, mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Mutex } from '../../mutex.ts';
import { fromMs, type Micros } from '../../time.ts';

/** A file being written. */
export interface DiskFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Brings it to the disk and closes it. */
  finish(): Promise<void>;
  /** Closes it as it is; never throws. */
  abandon(): Promise<void>;
}

/** A file that is there. */
interface FoundFile {
  readonly name: string;
  readonly bytes: number;
  /** When it was last written, wall clock. */
  readonly modified: Micros;
}

/** The calls of the system; tests put failing ones here. All throw the errors of node:fs. */
export interface Disk {
  /** A new file; refused where there is one. */
  create(path: string): Promise<DiskFile>;
  list(folder: string): Promise<FoundFile[]>;
  /** The last bytes of a file as text; empty where there is none. */
  tail(path: string, bytes: number): Promise<string>;
  /** Where there is none, nothing happens. */
  remove(path: string): Promise<void>;
  /** Makes a folder in one that is there. */
  makeFolder(path: string): Promise<void>;
  /** Bytes of the disk that holds a folder. */
  room(folder: string): Promise<{ readonly free: number; readonly total: number }>;
}

/**
 * A disk that hangs holds threads of libuv's pool, which decode and encode as well: recordings use one at a
 * time, of all streams together.
 */
const turns = new Mutex();

/** The real one. */
export const systemDisk: Disk = {
  create: (path) => turns.run(async () => new SystemFile(await open(path, 'wx'))),
  list: (folder) =>
    turns.run(async () => {
      const found: FoundFile[] = [];
      for (const name of await readdir(folder)) {
        const about = await stat(join(folder, name)).catch(() => undefined);
        if (about?.isFile()) found.push({ name, bytes: about.size, modified: fromMs(about.mtimeMs) });
      }
      return found;
    }),
  tail: (path, bytes) =>
    turns.run(async () => {
      const file = await open(path, 'r').catch(() => undefined);
      if (!file) return '';
      try {
        const { size } = await file.stat();
        const from = Math.max(0, size - bytes);
        const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
        return buffer.toString('utf8', 0, bytesRead);
      } finally {
        await file.close();
      }
    }),
  remove: (path) => turns.run(() => rm(path, { force: true })),
  makeFolder: (path) =>
    turns.run(async () => {
      await mkdir(path).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      });
    }),
  room: (folder) =>
    turns.run(async () => {
      const { bavail, blocks, bsize } = await statfs(folder);
      return { free: bavail * bsize, total: blocks * bsize };
    }),
};

class SystemFile implements DiskFile {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return turns.run(async () => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    });
  }

  async finish(): Promise<void> {
    await turns.run(async () => {
      try {
        await this.#file.datasync();
      } finally {
        await this.#file.close();
      }
    });
  }

  async abandon(): Promise<void> {
    await turns.run(() => this.#file.close()).catch(() => {});
  }
}

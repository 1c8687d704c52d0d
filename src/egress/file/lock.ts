/** A lock that one process holds at a time and that dies with it: a listening socket that nobody connects to. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A held lock. */
export class ProcessLock implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Takes the lock of that name; undefined if another process, or this one, holds it. @param name letters and digits. */
  static async take(name: string, platform: NodeJS.Platform = process.platform): Promise<ProcessLock | undefined> {
    const address = lockAddress(name, platform);
    const server = await listen(address);
    if (server) return new ProcessLock(server);
    // Where sockets are files, they outlive their process: then nobody answers.
    if (!address.startsWith(tmpdir()) || (await answers(address))) return undefined;
    rmSync(address, { force: true });
    const again = await listen(address);
    return again && new ProcessLock(again);
  }

  /** Gives it up. Giving it up twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Linux knows sockets without a file, Windows named pipes; both are gone with their process. Pure but for the folder's name. */
export function lockAddress(name: string, platform: NodeJS.Platform): string {
  if (platform === 'linux') return `\0framelift-${name}`;
  if (platform === 'win32') return `\\\\.\\pipe\\framelift-${name}`;
  return join(tmpdir(), `framelift-${name}.lock`);
}

async function listen(address: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.listen(address);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return server;
}

async function answers(address: string): Promise<boolean> {
  const socket = connect(address);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

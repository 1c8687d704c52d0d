/** nginx and Caddy as deploy/ has them, on ports of the loopback and with a certificate of tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The name that the examples have. */
export const PROXY_NAME = 'video.example.org';

const START_TIMEOUT_MS = 5000;

/** What stands in a test in place of the example's ports and paths. */
export interface ProxyPlaces {
  /** Where it listens, and its PEM files. */
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  /** Port of framelift on 127.0.0.1. */
  readonly upstream: number;
  /** For its own files. */
  readonly folder: string;
}

/** A running proxy. */
export class TlsProxy implements AsyncDisposable {
  readonly #child: ChildProcess;
  #log = '';

  private constructor(command: string, args: readonly string[], home: string) {
    this.#child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.#log += chunk;
      });
    }
  }

  /** Starts nginx with deploy/nginx.conf as one of its sites. @throws Error with its log when it does not listen. */
  static async nginx(places: ProxyPlaces): Promise<TlsProxy> {
    const { port, cert, key, upstream, folder } = places;
    const site = join(folder, 'site.conf');
    writeFileSync(
      site,
      exchanged('nginx.conf', [
        ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
        ['listen [::]:443 ssl;', ''],
        ['/etc/letsencrypt/live/video.example.org/fullchain.pem', cert],
        ['/etc/letsencrypt/live/video.example.org/privkey.pem', key],
        ['http://127.0.0.1:8080', `http://127.0.0.1:${upstream}`],
      ]),
    );
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${join(folder, kind)};`,
    );
    const main = [
      // One process, in the foreground: it ends with the test.
      ...['daemon off;', 'master_process off;', `pid ${join(folder, 'nginx.pid')};`, 'error_log stderr;', 'events {}'],
      ...['http {', 'access_log off;', ...temporary, `include ${site};`, '}'],
    ];
    writeFileSync(join(folder, 'nginx.conf'), main.join('\n'));
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
    return new TlsProxy('nginx', args, folder).#listening(port);
  }

  /** Starts Caddy with deploy/Caddyfile. @throws Error with its log when it does not listen. */
  static async caddy(places: ProxyPlaces): Promise<TlsProxy> {
    const { port, cert, key, upstream, folder } = places;
    const file = join(folder, 'Caddyfile');
    const site = exchanged('Caddyfile', [
      ['video.example.org {', `https://video.example.org:${port} {\n\tbind 127.0.0.1\n\ttls ${cert} ${key}`],
      ['127.0.0.1:8080', `127.0.0.1:${upstream}`],
    ]);
    writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
    return new TlsProxy('caddy', ['run', '--adapter', 'caddyfile', '--config', file], folder).#listening(port);
  }

  async #listening(port: number): Promise<TlsProxy> {
    const fails = once(this.#child, 'error').then(([error]) => Promise.reject(error));
    const ends = once(this.#child, 'exit').then(() => Promise.reject(new Error(`the proxy ended:\n${this.#log}`)));
    await Promise.race([fails, ends, reachable(port).catch(() => Promise.reject(new Error(this.#log)))]);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The text of a file in deploy/ with pieces exchanged, each of which it has to have. */
function exchanged(file: string, pieces: readonly (readonly [string, string])[]): string {
  const path = fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url));
  return pieces.reduce(
    (text, [from, to]) => {
      // Not in comments.
      const at = text.lastIndexOf(from);
      if (at < 0) throw new Error(`deploy/${file} has no "${from}"`);
      return text.slice(0, at) + to + text.slice(at + from.length);
    },
    readFileSync(path, 'utf8'),
  );
}

/** Resolves when a port of 127.0.0.1 takes connections. */
async function reachable(port: number): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < end) {
    const socket = connect(port, '127.0.0.1');
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}

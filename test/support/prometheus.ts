/** A real Prometheus for tests: by default it scrapes one target every second; it keeps its data in a temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One series of an instant query. */
export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A rule as Prometheus runs it. */
export interface RunningRule {
  readonly name: string;
  readonly type: 'recording' | 'alerting';
  /** `unknown` until it was evaluated. */
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
}

/** Where a program of Prometheus is. @throws when it is not installed. */
export function findProgram(name: 'prometheus' | 'promtool'): string {
  const folders = (process.env.PATH ?? '').split(':');
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed: run test/setup.sh`);
  return found;
}

/** A running Prometheus. */
export class Prometheus implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<void>;
  #url = '';

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Starts it on a free port of 127.0.0.1. @param target `host:port` with `/metrics`. */
  static start(target: string): Promise<Prometheus> {
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [{ job_name: 'framelift', static_configs: [{ targets: [target] }] }],
    };
    // YAML is a superset of JSON.
    return Prometheus.startWith({ 'prometheus.yml': JSON.stringify(config) });
  }

  /** Starts it on a free port of 127.0.0.1. @param files the text of prometheus.yml and of the files beside it that it names. */
  static async startWith(files: Readonly<Record<'prometheus.yml' | (string & {}), string>>): Promise<Prometheus> {
    const program = findProgram('prometheus');
    const folder = await mkdtemp(join(tmpdir(), 'framelift-prometheus-'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const child = spawn(
      program,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        '--web.listen-address=127.0.0.1:0',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const prometheus = new Prometheus(child, folder);
    try {
      prometheus.#url = await listening(child);
    } catch (thrown) {
      await prometheus[Symbol.asyncDispose]();
      throw thrown;
    }
    return prometheus;
  }

  /** An instant query, by the HTTP API. */
  async query(expression: string): Promise<QueryResult[]> {
    const response = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    // The shape is fixed by Prometheus' API v1; a wrong query has no data and fails here.
    const answer = (await response.json()) as {
      error?: string;
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (!answer.data) throw new Error(`${expression}: ${answer.error ?? response.status}`);
    return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Asks until there is an answer with data. @throws after `withinMs`. */
  async eventually(expression: string, withinMs = 15_000): Promise<QueryResult[]> {
    const end = performance.now() + withinMs;
    for (;;) {
      const result = await this.query(expression);
      if (result.length > 0) return result;
      if (performance.now() > end) throw new Error(`${expression} returned no data within ${withinMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  /** The rules that it has loaded. */
  async rules(): Promise<RunningRule[]> {
    const response = await fetch(`${this.#url}/api/v1/rules`);
    // The shape is fixed by Prometheus' API v1.
    const { data } = (await response.json()) as { data: { groups: { rules: RunningRule[] }[] } };
    return data.groups.flatMap((group) => group.rules);
  }

  /** Kills it and removes its data. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.#exited;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The URL it listens on, from its log. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-20_000);
      const address = /msg="Listening on".*?address=(\S+)/.exec(log)?.[1];
      if (address !== undefined && log.includes('Server is ready')) resolve(`http://${address}`);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`prometheus ended early:\n${log}`)));
  });
}

/** A headless Firefox for tests, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './media.ts';

const START_TIMEOUT_MS = 40_000;
/**
 * Video plays without a click; pages get a moving test picture as their camera without being asked; addresses of this machine are
 * not hidden behind mDNS; no plug-in, update or measurement is fetched: so there is no OpenH264 either.
 */
const PREFERENCES = {
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-gmpopenh264.enabled': false,
  'media.gmp-gmpopenh264.autoupdate': false,
  'media.gmp-manager.url': '',
  'app.update.auto': false,
  'app.normandy.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.contentblocking.report.lockwise.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'extensions.update.enabled': false,
  'extensions.getAddons.cache.enabled': false,
  'services.settings.server': 'data:,',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
} as const;

/** A tab. */
export interface FirefoxPage {
  /** Resolves when it is loaded. */
  goto(url: string): Promise<void>;
  /**
   * Runs a function of the page with an argument; both it and what comes back as JSON. @throws Error with what the page threw.
   */
  evaluate<Argument, Result>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  close(): Promise<void>;
}

/** A running Firefox. */
export interface Firefox extends AsyncDisposable {
  newPage(): Promise<FirefoxPage>;
}

/** Starts one with a profile of its own. @throws Error where there is none, or it does not start. */
export async function launchFirefox(): Promise<Firefox> {
  const program = process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr';
  if (!existsSync(program)) throw new Error(`no ${program}: run test/setup.sh, or set FIREFOX_PATH`);
  const { path: profile, remove } = await temporaryFolder();
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  );
  await writeFile(join(profile, 'user.js'), lines.join('\n'));
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'];
  const env = { ...process.env, HOME: profile, MOZ_DISABLE_CONTENT_SANDBOX: '1' };
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
  const closed = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
    await remove();
  };
  try {
    const bidi = await BidiSession.open(`${await listening(child)}/session`);
    return {
      async newPage() {
        const { context } = await bidi.send<{ context: string }>('browsingContext.create', { type: 'tab' });
        return new Tab(bidi, context);
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = '';
    const timer = setTimeout(() => reject(new Error(`Firefox did not listen in time:\n${log}`)), START_TIMEOUT_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Firefox exited with ${code}:\n${log}`)));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log = (log + chunk).slice(-20_000);
      const url = /WebDriver BiDi listening on (ws:\S+)/.exec(log)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}

/** Commands and their answers; events are left alone. */
class BidiSession {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
    socket.addEventListener('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('Firefox has closed its connection'));
    });
  }

  static async open(url: string): Promise<BidiSession> {
    const socket = new WebSocket(url);
    const session = new BidiSession(socket);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no WebDriver BiDi at ${url}`)));
    });
    await session.send('session.new', { capabilities: {} });
    return session;
  }

  /** @throws Error with Firefox's message. */
  send<Result>(method: string, params: object): Promise<Result> {
    this.#last += 1;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(this.#last, answer);
    this.#socket.send(JSON.stringify({ id: this.#last, method, params }));
    // As the command is specified.
    return answer.promise as Promise<Result>;
  }

  #take(text: string): void {
    const message = JSON.parse(text) as {
      id?: number;
      type: string;
      result?: unknown;
      error?: string;
      message?: string;
    };
    const waiting = this.#waiting.get(message.id ?? 0);
    if (!waiting) return;
    this.#waiting.delete(message.id ?? 0);
    if (message.type === 'success') waiting.resolve(message.result);
    else waiting.reject(new Error(`${message.error}: ${message.message}`));
  }
}

/** What `script.evaluate` gives. */
type Evaluated =
  | { readonly type: 'success'; readonly result: { readonly value?: string } }
  | { readonly type: 'exception'; readonly exceptionDetails: { readonly text: string } };

class Tab implements FirefoxPage {
  readonly #bidi: BidiSession;
  readonly #context: string;

  constructor(bidi: BidiSession, context: string) {
    this.#bidi = bidi;
    this.#context = context;
  }

  async goto(url: string): Promise<void> {
    await this.#bidi.send('browsingContext.navigate', { context: this.#context, url, wait: 'complete' });
  }

  async evaluate<Argument, Result>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result> {
    const expression = `(async () => JSON.stringify(await (${run.toString()})(${JSON.stringify(argument)})))()`;
    const answer = await this.#bidi.send<Evaluated>('script.evaluate', {
      expression,
      target: { context: this.#context },
      awaitPromise: true,
    });
    if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text);
    const { value } = answer.result;
    // What the function returns, as JSON keeps it.
    return (value === undefined ? undefined : JSON.parse(value)) as Result;
  }

  async close(): Promise<void> {
    await this.#bidi.send('browsingContext.close', { context: this.#context });
  }
}

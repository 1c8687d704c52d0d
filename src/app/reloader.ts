/** The configuration while framelift runs: read again, compared, and carried out where that is possible. */

import { appliesLive, type ConfigDiff, diffConfigs } from '../config/diff.ts';
import type { Config } from '../config/schema.ts';
import { checkPublishers, resolveTokens, withoutSecrets } from '../config/secrets.ts';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Mutex } from '../mutex.ts';
import type { Access } from '../server/auth.ts';
import { type Certificate, logValidity, readCertificate } from '../server/certificate.ts';
import type { ConfigControl } from '../server/contract.ts';
import type { ReloadReport } from '../server/schemas.ts';
import type { StreamSet } from '../stream/set.ts';
import { type Clock, toMs } from '../time.ts';

/** What {@link Reloader} works with. */
export interface ReloaderOptions {
  /** What framelift was started with. */
  readonly config: Config;
  /** Reads the configuration again; throws `config.invalid`. Absent: there is nothing to read. */
  readonly reread: (() => Config) | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly streams: StreamSet;
  readonly access: Access;
  readonly certificate: Certificate | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Reads the configuration again on request. Requests are carried out one after the other. */
export class Reloader implements ConfigControl {
  readonly #options: ReloaderOptions;
  readonly #changes = new Mutex();
  /** As it was last taken. */
  #config: Config;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  show(): Record<string, unknown> {
    const { streams } = this.#options;
    // A configuration is an object.
    return withoutSecrets({ ...this.#config, streams: streams.settings }) as Record<string, unknown>;
  }

  reload(): Promise<ReloadReport> {
    const { log } = this.#options;
    return this.#changes.run(async () => {
      try {
        const report = await this.#carryOut();
        log.info({ ...report }, 'configuration reloaded');
        return report;
      } catch (thrown) {
        const { code, message, remedy } = asFrameliftError(thrown, 'config.invalid');
        log.warn({ code, remedy }, `configuration not reloaded, the present one stays: ${message}`);
        throw thrown;
      }
    });
  }

  async #carryOut(): Promise<ReloadReport> {
    const { reread, env, streams, access, certificate, clock, log, config: atStart } = this.#options;
    if (!reread) {
      throw new FrameliftError('config.invalid', 'framelift was started without a configuration file', {
        remedy: 'Start it with --config framelift.yaml.',
      });
    }
    const next = reread();
    const tokens = resolveTokens(next.auth, env);
    checkPublishers(next.streams, tokens);
    const pem = certificate && next.server.tls && readCertificate(next.server.tls);
    const change = diffConfigs(this.#config, next);
    await streams.apply({ ...change, model: next.engine.model, maxStreams: next.server.maxStreams });
    access.update(tokens);
    if (pem) {
      certificate.use(pem);
      logValidity(pem, toMs(clock.wall()), log);
    }
    this.#config = next;
    return { ...reportOf(change), needsRestart: diffConfigs(atStart, next).needsRestart };
  }
}

function reportOf({ added, removed, unchanged, changed, applied }: ConfigDiff): Omit<ReloadReport, 'needsRestart'> {
  return {
    added: added.map(({ name }) => name),
    removed,
    changed: changed.map((one) => ({ name: one.settings.name, keys: one.keys, startedAnew: !appliesLive(one) })),
    unchanged,
    applied,
  };
}

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { checkSources } from '../../src/app/framelift.ts';
import { parseConfig, readConfigFile } from '../../src/config/parse.ts';
import { Site } from '../../src/server/front/host.ts';
import { sourceKind } from '../../src/stream/make-source.ts';
import { startApp } from '../support/app.ts';
import { nameShown, writeCertificate } from '../support/certificate.ts';
import { temporaryFolder } from '../support/media.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const config = parseConfig(readConfigFile(join(ROOT, 'deploy/framelift.yaml')), 'deploy/framelift.yaml');
const { services } = parse(text('deploy/compose.yaml'), { merge: true });
const dockerfile = text('deploy/Dockerfile');
const unit = text('deploy/framelift.service');

/** `[host path, container path]` of a service's bind mounts; volumes have a name, not a path. */
function mounts(service: { volumes?: string[] }): [string, string][] {
  return (service.volumes ?? [])
    .map((volume) => volume.split(':'))
    .filter(([from = '']) => from.startsWith('.'))
    .map(([from = '', to = '']) => [normalize(join('deploy', from)), to]);
}

/** Port that a URL names. */
const portOf = (url: string): number => Number(new URL(url).port);

describe('deploy/framelift.yaml', () => {
  it('is a configuration, with sources that can be read', () => {
    expect(config.streams.length).toBeGreaterThan(0);
    checkSources(config.streams, ({ source, ingest }) => sourceKind(source, ingest));
  });

  it('has room for the viewers that it lets in', () => {
    const [low, high] = config.webrtc.portRange ?? [0, -1];
    expect(high - low + 1).toBeGreaterThanOrEqual(2 * 2 * config.webrtc.maxViewers);
  });

  it('takes the test picture that MediaMTX publishes', () => {
    const source = new URL(config.streams[0]?.source ?? '');
    expect(Object.keys(services)).toContain(source.hostname);
    expect(services[source.hostname].ports).toContain(`127.0.0.1:${source.port}:${source.port}`);
    expect(Object.keys(parse(text('deploy/mediamtx.yml')).paths)).toContain(source.pathname.slice(1));
  });
});

describe('deploy/compose.yaml', () => {
  const published = Object.values<{ ports: string[] }>(services).flatMap(({ ports }) => ports);

  it('mounts files that are there', () => {
    const all = Object.values<{ volumes?: string[] }>(services).flatMap(mounts);
    expect(all.length).toBeGreaterThan(0);
    for (const [file] of all) expect(existsSync(join(ROOT, file)), file).toBe(true);
  });

  it('starts framelift with the configuration that it mounts', () => {
    const target = mounts(services.framelift).find(([from]) => from === 'deploy/framelift.yaml')?.[1];
    expect(services.framelift.command).toEqual(['serve', '--config', target]);
  });

  it('publishes what framelift listens on: HTTP to this machine, UDP to all', () => {
    const [low, high] = config.webrtc.portRange ?? [];
    const { port } = config.server;
    expect(services.framelift.ports).toEqual([`127.0.0.1:${port}:${port}`, `${low}-${high}:${low}-${high}/udp`]);
    expect(dockerfile).toContain(`\nEXPOSE ${port}/tcp ${low}-${high}/udp\n`);
    for (const line of published) expect(line).toMatch(/^127\.0\.0\.1:|\/udp$/);
  });

  it('connects Grafana, Prometheus and framelift', () => {
    const [{ job_name, static_configs }] = parse(text('dashboards/prometheus.yml')).scrape_configs;
    expect(job_name).toBe('framelift');
    expect(static_configs[0].targets).toEqual([`framelift:${config.server.port}`]);
    expect(new Site({ boundTo: config.server.host }).answersTo(static_configs[0].targets[0])).toBe(true);
    const [source] = parse(text('dashboards/grafana/provisioning/datasources/prometheus.yaml')).datasources;
    expect(Object.keys(services)).toContain(new URL(source.url).hostname);
    expect(services.prometheus.ports).toContain(`127.0.0.1:${portOf(source.url)}:${portOf(source.url)}`);
    const { scrape_interval } = parse(text('dashboards/prometheus.yml')).global;
    expect(source.jsonData.timeInterval).toBe(scrape_interval);
    const [provider] = parse(text('dashboards/grafana/provisioning/dashboards/framelift.yaml')).providers;
    const dashboard = mounts(services.grafana).find(([from]) => from === 'dashboards/grafana/framelift.json')?.[1];
    expect(dashboard).toBe(`${provider.options.path}/framelift.json`);
    expect(services.grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(dashboard);
  });

  it('puts prometheus.yml where it finds the rules that it names', () => {
    const at = new Map(mounts(services.prometheus));
    const { rule_files } = parse(text('dashboards/prometheus.yml'));
    const main = at.get('dashboards/prometheus.yml') ?? '';
    expect(services.prometheus.command).toContain(`--config.file=${main}`);
    for (const file of rule_files) expect(at.get(`dashboards/${file}`)).toBe(join(main, '..', file));
  });

  it('pins the images of others', () => {
    const { framelift, ...others } = services;
    expect(framelift.build.dockerfile).toBe('deploy/Dockerfile');
    for (const { image } of Object.values<{ image: string }>(others)) expect(image).toMatch(/:v?\d+\.\d+\.\d+/);
  });
});

describe('deploy/Dockerfile', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) => files.split(' '));

  it('copies what is there and what the builder is sent', () => {
    const sent = text('deploy/Dockerfile.dockerignore').split('\n');
    expect(copied.length).toBeGreaterThan(0);
    for (const file of copied) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      expect(sent).toContain(`!${file}`);
    }
  });

  it('has what package.json starts, and the sources that it runs', () => {
    const { bin } = JSON.parse(text('package.json'));
    for (const path of [bin.framelift, 'src/cli.ts']) expect(copied).toContain(normalize(path).split('/')[0]);
  });

  it('runs the Node that package.json asks for, not as root', () => {
    const major = /\d+/.exec(JSON.parse(text('package.json')).engines.node)?.[0];
    expect([...dockerfile.matchAll(/^FROM node:(\d+)-/gm)].map(([, version]) => version)).toEqual([major, major]);
    expect(dockerfile.lastIndexOf('\nUSER node\n')).toBeGreaterThan(dockerfile.lastIndexOf('\nRUN '));
  });

  it('knows by its health check whether framelift answers, at any port, with TLS, below a path', async () => {
    const [, script = ''] = JSON.parse(/^HEALTHCHECK .*\\\n\s+CMD (.+)$/m.exec(dockerfile)?.[1] ?? '[]');
    expect(copied).toContain(script);
    const { path, remove } = await temporaryFolder();
    const urlFile = join(path, 'url');
    const check = (): (string | number | null)[] => {
      const env = { ...process.env, FRAMELIFT_URL_FILE: urlFile };
      const { status, stdout } = spawnSync(process.execPath, [join(ROOT, script)], { env, encoding: 'utf8' });
      return [status, stdout.trim()];
    };
    expect(check()).toEqual([1, expect.stringContaining('ENOENT')]);
    const file = join(path, 'framelift.yaml');
    const server = { tls: writeCertificate(path, 'video.example.org'), basePath: '/framelift' };
    writeFileSync(
      file,
      stringify({ server, engine: { model: 'repeat' }, streams: [{ name: 'demo', source: 'demo' }] }),
    );
    const app = await startApp(['--config', file, '--url-file', urlFile]);
    try {
      expect(app.url).toMatch(/^https:/);
      expect(check()).toEqual([0, `${app.url}/healthz answers 200`]);
    } finally {
      await app.stop();
    }
    expect(check()).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    await remove();
  });

  it('tells framelift where its address is to be written, and can be read-only', () => {
    expect(dockerfile).toMatch(/^ENV .*\bFRAMELIFT_URL_FILE=\/dev\/shm\//m);
  });
});

describe('deploy/framelift.service', () => {
  let path: string;
  let removeFolder: () => Promise<void>;

  const analyze = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync('systemd-analyze', [...args, path], { encoding: 'utf8' });

  beforeAll(async () => {
    const folder = await temporaryFolder();
    removeFolder = folder.remove;
    path = join(folder.path, 'framelift.service');
    // The only thing that this machine need not have where the unit expects it.
    writeFileSync(path, unit.replace('/usr/bin/node', process.execPath));
  });

  afterAll(() => removeFolder());

  it('is a unit that systemd understands', () => {
    const { error, status, stderr } = analyze('verify', '--man=no');
    expect(error).toBeUndefined();
    // Unknown keys are only warned of.
    expect(stderr).not.toContain(path);
    expect(status, stderr).toBe(0);
  });

  it('is hardened: systemd rates its exposure below 2 of 10', () => {
    const { stdout } = analyze('security', '--offline=true');
    const level = /Overall exposure level for framelift\.service: ([\d.]+)/.exec(stdout)?.[1];
    expect(Number(level), stdout).toBeLessThan(2);
  });

  /** Commands of a key, with other paths. The first word of a line may have a `+`. */
  const commands = (key: string, etc: string, run: string): string[] =>
    [...unit.matchAll(new RegExp(`^${key}=\\+?(.+)$`, 'gm'))].map(([, command = '']) =>
      command.replaceAll('/etc/framelift', etc).replaceAll('%t/framelift', run),
    );

  it('starts the launcher with a copy of the configuration', () => {
    expect(unit).toContain('\nRuntimeDirectory=framelift\nRuntimeDirectoryMode=0700\nWorkingDirectory=%t/framelift\n');
    const launcher = /^ExecStart=\S+ \/opt\/framelift\/(\S+) serve --config %t\/framelift\/framelift\.yaml$/m.exec(
      unit,
    )?.[1];
    expect(launcher).toBeDefined();
    expect(existsSync(join(ROOT, launcher ?? ''))).toBe(true);
  });

  it('gives framelift files that root alone may read, and those of now at a reload', async () => {
    const { path: folder, remove } = await temporaryFolder();
    const [etc, live, real, run] = ['etc', 'live', 'private', 'run'].map((name) => join(folder, name));
    if (!etc || !live || !real || !run) throw new Error('four names make four paths');
    for (const made of [etc, live, real]) mkdirSync(made, { mode: 0o700 });
    // As systemd has it for a dynamic user.
    symlinkSync(real, run);
    const { cert, key } = writeCertificate(live, 'first');
    symlinkSync(cert, join(etc, 'cert.pem'));
    symlinkSync(key, join(etc, 'key.pem'));
    const server = { tls: { cert: 'cert.pem', key: 'key.pem' } };
    const file = join(etc, 'framelift.yaml');
    writeFileSync(
      file,
      stringify({ server, engine: { model: 'repeat' }, streams: [{ name: 'demo', source: 'demo' }] }),
    );
    for (const secret of [key, file]) chmodSync(secret, 0o600);
    const execute = (command: string, pid = 0): void => {
      const { status, stderr } = spawnSync(command, { shell: true, encoding: 'utf8', env: { MAINPID: `${pid}` } });
      expect(status, `${command}\n${stderr}`).toBe(0);
    };
    for (const command of commands('ExecStartPre', etc, run)) execute(command);
    for (const name of ['framelift.yaml', 'cert.pem', 'key.pem']) {
      const status = lstatSync(join(real, name));
      expect([name, status.isFile(), (status.mode & 0o777).toString(8)]).toEqual([name, true, '644']);
    }
    const app = await startApp(['--config', join(run, 'framelift.yaml')], {
      installation: { launcher: join(ROOT, 'bin/framelift.js'), folder: run },
    });
    try {
      expect(await nameShown(app.url)).toBe('first');
      writeCertificate(live, 'renewed');
      const reload = commands('ExecReload', etc, run);
      expect(reload).toHaveLength(2);
      for (const command of reload) execute(command, app.pid);
      await expect.poll(() => nameShown(app.url), { timeout: 5000 }).toBe('renewed');
    } finally {
      await app.stop();
    }
    await remove();
  });
});

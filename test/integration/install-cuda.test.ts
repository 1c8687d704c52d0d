import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createProxy } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cudaReport, installCuda } from '../../src/commands/install-cuda.ts';
import { CUDA_LIBRARIES, librariesFolder, runtimeFolder } from '../../src/interp/providers/files.ts';
import { runCli } from '../support/app.ts';
import { temporaryFolder } from '../support/media.ts';

const PACKAGE = 'microsoft.ml.onnxruntime.gpu.linux';
const { version } = JSON.parse(readFileSync(join(runtimeFolder(), 'package.json'), 'utf8')) as { version: string };

let folder: { path: string; remove: () => Promise<void> };
let nuget: Server;
let proxy: ReturnType<typeof createProxy>;
/** What the script of onnxruntime-node needs to come here instead of nuget.org: a proxy, and trust in our certificate. */
let env: Record<string, string>;
/** A copy of onnxruntime-node without libraries. */
let dir: string;
let archive: Buffer;
let asked: string[];
const sockets = new Set<Socket>();
const port = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

/** The archive as NuGet has it, with a small library in place of the large ones. Its zip library is the script's own. */
function nupkg(names: readonly string[]): Buffer {
  const Zip = createRequire(join(runtimeFolder(), 'script', 'install-utils.js'))('adm-zip');
  const zip = new Zip();
  const library = readFileSync(join(librariesFolder(runtimeFolder()), 'onnxruntime_binding.node'));
  for (const name of names) zip.addFile(`runtimes/linux-x64/native/${name}`, library);
  return zip.toBuffer();
}

/** nuget.org's version 3: where packages are, which versions there are, the package. */
function answer(url: string): Buffer | undefined {
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  if (url === '/v3/index.json') {
    return json({ resources: [{ '@type': 'PackageBaseAddress/3.0.0', '@id': 'https://api.nuget.org/flat/' }] });
  }
  if (url === `/flat/${PACKAGE}/index.json`) return json({ versions: [version] });
  if (url === `/flat/${PACKAGE}/${version}/${PACKAGE}.${version}.nupkg`) return archive;
  return undefined;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const [key, cert] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')];
  const name = ['-subj', '/CN=api.nuget.org', '-addext', 'subjectAltName=DNS:api.nuget.org', '-days', '1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync('openssl', ['req', '-x509', '-nodes', ...name, ...kind, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  nuget = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    asked.push(request.url ?? '');
    const body = answer(request.url ?? '');
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    response.end(body);
  }).listen(0, '127.0.0.1');
  await once(nuget, 'listening');
  proxy = createProxy().listen(0, '127.0.0.1');
  proxy.on('connect', (_request, client: Socket) => {
    const server = connect(port(nuget), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      server.pipe(client).pipe(server);
    });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
  });
  await once(proxy, 'listening');
  const { PATH = '' } = process.env;
  env = { PATH, HTTPS_PROXY: `http://127.0.0.1:${port(proxy)}`, NODE_EXTRA_CA_CERTS: cert };
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  proxy.close();
  nuget.close();
  await folder.remove();
});

let copies = 0;
beforeEach(() => {
  asked = [];
  archive = nupkg(CUDA_LIBRARIES);
  const root = join(folder.path, `copy${copies++}`);
  dir = join(root, 'onnxruntime-node');
  mkdirSync(librariesFolder(dir), { recursive: true });
  cpSync(join(runtimeFolder(), 'script'), join(dir, 'script'), { recursive: true });
  copyFileSync(join(runtimeFolder(), 'package.json'), join(dir, 'package.json'));
  symlinkSync(join(runtimeFolder(), '..'), join(root, 'node_modules'));
});

describe('install-cuda', () => {
  it("fetches the libraries by the package's own script, and says which others the loader misses", async () => {
    const progress: string[] = [];
    const result = await installCuda({ dir, env, onProgress: (text) => progress.push(text) });
    expect(result).toMatchObject({ status: 'installed', version, folder: librariesFolder(dir) });
    expect(result.libraries.map(({ file }) => file)).toEqual(CUDA_LIBRARIES);
    for (const { bytes, missing } of result.libraries) {
      expect(bytes).toBeGreaterThan(10_000);
      expect(missing).toEqual(['libonnxruntime.so.1']);
    }
    expect(asked.at(-1)).toContain(`${PACKAGE}.${version}.nupkg`);
    expect(progress.join('\n')).toMatch(/Downloading https:\/\/api\.nuget\.org[\s\S]*Extracting/);
    expect(cudaReport(result)).toMatch(/are installed[\s\S]*does not find libonnxruntime\.so\.1[\s\S]*cuDNN/);
    expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('fetches nothing when they are there', async () => {
    await installCuda({ dir, env });
    asked = [];
    expect(await installCuda({ dir, env })).toMatchObject({ status: 'present' });
    expect(asked).toEqual([]);
  });

  it.each([
    ['a package without one of the libraries', () => nupkg(CUDA_LIBRARIES.slice(0, 2)), /Failed to find runtimes/],
    ['a package that is broken off', () => archive.subarray(0, archive.length / 2), /Failed to open NuGet package/],
  ])('%s leaves nothing behind', async (_name, broken, message) => {
    archive = broken();
    await expect(installCuda({ dir, env })).rejects.toMatchObject({
      code: 'install.failed',
      message: expect.stringMatching(message),
      remedy: expect.stringContaining('nuget.org'),
    });
    expect(readdirSync(librariesFolder(dir))).toEqual([]);
    expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('without a network, the command ends with the reason and what to do', async () => {
    const { code, stderr, stdout } = await runCli(['install-cuda', '--dir', dir], {
      env: { HTTPS_PROXY: 'http://127.0.0.1:9' },
    });
    expect(stderr).toMatch(/libraries could not be fetched: .*ECONNREFUSED.*\n.*HTTPS_PROXY/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('--json prints what was done', async () => {
    const { code, stdout } = await runCli(['install-cuda', '--dir', dir, '--json'], { env });
    expect(JSON.parse(stdout)).toMatchObject({ status: 'installed', version });
    expect(code).toBe(0);
  });

  it('refuses other platforms, full volumes and folders that are something else', async () => {
    await expect(installCuda({ dir, env, platform: 'darwin', arch: 'arm64' })).rejects.toMatchObject({
      code: 'install.failed',
      message: expect.stringContaining('darwin arm64'),
      remedy: expect.stringContaining('linux x64'),
    });
    await expect(installCuda({ dir, env, needed: 1e18 })).rejects.toThrow(/has \d+ MiB free, the CUDA libraries need/);
    const other = join(folder.path, 'other');
    mkdirSync(other);
    await expect(installCuda({ dir: other, env })).rejects.toMatchObject({ code: 'config.invalid' });
    writeFileSync(join(other, 'package.json'), '{"name":"left-pad","version":"1.0.0"}');
    await expect(installCuda({ dir: other, env })).rejects.toThrow(/is not onnxruntime-node/);
    expect(existsSync(join(librariesFolder(dir), CUDA_LIBRARIES[0]))).toBe(false);
    expect(asked).toEqual([]);
  });
});

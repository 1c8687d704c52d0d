/** The package that `npm pack` makes, installed for production where there is no checkout. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import * as library from '../../src/index.ts';
import { runCli, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { INSTALL_TIMEOUT_MS, type InstalledPackage, installPackage } from '../support/installed.ts';
import { timestamps } from '../support/media.ts';
import { firstPicture, openPage } from '../support/page.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RUNTIME = 'node_modules/onnxruntime-node';
const DEMO = 'node_modules/framelift/demo/fluoroscopy15.mp4';

let installation: InstalledPackage;

beforeAll(async () => {
  installation = await installPackage();
}, INSTALL_TIMEOUT_MS);

afterAll(() => installation?.remove());

it('holds what runs: no sources, training or checkpoints', () => {
  expect(installation.files).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'dist/cli.js',
      'dist/cli.js.map',
      'dist/index.d.ts',
      'dist/web/index.html',
    ]),
  );
  const own = installation.files.filter((path) => !path.startsWith('node_modules/'));
  expect(own.filter((path) => /^src\/|\.pt$|training|(?<!\.d)\.ts$/.test(path))).toEqual([]);
});

it('bundles ONNX Runtime for Linux alone, on both processors, without what it would fetch', () => {
  const runtime = installation.files
    .filter((path) => path.startsWith(RUNTIME))
    .map((path) => path.slice(RUNTIME.length));
  const libraries = ['libonnxruntime.so.1', 'onnxruntime_binding.node'];
  const expected = ['arm64', 'x64'].flatMap((cpu) => libraries.map((file) => `/bin/napi-v6/linux/${cpu}/${file}`));
  expect(runtime.filter((path) => path.startsWith('/bin/')).toSorted()).toEqual(expected);
  const installed = join(installation.folder, 'node_modules/framelift', RUNTIME, 'package.json');
  expect(JSON.parse(readFileSync(installed, 'utf8'))).not.toHaveProperty('scripts');
});

it('leaves the ONNX Runtime of the checkout as it was', () => {
  const manifest = join(ROOT, RUNTIME, 'package.json');
  expect(JSON.parse(readFileSync(manifest, 'utf8'))).toHaveProperty('scripts.postinstall');
  expect(existsSync(`${manifest}.orig`)).toBe(false);
});

it('takes less than half of the 871 MB that it once took', async () => {
  const { stdout } = await run('du', ['-sm', join(installation.folder, 'node_modules')]);
  expect(Number.parseInt(stdout, 10)).toBeLessThan(435);
});

it('install-cuda runs the script that fetches the libraries', async () => {
  const { code, stderr } = await runCli(['install-cuda'], {
    installation,
    env: { HTTPS_PROXY: 'http://127.0.0.1:9' },
  });
  expect(stderr).toMatch(/libraries could not be fetched: .*ECONNREFUSED/);
  expect(code).toBe(1);
});

it('doctor tries the models of the package and finds this machine fit', async () => {
  const { code, stdout, stderr } = await runCli(['doctor', '--json', '--port', '0'], { installation });
  // Our own JSON.
  const findings = JSON.parse(stdout) as { what: string; level: string }[];
  expect(findings.filter((f) => f.level === 'missing')).toEqual([]);
  expect(findings.map((f) => f.what)).toEqual(
    expect.arrayContaining(['node', 'ffmpeg', 'model flow-s', 'flow-s on cpu', 'dvf on cuda', '127.0.0.1:0']),
  );
  expect(code, stdout + stderr).toBe(0);
});

it('models lists those of the checkout', async () => {
  const [installed, checkout] = await Promise.all([runCli(['models'], { installation }), runCli(['models'])]);
  expect(installed).toEqual(checkout);
  expect(installed.stdout).toContain('flow-s');
});

it('convert upconverts the demo clip', async () => {
  const { code, stderr } = await runCli(['convert', DEMO, 'out.mp4', '--fps', '30'], { installation });
  expect(code, stderr).toBe(0);
  const before = await timestamps(join(installation.folder, DEMO));
  expect(await timestamps(join(installation.folder, 'out.mp4'))).toHaveLength(2 * before.length - 1);
});

it('serves the demo, becomes ready, and its page plays both variants', async () => {
  const app = await startApp(['demo'], { installation });
  await expect.poll(async () => (await fetch(`${app.url}/readyz`)).status, { timeout: 20_000 }).toBe(200);
  const browser = await launchChromium();
  onTestFinished(() => browser.close());
  const page = await openPage(browser, app.url);
  await Promise.all([firstPicture(page, 'upconverted'), firstPicture(page, 'source')]);
  expect((await app.stop()).code, app.log()).toBe(0);
});

it('eval says by name which optional package a sheet needs', async () => {
  const { code, stderr } = await runCli(['eval', DEMO, '--baseline', 'blend', '--sheet', 'worst.png'], {
    installation,
  });
  expect(stderr).toMatch(/npm install jimp/);
  expect(code).toBe(2);
});

it('on an older Node says which one it needs', async () => {
  const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(older)}`;
  const { code, stderr } = await runCli(['--version'], { installation, env: { NODE_OPTIONS } });
  expect(stderr).toMatch(/needs Node 24 or later/);
  expect(code).toBe(1);
});

it('is a library with types', async () => {
  const { folder } = installation;
  const print = `console.log(JSON.stringify(Object.keys(await import('framelift')).toSorted()))`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', print], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual(Object.keys(library).toSorted());
  writeFileSync(
    join(folder, 'use.mts'),
    `import { convert, rateTarget } from 'framelift';
rateTarget satisfies (...given: never) => object;
// @ts-expect-error a promise of the result
convert satisfies (...given: never) => string;
`,
  );
  const flags = ['--module', 'nodenext', '--target', 'esnext', '--strict', '--noEmit', '--skipLibCheck'];
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, 'use.mts'], { cwd: folder });
});

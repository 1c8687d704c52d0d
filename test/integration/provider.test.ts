import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { findModel, type ModelSpec } from '../../src/interp/models/manifest.ts';
import type { Provider, ProviderSelection } from '../../src/interp/providers/provider.ts';
import { ProviderTrials } from '../../src/interp/providers/trial.ts';
import { runCli, startApp } from '../support/app.ts';
import { i420Network } from '../support/engine-i420-onnx.ts';
import { temporaryFolder } from '../support/media.ts';
import { softwareVulkan } from '../support/vulkan.ts';

const SCRIPTED = fileURLToPath(new URL('../support/provider-scripted-probe.ts', import.meta.url));

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const verdict = (selection: ProviderSelection, provider: Provider) =>
  selection.verdicts.find((v) => v.provider === provider);

/** A network of our own whose file has this name. */
function network(name: string, options: Parameters<typeof i420Network>[0] = {}): Promise<ModelSpec> {
  const path = join(folder.path, `${name}.onnx`);
  writeFileSync(path, i420Network(options));
  return findModel(path);
}

/** No Vulkan driver, whatever this machine has. */
function withoutVulkan(): void {
  vi.stubEnv('VK_ICD_FILENAMES', join(folder.path, 'none.json'));
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('on a machine without a GPU', () => {
  it('auto is the CPU, and each other one says why not and what helps', async () => {
    withoutVulkan();
    const selection = await new ProviderTrials().select(await findModel('flow-s'), 'auto');
    expect(selection.provider).toBe('cpu');
    expect(verdict(selection, 'webgpu')).toMatchObject({
      state: 'unusable',
      detail: 'no Vulkan driver offers a GPU',
      remedy: expect.stringContaining('Vulkan driver'),
    });
    expect(verdict(selection, 'cuda')).toMatchObject({
      state: 'unusable',
      detail: expect.stringContaining('not installed'),
      remedy: expect.stringContaining('framelift install-cuda'),
    });
  });

  it.each(['flow-s', 'dvf'])('the CPU is tried for real: %s', async (id) => {
    withoutVulkan();
    const selection = await new ProviderTrials().examine(await findModel(id));
    expect(verdict(selection, 'cpu')).toMatchObject({ state: 'works', difference: 0 });
    expect(verdict(selection, 'cpu')?.pairMs).toBeGreaterThan(0.1);
  });

  it('a model that cannot be loaded is no verdict on the CPU', async () => {
    const path = join(folder.path, 'broken.onnx');
    // A whole protobuf, but the name of a producer is all there is.
    writeFileSync(path, Buffer.concat([Buffer.from([8, 8, 0x12, 64]), Buffer.alloc(64, 'a')]));
    const { verdicts } = await new ProviderTrials().examine(await findModel(path));
    expect(verdicts[0]).toMatchObject({ provider: 'cpu', state: 'unusable' });
    expect(verdicts[0]?.detail).toMatch(/model broken cannot be loaded/);
  });

  it('serve refuses a named provider that does not work, with the remedy, and does not start', async () => {
    const { code, stderr } = await runCli(['serve', 'demo', '--port', '0', '--provider', 'cuda']);
    expect(stderr).toMatch(
      /provider "cuda" cannot run flow-s: .*not installed\n.*framelift install-cuda.*--provider auto/,
    );
    expect(stderr).not.toContain('framelift 0');
    expect(code).toBe(2);
  });
});

it('log, API and metrics tell where the model runs, and why nowhere else', async () => {
  withoutVulkan();
  const app = await startApp(['demo']);
  onTestFinished(() => void app.stop());
  const get = async (path: string) => (await fetch(new URL(path, app.url))).text();
  // Our own JSON.
  const { providers } = JSON.parse(await get('/api/streams')) as { providers: ProviderSelection[] };
  expect(providers).toMatchObject([{ model: 'flow-s', wanted: 'auto', provider: 'cpu' }]);
  expect(providers[0] && verdict(providers[0], 'webgpu')?.detail).toBe('no Vulkan driver offers a GPU');
  expect(await get('/metrics')).toContain('framelift_provider_info{model="flow-s",provider="cpu"} 1');
  expect(app.log()).toMatch(/"provider":"cpu","providers":\["cpu: .*webgpu: not usable: .*"msg":"execution provider"/);
});

describe('webgpu on software Vulkan', () => {
  it.each([
    ['any time', { mirror: true, error: 0.02 }],
    ['of one size only', { size: [128, 96] }],
  ] as const)('gives the pictures of the CPU, %s', async (name, options) => {
    vi.stubEnv('VK_ICD_FILENAMES', softwareVulkan(folder.path).VK_ICD_FILENAMES);
    onTestFinished(() => void vi.unstubAllEnvs());
    const selection = await new ProviderTrials().select(await network(name, options), 'webgpu');
    expect(selection.provider).toBe('webgpu');
    expect(verdict(selection, 'webgpu')).toMatchObject({ state: 'works', difference: 0 });
  });

  it('is found to agree with a flow network too, and is not taken: it is slower', async () => {
    vi.stubEnv('VK_ICD_FILENAMES', softwareVulkan(folder.path).VK_ICD_FILENAMES);
    onTestFinished(() => void vi.unstubAllEnvs());
    const selection = await new ProviderTrials({ limitMs: 80_000 }).select(await findModel('flow-s'), 'auto');
    expect(selection.provider).toBe('cpu');
    expect(verdict(selection, 'webgpu')).toMatchObject({ state: 'works' });
    expect(verdict(selection, 'webgpu')?.difference).toBeLessThan(0.05);
  }, 100_000);
});

describe('a provider that', () => {
  const select = async (name: string, options = {}) =>
    new ProviderTrials({ script: SCRIPTED, ...options }).select(await network(name), 'webgpu');

  it('crashes takes only its test process with it', async () => {
    await expect(select('crash')).rejects.toMatchObject({
      code: 'provider.unusable',
      message: expect.stringContaining('crashed its test process (SIGSEGV)'),
    });
  });

  it('hangs is given up after its time', async () => {
    await expect(select('hang', { limitMs: 700 })).rejects.toThrow(/no frame within 0\.7 s/);
  });

  it('gives another picture is refused', async () => {
    await expect(select('wrong')).rejects.toThrow(/differs from the CPU's by 38\.00 grey levels/);
  });

  it('was tried is not tried again for the same network', async () => {
    const trials = new ProviderTrials({ script: SCRIPTED });
    const [model, again] = [await network('first'), await network('second')];
    const processOf = async (spec: ModelSpec) => verdict(await trials.select(spec, 'webgpu'), 'webgpu')?.pairMs;
    expect(await processOf(again)).toBe(await processOf(model));
    expect(await processOf(await network('third', { mirror: true }))).not.toBe(await processOf(model));
    expect(trials.selections.map(({ model: id }) => id)).toEqual(['second', 'first', 'third']);
  });
});

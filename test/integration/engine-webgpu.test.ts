import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/media.ts';
import { softwareVulkan } from '../support/vulkan.ts';
import { planesNetwork } from './engine-planes-onnx.ts';

const SCRIPT = fileURLToPath(new URL('./engine-webgpu-run.ts', import.meta.url));

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

async function run(model: string, provider: string): Promise<unknown> {
  const env = { ...process.env, ...softwareVulkan(folder.path) };
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, model, provider], { env, timeout: 60_000 });
  return JSON.parse(stdout);
}

describe('an i420 network on webgpu', () => {
  it.each([
    ['that knows any time', { mirror: true, error: 0.02 }],
    ['that only knows the middle', { mirror: true, time: false }],
  ])('%s gives the same bytes as on the CPU, every time', async (name, options) => {
    const path = join(folder.path, `${name}.onnx`);
    writeFileSync(path, planesNetwork(options));
    const expected = await run(path, 'cpu');
    expect(expected).toMatchObject({ liveFrames: 0, usedBytes: 0 });
    expect(await run(path, 'webgpu')).toEqual(expected);
  });
});

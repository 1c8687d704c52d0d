import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { i420Network } from '../support/engine-i420-onnx.ts';
import { temporaryFolder } from '../support/media.ts';
import { softwareVulkan } from '../support/vulkan.ts';

const SCRIPT = fileURLToPath(new URL('../support/engine-webgpu-run.ts', import.meta.url));

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

async function run(model: string, provider: string): Promise<object> {
  const env = { ...process.env, ...softwareVulkan(folder.path) };
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, model, provider], { env, timeout: 60_000 });
  return JSON.parse(stdout);
}

describe('an i420 network on webgpu', () => {
  it.each([
    ['that knows any time', { mirror: true, error: 0.02 }, [1, 1, 1, 1]],
    ['that only knows the middle', { mirror: true, time: false }, [1, 1, 1, 1]],
    // Four pairs that come at once: the first one starts, the others share the next run.
    ['that runs several pairs at a time', { mirror: true, error: 0.02, batches: true }, [1, 3]],
  ])('%s gives the same bytes as on the CPU, every time', async (name, options, runs) => {
    const path = join(folder.path, `${name}.onnx`);
    writeFileSync(path, i420Network(options));
    const expected = await run(path, 'cpu');
    expect(expected).toMatchObject({ runs: Array(8).fill(1), liveFrames: 0, usedBytes: 0 });
    expect(await run(path, 'webgpu')).toEqual({ ...expected, runs: [...runs, ...runs] });
  });
});

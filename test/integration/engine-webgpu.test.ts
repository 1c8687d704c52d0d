import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/media.ts';
import { planesNetwork } from './engine-planes-onnx.ts';

const SCRIPT = fileURLToPath(new URL('./engine-webgpu-run.ts', import.meta.url));
/** The software Vulkan that comes with Debian's Chromium. */
const SWIFTSHADER = '/usr/lib/chromium/libvk_swiftshader.so';

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  if (!existsSync(SWIFTSHADER))
    throw new Error(`${SWIFTSHADER} is missing: test/setup.sh installs Chromium, which brings it`);
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

async function run(model: string, provider: string): Promise<unknown> {
  const driver = join(folder.path, 'swiftshader.json');
  const icd = { library_path: SWIFTSHADER, api_version: '1.0.5' };
  writeFileSync(driver, JSON.stringify({ file_format_version: '1.0.0', ICD: icd }));
  const env = { ...process.env, VK_ICD_FILENAMES: driver };
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

/** The software Vulkan that comes with Debian's Chromium: WebGPU without a GPU. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SWIFTSHADER = '/usr/lib/chromium/libvk_swiftshader.so';

/** Environment that makes it the only Vulkan driver. @param folder where its description is written. @throws Error where it is missing. */
export function softwareVulkan(folder: string): { VK_ICD_FILENAMES: string } {
  if (!existsSync(SWIFTSHADER))
    throw new Error(`${SWIFTSHADER} is missing: test/setup.sh installs Chromium, which brings it`);
  const driver = join(folder, 'swiftshader.json');
  const icd = { library_path: SWIFTSHADER, api_version: '1.0.5' };
  writeFileSync(driver, JSON.stringify({ file_format_version: '1.0.0', ICD: icd }));
  return { VK_ICD_FILENAMES: driver };
}

/**
 * framelift as npm installs it: packed here, installed in an empty folder that knows nothing of the
 * checkout.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Installation } from './app.ts';
import { temporaryFolder } from './media.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * How long {@link installPackage} may take: npm fetches about 200 packages where its cache has
 * none.
 */
export const INSTALL_TIMEOUT_MS = 300_000;

/** An installed package. */
export interface InstalledPackage extends Installation {
  /** Paths in the tarball. */
  readonly files: readonly string[];
  remove(): Promise<void>;
}

/** Builds, packs and installs. @throws Error with npm's output. */
export async function installPackage(): Promise<InstalledPackage> {
  const { path: folder, remove } = await temporaryFolder();
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: ROOT });
  const { filename, files } = packed(stdout);
  const flags = ['--prefix', folder, '--prefer-offline', '--no-audit', '--no-fund'];
  // The checkout's .npmrc, which npm hands on to what it runs, does not count there.
  const env = { ...process.env, npm_config_onnxruntime_node_install: undefined };
  await run('npm', ['install', ...flags, join(folder, filename)], { cwd: folder, env });
  return { launcher: join(folder, 'node_modules/.bin/framelift'), folder, files, remove };
}

/** What `npm pack --json` says of the tarball that it made. */
function packed(json: string): { filename: string; files: string[] } {
  // npm's own format: a list of tarballs.
  const [tarball] = JSON.parse(json) as { filename: string; files: { path: string }[] }[];
  if (!tarball) throw new Error(`npm pack made nothing: ${json}`);
  return { filename: tarball.filename, files: tarball.files.map(({ path }) => path) };
}

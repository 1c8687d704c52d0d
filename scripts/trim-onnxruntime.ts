/**
 * What `npm pack` bundles of onnxruntime-node: its libraries for Linux, without those of other
 * systems (220 MB), and without the install script, which would fetch CUDA's (`framelift
 * install-cuda` does so on request). Both follow from its package.json alone, which has other
 * contents while the tarball is made: `trim` before, `restore` after.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PACKAGE = resolve(import.meta.dirname, '../node_modules/onnxruntime-node');
const MANIFEST = join(PACKAGE, 'package.json');
const ORIGINAL = join(PACKAGE, 'package.json.orig');

/** Not the libraries that `framelift install-cuda` put there; of the scripts, what it runs. */
const FILES = [
  'bin/napi-v6/linux/*/libonnxruntime.so.1',
  'bin/napi-v6/linux/*/onnxruntime_binding.node',
  'dist',
  'script/install*.js',
];

const [step] = process.argv.slice(2);
if (step === 'trim') trim();
else if (step === 'restore') restore();
else throw new Error('node scripts/trim-onnxruntime.ts trim | restore');

function trim(): void {
  // There from a run that was broken off.
  restore();
  copyFileSync(MANIFEST, ORIGINAL);
  const manifest = { ...JSON.parse(readFileSync(ORIGINAL, 'utf8')), scripts: undefined, files: FILES };
  // At once, for whatever uses the package now, and never through a hard link.
  writeFileSync(`${MANIFEST}.new`, JSON.stringify(manifest, undefined, 2));
  renameSync(`${MANIFEST}.new`, MANIFEST);
}

function restore(): void {
  if (existsSync(ORIGINAL)) renameSync(ORIGINAL, MANIFEST);
}

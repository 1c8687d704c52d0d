/**
 * Compiles src/ to plain JavaScript in dist/, folder by folder as it stands, so that paths relative
 * to a module hold in both: `npm run build`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');
/** The kernel's sources and compiler: what runs is kernel.wasm beside them. */
const KERNEL = join(SRC, 'interp/kernel/assembly');
/** Served to browsers as it stands, whatever its kind. */
const PAGE = join(SRC, 'web');

/**
 * A module named by its URL, such as the script of a worker: tsc rewrites the extension of imports
 * only.
 */
const MODULE_URL = /new URL\(\s*(['"])(\.{1,2}\/[^'"]+)\.ts\1,\s*import\.meta\.url,?\s*\)/g;
/** A module named in a way that would still point to TypeScript. */
const LEFT_OVER = /(['"`])\.{1,2}\/[^'"`]*\.ts\1/;

rmSync(DIST, { recursive: true, force: true });
compile();
for (const file of globSync('**/*.js', { cwd: DIST })) rewriteUrls(join(DIST, file));
copyOthers();

function compile(): void {
  const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
  const tsc = join(dirname(compiler), 'bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', join(ROOT, 'tsconfig.build.json')], { stdio: 'inherit' });
}

/**
 * Points URLs of modules to their compiled files. As long as before, so that the source map still
 * fits.
 */
function rewriteUrls(file: string): void {
  const before = readFileSync(file, 'utf8');
  const after = before.replaceAll(MODULE_URL, (whole, _quote, path: string) => {
    const target = resolve(dirname(file), `${path}.js`);
    if (!existsSync(target)) throw new Error(`${relative(ROOT, file)}: ${target} is not part of the build`);
    return whole.replace(`${path}.ts`, `${path}.js`);
  });
  const wrong = LEFT_OVER.exec(after);
  if (wrong) {
    throw new Error(`${relative(ROOT, file)} names ${wrong[0]}: only new URL('./x.ts', import.meta.url) is rewritten`);
  }
  if (after !== before) writeFileSync(file, after);
}

/** Everything that is not compiled: the page, and files that modules read (kernel.wasm). */
function copyOthers(): void {
  const isPage = (path: string): boolean => path === PAGE || path.startsWith(`${PAGE}/`);
  cpSync(SRC, DIST, {
    recursive: true,
    filter: (path) => path !== KERNEL && (isPage(path) || !path.endsWith('.ts')),
  });
}

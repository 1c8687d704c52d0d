/**
 * Lints all Python files with ruff and checks their format, as ruff.toml says:
 * `npm run lint:python`; `-- --write` formats them. Ruff comes from npm as WebAssembly, so that no
 * Python is needed.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Diagnostic, PositionEncoding, Workspace } from '@astral-sh/ruff-wasm-nodejs';
import { parse } from 'smol-toml';

const root = new URL('..', import.meta.url);
const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const ruff = new Workspace(parse(readFileSync(new URL('ruff.toml', root), 'utf8')), PositionEncoding.Utf16);

/** The Python files of the tree, committed or not, but for those that git ignores. */
function pythonFiles(): string[] {
  const listed = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '*.py'];
  const gone = new Set(git('ls-files', '--deleted', '*.py'));
  return git(...listed).filter((file) => !gone.has(file));
}

function git(...command: string[]): string[] {
  return execFileSync('git', command, { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
}

/** Findings in a file, a line each; with --write its format is put right and not reported. */
function findings(file: string): string[] {
  const path = new URL(file, root);
  const text = readFileSync(path, 'utf8');
  // The package types the result as any, and declares its shape beside it.
  const found: Diagnostic[] = ruff.check(text);
  const lines = found.map(
    ({ code, message, start_location: at }) => `${file}:${at.row}:${at.column} ${code} ${message}`,
  );
  if (found.some(({ code }) => code === 'invalid-syntax')) return lines;
  const formatted = ruff.format(text);
  if (formatted === text) return lines;
  if (!values.write) return [...lines, `${file} is not formatted as ruff would (npm run lint:python -- --write)`];
  writeFileSync(path, formatted);
  return lines;
}

const files = pythonFiles();
const lines = files.flatMap(findings);
for (const line of lines) console.error(line);
console.log(`ruff ${Workspace.version()}: ${files.length} Python files, ${lines.length} findings`);
if (lines.length > 0) process.exitCode = 1;

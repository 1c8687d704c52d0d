import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const DOCUMENTS = ['*.md', 'docs/**/*.md', 'models/**/*.md', 'demo/*.md'].flatMap((pattern) =>
  globSync(pattern, { cwd: ROOT }),
);
const MAX_LINES = 200;
const MAX_COLUMNS = 120;

const textOf = (document: string): string => readFileSync(join(ROOT, document), 'utf8');

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .replace(/^#+ /, '')
    .replaceAll('`', '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const headings = (document: string): string[] =>
  textOf(document)
    .split('\n')
    .filter((line) => /^#+ /.test(line))
    .map(anchorOf);

/** What a link leads to is not there. */
function broken(document: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(ROOT, file))) return true;
  return anchor !== undefined && file.endsWith('.md') && !headings(file).includes(anchor);
}

describe.each(DOCUMENTS)('%s', (document) => {
  const text = textOf(document);

  it(`has at most ${MAX_LINES} lines of ${MAX_COLUMNS} columns`, () => {
    const lines = text.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(MAX_LINES);
    expect(lines.filter((line) => line.length > MAX_COLUMNS)).toEqual([]);
  });

  it('links to what is there', () => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    expect(targets.filter((target) => !/^[a-z]+:/.test(target) && broken(document, target))).toEqual([]);
  });

  it('names files that exist', () => {
    const named = [...text.matchAll(/(?<![\w./(-])((?:src|test|bench|bin|deploy|dashboards|models)\/[\w./-]+\.\w+)/g)];
    const paths = named.map(([, path = '']) => path.replace(/\.$/, ''));
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { readPage } from '../../../src/server/page.ts';

it('readPage serves documents under their routes, other files under their names, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'framelift-page-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'embed'));
  for (const name of ['index.html', 'embed/index.html', 'embed/embed.js', 'tsconfig.json']) {
    writeFileSync(join(folder, name), name);
  }
  const files = readPage(pathToFileURL(`${folder}/`)).map(({ path, type }) => [path, type.split(';')[0]]);
  expect(Object.fromEntries(files)).toEqual({
    '/': 'text/html',
    '/embed/:stream': 'text/html',
    '/embed/embed.js': 'text/javascript',
  });
});

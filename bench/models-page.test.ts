import { describe, expect, it } from 'vitest';
import { CONDITIONS, type ListedModel, type ModelEntry, modelsPage, shortCount, withEntry } from './models-page.ts';

const entry = (id: string, psnr: number, changes: Partial<ModelEntry> = {}): ModelEntry => ({
  id,
  sha256: null,
  frames: 41,
  conditions: Object.fromEntries(
    CONDITIONS.map(({ key, clips }) => [
      key,
      {
        clips: 8,
        figures: {
          psnr,
          ssim: 0.9,
          ie: 7,
          msPerNewFrame: 1,
          ...(clips === 'noisy' ? { errorOverNoise: 0.5 } : {}),
        },
      },
    ]),
  ),
  ms: { '640x360': 8.25, '1280x720': 30 },
  machine: 'a processor',
  pictures: { good: `${id}-good.jpg`, bad: `${id}-bad.jpg` },
  ...changes,
});
const listed: ListedModel[] = [
  { id: 'blend', sha256: null, parameters: null, macs720p: null },
  { id: 'flow-s', sha256: 'aa', parameters: 223720, macs720p: 1033932800 },
  { id: 'unmeasured', sha256: 'bb', parameters: 2e6, macs720p: 8e9 },
];

describe('the page of models', () => {
  const page = modelsPage({ entries: [entry('flow-s', 33.7576, { sha256: 'aa' }), entry('blend', 29.4)] }, listed);
  /** The rows of a model, one of each table: cost, natural, clean, noisy. */
  const rowsOf = (id: string): string[] => page.split('\n').filter((line) => line.startsWith(`| ${id} `));

  it('has a row for each model in the order of the manifest, the best figure bold', () => {
    expect(rowsOf('blend')[0]).toBe('| blend | – | – | 8.3 | 30.0 |');
    expect(rowsOf('flow-s')[0]).toBe('| flow-s | 224 k | 1.03 G | 8.3 | 30.0 |');
    expect(rowsOf('blend')[1]).toMatch(/^\| blend \| 29\.40 \/ 0\.9000 \/ 7\.00 \|/);
    expect(rowsOf('flow-s')[1]).toMatch(/^\| flow-s \| \*\*33\.76\*\* \/ 0\.9000 \/ 7\.00 \|/);
    expect(rowsOf('flow-s')[3]).toMatch(/\/ 7\.00 \/ 0\.50 \|$/);
    expect(page.indexOf('| blend')).toBeLessThan(page.indexOf('| flow-s'));
  });

  it('says what was not measured', () => {
    expect(rowsOf('unmeasured').join().match(/n\/a/g)).toHaveLength(CONDITIONS.length + 2);
  });

  it('has as many cells in each line of a table, and no line over 120 columns', () => {
    const tables = page.split('\n\n').filter((block) => block.startsWith('| model'));
    expect(tables).toHaveLength(4);
    for (const table of tables) expect(new Set(table.split('\n').map((line) => line.split('|').length)).size).toBe(1);
    expect(page.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });

  it('shows the pictures of what was measured', () => {
    expect(page).toContain('![flow-s, bad](models/flow-s-bad.jpg)');
    expect(page).not.toContain('unmeasured-bad');
  });

  it('says when a file is another than was measured, and when models were measured differently', () => {
    const entries = [entry('flow-s', 33, { sha256: 'old' }), entry('blend', 29, { frames: 9 })];
    const changed = modelsPage({ entries }, listed);
    expect(changed).toContain('flow-s has another file now than was measured');
    expect(changed).toMatch(/- blend: at most 9 frames/);
    expect(page).not.toMatch(/another file/);
    expect(page).toMatch(/\n- at most 41 frames/);
  });
});

describe('results', () => {
  it('of one model replace its old ones', () => {
    const data = withEntry({ entries: [entry('a', 1), entry('b', 2)] }, entry('a', 3));
    expect(data.entries.map((one) => [one.id, one.conditions.natural2?.figures.psnr])).toEqual([
      ['b', 2],
      ['a', 3],
    ]);
  });
});

describe('counts', () => {
  it.each([
    [null, '–'],
    [999, '999'],
    [223720, '224 k'],
    [4975000, '4.97 M'],
    [1033932800, '1.03 G'],
  ])('%d is %s', (count, text) => {
    expect(shortCount(count)).toBe(text);
  });
});

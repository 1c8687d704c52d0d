/** `framelift models`: the table that people read. */
import type { ModelSpec } from '../interp/models/manifest.ts';

const HEAD = ['ID', 'KIND', 'PRECISION', 'TIMES', 'SIZE', 'LICENCE', 'NOTE'];
const REFERENCES = [
  ['blend', 'reference', '-', 'any', '1x', 'MIT', 'weighted mean of both frames'],
  ['search', 'reference', '-', 'any', '1x', 'MIT', 'block search and motion compensation, no network'],
  ['repeat', 'reference', '-', 'any', '1x', 'MIT', 'the nearer source frame'],
];

/** A line for each model, the reference interpolators last. */
export function modelsTable(models: readonly ModelSpec[]): string {
  const rows = models.map(({ id, kind, precision, times, scale = 1, licence, training }) => [
    id,
    kind,
    precision,
    times,
    `${scale}x`,
    licence,
    typeof training === 'string' ? training : '',
  ]);
  return [HEAD, ...rows, ...REFERENCES]
    .map(([id, kind, precision, times, size, licence, note]) => {
      const facts = `${kind?.padEnd(11)} ${precision?.padEnd(10)} ${times?.padEnd(6)} ${size?.padEnd(5)} ${licence?.padEnd(9)}`;
      return `${id?.padEnd(16)} ${facts} ${note}`;
    })
    .join('\n');
}

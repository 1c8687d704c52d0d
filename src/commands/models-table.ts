/** `framelift models`: the table that people read. */
import type { ModelSpec } from '../interp/models/manifest.ts';

const HEAD = ['ID', 'KIND', 'PRECISION', 'TIMES', 'LICENCE', 'NOTE'];
const REFERENCES = [
  ['blend', 'reference', '-', 'any', 'MIT', 'weighted mean of both frames'],
  ['search', 'reference', '-', 'any', 'MIT', 'block search and motion compensation, no network'],
  ['repeat', 'reference', '-', 'any', 'MIT', 'the nearer source frame'],
];

/** A line for each model, the reference interpolators last. */
export function modelsTable(models: readonly ModelSpec[]): string {
  const rows = models.map(({ id, kind, precision, times, licence, training }) => [
    id,
    kind,
    precision,
    times,
    licence,
    typeof training === 'string' ? training : '',
  ]);
  return [HEAD, ...rows, ...REFERENCES]
    .map(([id, kind, precision, times, licence, note]) => {
      const facts = `${kind?.padEnd(11)} ${precision?.padEnd(10)} ${times?.padEnd(6)} ${licence?.padEnd(9)}`;
      return `${id?.padEnd(16)} ${facts} ${note}`;
    })
    .join('\n');
}

/** What `framelift doctor` says of one thing that it looked at. */
import { asFrameliftError, type ErrorCode } from '../../errors.ts';

/** One thing looked at. */
export interface Finding {
  readonly what: string;
  /**
   * `missing` is needed for the main job; `wrong` is a setting, or something that it names, that
   * does not work; `optional` adds something.
   */
  readonly level: 'ok' | 'optional' | 'missing' | 'wrong';
  readonly detail: string;
  /** How to get it, or to mend it. */
  readonly remedy?: string;
}

/** Whether a finding keeps framelift from its job. */
export function isFault({ level }: Finding): boolean {
  return level === 'missing' || level === 'wrong';
}

/** The finding of a look that failed. */
export function failed(what: string, level: 'missing' | 'wrong', thrown: unknown, code: ErrorCode): Finding {
  const { message, remedy } = asFrameliftError(thrown, code);
  return { what, level, detail: message, ...(remedy === undefined ? {} : { remedy }) };
}

const MARKS: Readonly<Record<Finding['level'], string>> = {
  ok: 'ok',
  optional: 'absent',
  missing: 'MISSING',
  wrong: 'WRONG',
};

/** Findings for people: a line each, and one for the remedy. */
export function findingsTable(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ what }) => what.length));
  return findings
    .map(({ level, what, detail, remedy }) => {
      const line = `  ${MARKS[level].padEnd(7)} ${what.padEnd(width)}  ${detail}`;
      return remedy === undefined ? line : `${line}\n${' '.repeat(width + 12)}→ ${remedy}`;
    })
    .join('\n');
}

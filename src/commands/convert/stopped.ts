/** What people are told when a conversion stops midway. Pure. */
import type { Unfinished } from '../../egress/file/writer.ts';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { type Micros, toSeconds, ZERO } from '../../time.ts';

/** Where a conversion stopped, and what there is of its output. */
export interface Stop {
  readonly input: string;
  /** Source frames done. */
  readonly source: number;
  /** Time of the last of them. */
  readonly at: Micros | undefined;
  readonly made: Unfinished | undefined;
}

/** The error that stopped a conversion, with where it stopped and what was made until then. */
export function stopped(thrown: unknown, { input, source, at, made }: Stop): FrameliftError {
  const error = asFrameliftError(thrown, 'engine.failed', false);
  if (source === 0) return error;
  const where = `Stopped at ${toSeconds(at ?? ZERO).toFixed(2)} s of ${input} (source frame ${source})`;
  const { code, recoverable, cause } = error;
  const remedy = [error.remedy, error.remedy?.includes('--overwrite') ? undefined : howToGoOn(made)]
    .filter((sentence) => sentence !== undefined)
    .join(' ');
  return new FrameliftError(code, `${error.message}\n${where}: ${inWords(made)}`, {
    ...{ recoverable, cause: cause ?? error },
    ...(remedy === '' ? {} : { remedy }),
  });
}

/** What to do to go on; undefined where there is nothing to go on from. */
export function howToGoOn(made: Unfinished | undefined): string | undefined {
  if (!made || made.resumesAt === 0) return undefined;
  return `The same command with --resume goes on from frame ${made.resumesAt}.`;
}

/** What there is of an output that is not complete. */
export function inWords(made: Unfinished | undefined): string {
  return made ? `"${made.path}" holds the first ${made.frames} frames, playable` : 'nothing is kept';
}

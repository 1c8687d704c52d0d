/** Why a recording stands still, in words. */
import { writeFault } from '../file/sink.ts';

/** What keeps a recording from going on. */
export interface Fault {
  /** The disk is full, or the quota used up: others may make room. */
  readonly full: boolean;
  readonly message: string;
}

/** What people are told of an error of the file system in `folder`. */
export function faultOf(error: unknown, folder: string): Fault {
  const code = codeOf(error) ?? codeOf(error instanceof Error ? error.cause : undefined);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  if (code === 'ENOENT') {
    return { full, message: `the directory of "${folder}" is not there: make it, or choose another record.directory` };
  }
  const message = writeFault(folder, error).message;
  return { full, message: full ? `${message}; it goes on when there is room` : message };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

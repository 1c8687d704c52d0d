/** Small files that are there as a whole or not at all. */
import { openSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { FileSink, syncFolder, writeFault } from './sink.ts';

/**
 * Writes `bytes` to a name beside `path`, brings them to the disk, and renames. What was there before stays until then, and
 * where anything fails. Pipes and devices are written as they are. @throws FrameliftError `mux.failed` naming the reason.
 */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const found = statSync(path, { throwIfNoEntry: false });
  // A link stays a link: what it leads to is replaced.
  const final = found ? realpathSync(path) : path;
  const working = found && !found.isFile() ? final : `${final}.new`;
  try {
    const sink = new FileSink(path, openSync(working, 'w'));
    try {
      sink.write(bytes);
      sink.finish();
    } finally {
      sink.abandon();
    }
    if (working === final) return;
    renameSync(working, final);
    syncFolder(final);
  } catch (error) {
    if (working !== final) rmSync(working, { force: true });
    throw writeFault(path, error);
  }
}

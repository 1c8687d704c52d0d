/** Files that are read again when they change. */
import { watchFile } from 'node:fs';
import { type CancelTimer, type Clock, fromMs, plus } from './time.ts';

const LOOK_EVERY_MS = 250;
/** A file that has not changed for so long is written to its end. */
const SETTLED_AFTER = fromMs(500);

/**
 * Calls `changed` when files were written, replaced or removed, once they have settled; until the process ends. Looks at them four times a second:
 * notifications of the system follow neither a file that an editor replaces nor one that a container mounts.
 */
export function watchFiles(paths: readonly string[], clock: Clock, changed: () => void): void {
  let cancel: CancelTimer = () => {};
  for (const path of paths) {
    watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, () => {
      cancel();
      cancel = clock.at(plus(clock.now(), SETTLED_AFTER), changed);
    });
  }
}

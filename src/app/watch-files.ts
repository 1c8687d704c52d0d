/** Files that are read again when they change. */
import { unwatchFile, watchFile } from 'node:fs';
import { type CancelTimer, type Clock, fromMs, plus } from '../time.ts';

const LOOK_EVERY_MS = 250;
/** A file that has not changed for so long is written to its end. */
const SETTLED_AFTER = fromMs(500);

/**
 * Calls `changed` when files were written, replaced or removed, once they have settled. Looks at them four times a second:
 * notifications of the system follow neither a file that an editor replaces nor one that a container mounts.
 * @returns what takes the paths to watch, until it is given others.
 */
export function watchFiles(clock: Clock, changed: () => void): (paths: readonly string[]) => void {
  let cancel: CancelTimer = () => {};
  let watched = new Set<string>();
  const noticed = (): void => {
    cancel();
    cancel = clock.at(plus(clock.now(), SETTLED_AFTER), changed);
  };
  return (paths) => {
    const wanted = new Set(paths);
    for (const path of watched.difference(wanted)) unwatchFile(path, noticed);
    for (const path of wanted.difference(watched)) {
      watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, noticed);
    }
    watched = wanted;
  };
}

/** The file that tells other programs, such as a health check, where framelift listens. */
import { rmSync } from 'node:fs';
import { writeWhole } from '../egress/file/whole-file.ts';
import { FrameliftError, messageOf } from '../errors.ts';

/**
 * Removes what an earlier run has left, so that nobody asks at its address.
 * @param path undefined: nothing is written.
 * @returns what writes the URL, with a line end.
 * @throws FrameliftError `config.invalid`, both now and then, when the file cannot be written.
 */
export function urlFile(path: string | undefined): (url: string) => void {
  if (path === undefined) return () => {};
  const attempt = (act: () => void): void => {
    try {
      act();
    } catch (cause) {
      throw new FrameliftError('config.invalid', `--url-file: ${path} cannot be written: ${reasonOf(cause)}`, {
        remedy: 'Give a file in a folder that framelift may write to, or leave out --url-file and FRAMELIFT_URL_FILE.',
        cause,
      });
    }
  };
  attempt(() => rmSync(path, { force: true }));
  return (url) => attempt(() => writeWhole(path, Buffer.from(`${url}\n`)));
}

/** What the system said. */
function reasonOf(thrown: unknown): string {
  return messageOf(thrown instanceof FrameliftError ? (thrown.cause ?? thrown) : thrown);
}

/** Results on standard output. */
import { FrameliftError } from '../errors.ts';

/** What is needed of the stream. */
interface Output {
  write(text: string, done: (error?: Error | null) => void): unknown;
  once(event: 'error', listener: () => void): unknown;
}

/**
 * Writes a result with a line end, and waits until it is written: `console.log` would lose it on a full disk without a word.
 * A reader that has gone (`| head`) wants no more; that is no error. @throws FrameliftError `mux.failed`.
 */
export async function print(output: Output, text: string): Promise<void> {
  // The stream tells it a second time, as an event, which would end the process with a stack trace.
  output.once('error', () => {});
  await new Promise<void>((resolve, reject) => {
    output.write(`${text}\n`, (cause) => {
      if (!cause || ('code' in cause && cause.code === 'EPIPE')) resolve();
      else reject(new FrameliftError('mux.failed', `standard output cannot be written: ${cause.message}`, { cause }));
    });
  });
}

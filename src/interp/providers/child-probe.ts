/** A question to a child process of our own, which may crash or hang over it. */
import { fork } from 'node:child_process';

/** Of what a child writes, the last characters are kept. */
const MAX_LOG = 16_384;

/** What came of it: the answer, or how the child ended without one; and what it wrote. */
export type ChildOutcome<Reply> =
  | { readonly reply: Reply; readonly log: string }
  | { readonly ended: string; readonly log: string };

/**
 * Forks `script`, sends `request` and waits for one message, `limitMs` at most. Resolves in any case: a crash and a
 * hang are answers too.
 * @param awaited what the child is to come up with, for the message: `frame`.
 */
export function askChild<Reply>(
  script: string,
  request: object,
  { limitMs, awaited }: { readonly limitMs: number; readonly awaited: string },
): Promise<ChildOutcome<Reply>> {
  return new Promise((resolve) => {
    const child = fork(script, {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    let log = '';
    let reply: { readonly message: Reply } | undefined;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-MAX_LOG);
    });
    child.once('message', (message) => {
      // What our own script sends.
      reply = { message: message as Reply };
    });
    child.once('error', (cause) => resolve({ ended: `its test could not be started: ${cause.message}`, log }));
    child.once('close', (code, signal) => {
      const crash = `it crashed its test process (${signal ?? `exit code ${code}`})`;
      if (reply) resolve({ reply: reply.message, log });
      else resolve({ ended: child.killed ? `no ${awaited} within ${limitMs / 1000} s` : crash, log });
    });
    // A child that is gone before it has read this is reported by its end.
    child.send(request, () => {});
  });
}

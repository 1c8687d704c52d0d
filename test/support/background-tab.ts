/**
 * Tabs that are hidden as a person's are: playwright keeps its own pages visible, so that these are
 * made and asked past it.
 */
import type { Browser } from 'playwright-core';

/** A tab in a window of several. */
export interface Tab {
  /** The value of an expression, or of the promise that it is, in the tab. @throws Error when it throws there. */
  evaluate<T>(expression: string): Promise<T>;
  /** Brings it to the front: the others of its window are hidden. */
  show(): Promise<void>;
  close(): Promise<void>;
}

/** What is read of an answer of the DevTools protocol. */
interface Answer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: unknown };
}

/** Opens a tab in front of those that were opened before, in one window. */
export async function openTab(browser: Browser, url: string): Promise<Tab> {
  const devtools = await browser.newBrowserCDPSession();
  const { targetId } = await devtools.send('Target.createTarget', { url });
  const { sessionId } = await devtools.send('Target.attachToTarget', { targetId, flatten: false });
  const waiting = new Map<number, (answer: Answer) => void>();
  devtools.on('Target.receivedMessageFromTarget', ({ message, sessionId: from }) => {
    if (from !== sessionId) return;
    // The protocol's own JSON.
    const answer = JSON.parse(message) as Answer;
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  let last = 0;
  const ask = async (method: string, params: object): Promise<Answer> => {
    last += 1;
    const id = last;
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    await devtools.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method, params }) });
    return answered;
  };
  return {
    async evaluate<T>(expression: string): Promise<T> {
      const { result } = await ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
      if (!result || result.exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(result)}`);
      // As the caller says.
      return result.result?.value as T;
    },
    async show() {
      await devtools.send('Target.activateTarget', { targetId });
    },
    async close() {
      await devtools.send('Target.closeTarget', { targetId });
    },
  };
}

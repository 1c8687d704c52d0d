/** Viewers that only are there: what nobody watches is not interpolated. */
import type { App } from './app.ts';
import { WhepClient } from './whep-client.ts';

/** Watches what is upconverted of these streams, once they have a frame, until it is disposed of. */
export async function watching(app: App, ...names: string[]): Promise<AsyncDisposable> {
  await using viewers = new AsyncDisposableStack();
  for (const name of names) viewers.use(await joined(`${app.url}/whep/${name}`));
  return viewers.move();
}

async function joined(url: string): Promise<WhepClient> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await WhepClient.play(url, () => {});
    } catch (error) {
      if (tries === 40 || !`${error}`.includes('no frame yet')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

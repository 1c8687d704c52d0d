/**
 * A viewer in a process of its own, so that receiving costs the measured one nothing: it plays the WHEP URL that is its
 * argument, decodes nothing and notes when access units arrive. Forked by `viewer-process.ts`.
 */
import { FrameliftError } from '../src/errors.ts';
import { WhepClient } from '../test/support/whep-client.ts';
import { ArrivalLog } from './arrival-log.ts';
import type { ViewerOrder, ViewerReport } from './viewer-process.ts';

const url = process.argv[2];
if (url === undefined || !process.send) {
  throw new FrameliftError('config.invalid', 'the viewer is forked with a WHEP URL as its argument', {
    remedy: 'Run `npm run bench -- live`, which starts it.',
  });
}
const report = (message: ViewerReport): void => void process.send?.(message);

const log = new ArrivalLog();
const client = await WhepClient.play(url, ({ header }) => {
  const before = log.units;
  log.packet(header, performance.timeOrigin + performance.now());
  if (before === 0 && log.units === 1) report({ type: 'playing' });
});
process.on('message', (order: ViewerOrder) => {
  if (order === 'begin') log.begin();
  else report({ type: 'arrivals', arrivals: log.end() });
});
process.once('disconnect', () => {
  void client[Symbol.asyncDispose]().then(() => process.exit(0));
});

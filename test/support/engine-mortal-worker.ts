/** The real worker, until it is asked for t = ⅛: then its thread ends. */
import { parentPort } from 'node:worker_threads';
import type { Request } from '../../src/interp/worker/protocol.ts';
import '../../src/interp/worker/main.ts';

parentPort?.on('message', (request: Request) => {
  if (request.type === 'run' && request.jobs[0]?.timesteps[0] === 0.125) process.exit(7);
});

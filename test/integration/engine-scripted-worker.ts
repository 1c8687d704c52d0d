/** A worker that misbehaves on request: the first timestep of a job says how. */
import { parentPort } from 'node:worker_threads';
import type { Reply, Request } from '../../src/interp/messages.ts';

const reply = (message: Reply): void => parentPort?.postMessage(message);
parentPort?.on('message', (request: Request) => {
  if (request.type === 'close') parentPort?.close();
  if (request.type === 'prepare') reply({ type: 'done', results: [] });
  if (request.type !== 'run') return;
  const t = request.jobs[0]?.timesteps[0] ?? 0;
  if (t === 0.25) process.exit(7);
  if (t === 0.125) throw new Error('scripted crash');
  if (t === 0.75) reply({ type: 'failed', code: 'engine.failed', message: 'scripted failure', recoverable: true });
  // t = 0.375: never answers.
  if (t === 0.5) reply({ type: 'done', results: [{ confidence: 1, spans: { search: 1, network: 2, kernel: 3 } }] });
});
reply({ type: 'ready' });

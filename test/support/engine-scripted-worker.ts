/** A worker that misbehaves on request: the first timestep of a job says how. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Reply, Request, WorkerData } from '../../src/interp/worker/protocol.ts';

const { nativeCalls, model } = workerData as WorkerData;

const done = ({ jobs }: { jobs: readonly unknown[] }): void =>
  reply({ type: 'done', results: jobs.map(() => ({ confidence: 1, spans: { search: 1, network: 2, kernel: 3 } })) });
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
  // t = 0.875: is inside ONNX Runtime for longer than the limit, then answers. t = 0.625: never answers after it.
  if (t === 0.875 || t === 0.625) {
    Atomics.add(nativeCalls, 0, 1);
    setTimeout(() => {
      Atomics.add(nativeCalls, 0, 1);
      if (t === 0.875) done(request);
    }, 2500);
  }
  if (t === 0.5) done(request);
});
// With a network it is one that runs several pairs.
const network = { kind: 'flow', seeded: false, times: 'any', batches: true } as const;
reply({ type: 'ready', network: typeof model === 'string' ? undefined : network });

/** Entry of an interpolation worker: one kernel instance and one interpolator; frames are offsets in the shared arena. */
import { parentPort, workerData } from 'node:worker_threads';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { systemClock } from '../../time.ts';
import type { Interpolator, Reply, Request, WorkerData } from '../engine/protocol.ts';
import { loadKernel } from '../kernel/kernel.ts';
import { BlendInterpolator } from '../models/reference.ts';
import { countInside, inside } from './native-call.ts';
import { Crew } from './row-threads.ts';

const port = parentPort;
if (!port) throw new FrameliftError('engine.failed', 'worker.ts only runs as a worker thread');

// What the engine passes when it starts the thread.
const setup = workerData as WorkerData;
countInside(setup.inside);

async function start(): Promise<Interpolator> {
  const kernel = loadKernel(setup.memory);
  if (setup.model === 'blend') return new BlendInterpolator(kernel, systemClock);
  const crew = (threads = setup.threads): Crew => new Crew(kernel, setup.memory, threads);
  // ONNX Runtime is loaded where a network is used, and nowhere else.
  const { FlowInterpolator } = await import('../networks/flow.ts');
  if (setup.model === 'search') return new FlowInterpolator(kernel, crew(), setup, systemClock, undefined);
  const { Network } = await inside(() => import('../networks/onnx.ts'));
  const network = await Network.open(setup.model.id, setup.model.bytes, setup);
  if (network.kind === 'flow') {
    const { FlowNetwork } = await import('../networks/flow-session.ts');
    return new FlowInterpolator(kernel, crew(), setup, systemClock, new FlowNetwork(network));
  }
  if (network.kind === 'i420') {
    const [{ PlanesInterpolator }, { PlanesNetwork }] = await Promise.all([
      import('../networks/i420.ts'),
      import('../networks/i420-session.ts'),
    ]);
    const planes = new PlanesNetwork(network, setup.model.times);
    return new PlanesInterpolator(kernel, crew(planes.facts.seeded ? setup.threads : 1), setup, systemClock, planes);
  }
  const [{ RgbInterpolator }, { RgbNetwork }] = await Promise.all([
    import('../networks/rgb.ts'),
    import('../networks/rgb-session.ts'),
  ]);
  return new RgbInterpolator(setup, systemClock, await RgbNetwork.open(network, setup.multiple, setup.model.times));
}

async function answer(interpolator: Interpolator, request: Request): Promise<Reply | undefined> {
  switch (request.type) {
    case 'run':
      return { type: 'done', results: await interpolator.run(request.jobs) };
    case 'prepare':
      await interpolator.prepare(request);
      return { type: 'done', results: [] };
    case 'forget':
      await interpolator.forget(request.scratch);
      return undefined;
    case 'close':
      await interpolator.close();
      port?.close();
      return undefined;
  }
}

function failure(thrown: unknown): Reply {
  const error = asFrameliftError(thrown, 'engine.failed');
  return { type: 'failed', code: error.code, message: error.message, recoverable: error.recoverable };
}

// Requests are answered strictly in order: `forget` must not overtake the run before it.
let turn: Promise<void> = Promise.resolve();

start().then(
  (interpolator) => {
    port.on('message', (request: Request) => {
      turn = turn
        .then(() => answer(interpolator, request))
        .then((reply) => reply && port.postMessage(reply))
        .catch((thrown: unknown) => port.postMessage(failure(thrown)));
    });
    port.postMessage({ type: 'ready', network: interpolator.network } satisfies Reply);
  },
  (thrown: unknown) => {
    port.postMessage(failure(thrown));
    port.close();
  },
);

/**
 * Entry of an interpolation worker: one kernel instance and one interpolator; frames are offsets in
 * the shared arena.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { Mutex } from '../../mutex.ts';
import type { Times } from '../../pairing/timesteps.ts';
import { minus, systemClock } from '../../time.ts';
import { Finisher } from '../finish/finisher.ts';
import { loadKernel } from '../kernel/kernel.ts';
import type { Network } from '../networks/onnx.ts';
import { BlendInterpolator } from './blend.ts';
import { countNativeCalls, nativeCall } from './native-call.ts';
import type { Interpolator, NetworkFacts, Reply, Request, WireJob, WireResult, WorkerData } from './protocol.ts';
import { RowThreads } from './row-threads.ts';
import { finishOffset } from './scratch-layout.ts';

const port = parentPort;
if (!port) throw new FrameliftError('engine.failed', 'worker/main.ts only runs as a worker thread');

// What the engine passes when it starts the thread.
const setup = workerData as WorkerData;
countNativeCalls(setup.nativeCalls);

const reply = (message: Reply): void => port.postMessage(message);
const kernel = loadKernel(setup.memory);
/** On the row threads of the interpolator, where it has some. */
let finisher = new Finisher(kernel, new RowThreads(kernel, setup.memory, 1));

function startRowThreads(size = setup.threads): RowThreads {
  const rowThreads = new RowThreads(kernel, setup.memory, size);
  finisher = new Finisher(kernel, rowThreads);
  return rowThreads;
}

async function start(): Promise<Interpolator> {
  if (setup.model === 'blend') return new BlendInterpolator(kernel, systemClock);
  if (setup.model === 'search') {
    const { FlowInterpolator } = await import('../networks/flow.ts');
    return new FlowInterpolator(kernel, startRowThreads(), setup, systemClock, undefined);
  }
  const { id, file, times } = setup.model;
  // ONNX Runtime is loaded where a network is used, and nowhere else.
  const { Network } = await nativeCall(() => import('../networks/onnx.ts'));
  const network = await Network.open(id, file, {
    threads: setup.threads,
    provider: setup.provider,
    clock: systemClock,
    onSession: (session) => reply({ type: 'session', session }),
  });
  switch (network.kind) {
    case 'flow':
      return flow(network);
    case 'i420':
      return i420(network, times);
    case 'rgb':
      return rgb(network, times);
  }
}

async function flow(network: Network): Promise<Interpolator> {
  const [{ FlowInterpolator }, { FlowNetwork }] = await Promise.all([
    import('../networks/flow.ts'),
    import('../networks/flow-session.ts'),
  ]);
  return new FlowInterpolator(kernel, startRowThreads(), setup, systemClock, new FlowNetwork(network));
}

async function i420(network: Network, times: Times): Promise<Interpolator> {
  const [{ I420Interpolator }, { I420Network }] = await Promise.all([
    import('../networks/i420.ts'),
    import('../networks/i420-session.ts'),
  ]);
  const opened = await I420Network.open(network, setup.multiple, times);
  const threads = opened.facts.seeded ? setup.threads : 1;
  return new I420Interpolator(kernel, startRowThreads(threads), setup, systemClock, opened);
}

async function rgb(network: Network, times: Times): Promise<Interpolator> {
  const [{ RgbInterpolator }, { RgbNetwork }] = await Promise.all([
    import('../networks/rgb.ts'),
    import('../networks/rgb-session.ts'),
  ]);
  return new RgbInterpolator(setup, systemClock, await RgbNetwork.open(network, setup.multiple, times));
}

async function run(interpolator: Interpolator, jobs: readonly WireJob[]): Promise<readonly WireResult[]> {
  const results = await interpolator.run(jobs);
  return results.map((result, i) => {
    const job = jobs[i];
    return job ? finished(result, job, interpolator.network) : result;
  });
}

/**
 * Keeps text still in the frames of a job, unless they are larger than their parents. @returns its result, with the time
 * that took.
 */
function finished(result: WireResult, job: WireJob, network: NetworkFacts | undefined): WireResult {
  if ((network?.scale ?? 1) > 1) return result;
  const begin = systemClock.now();
  const batch = network?.batches ? setup.batch : 1;
  finisher.finish(job, job.scratch + finishOffset(network, setup, batch, job.width, job.height));
  const { search, network: inference, kernel: warp } = result.spans;
  return {
    ...result,
    spans: { search, network: inference, kernel: warp + minus(systemClock.now(), begin) },
  };
}

async function answer(interpolator: Interpolator, request: Request): Promise<Reply | undefined> {
  switch (request.type) {
    case 'run':
      return { type: 'done', results: await run(interpolator, request.jobs) };
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

/** Requests are answered strictly in order: `forget` must not overtake the run before it. */
const requests = new Mutex();

async function serve(interpolator: Interpolator, request: Request): Promise<void> {
  try {
    const answered = await answer(interpolator, request);
    if (answered) reply(answered);
  } catch (thrown) {
    reply(failure(thrown));
  }
}

start().then(
  (interpolator) => {
    port.on('message', (request: Request) => void requests.run(() => serve(interpolator, request)));
    reply({ type: 'ready', network: interpolator.network });
  },
  (thrown: unknown) => {
    reply(failure(thrown));
    port.close();
  },
);

/** Entry of a child process that tries one provider on the test pair. A process of its own: a provider may abort the one it is in. */
import { Arena } from '../arena.ts';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import { noEvents } from '../metrics/events.ts';
import { minus, systemClock, toMs } from '../time.ts';
import { InterpEngine } from './engine.ts';
import { readModel } from './model.ts';
import type { PortShape } from './ports.ts';
import type { Sample } from './provider.ts';
import { planesOf, testPair } from './provider-pair.ts';
import type { ProbeReply, ProbeRequest } from './provider-trial.ts';
import { listedProviders, Network } from './session.ts';

/** A quarter of 720p: small, and large enough for a GPU's speed to show. Luma samples. */
const SIZE = { width: 640, height: 360 };
/** Runs that are timed, after one that is not; fewer when they take longer than {@link ENOUGH_MS} together. */
const RUNS = 5;
const ENOUGH_MS = 2000;

/** The luma size that a network's file fixes; {@link SIZE} where it is free. Flow networks see a quarter of it each way. */
function sizeFor(inputs: readonly PortShape[]): { width: number; height: number } {
  const picture = inputs.find(({ shape }) => shape.length === 4);
  const [, , height, width] = picture?.shape ?? [];
  if (typeof height !== 'number' || typeof width !== 'number') return SIZE;
  const scale = picture?.name === 'images' ? 4 : 1;
  return { width: width * scale, height: height * scale };
}

async function sample({ provider, model, threads }: ProbeRequest): Promise<Sample> {
  const network = await Network.open(model.id, await readModel(model), { provider: 'cpu', threads });
  const { width, height } = sizeFor(network.inputs);
  const arena = new Arena(512);
  const [a, b] = testPair(arena, width, height);
  await using engine = await InterpEngine.start({
    arena,
    clock: systemClock,
    events: noEvents,
    model,
    provider,
    threads,
    grain: 0,
  });
  await engine.warmUp(width, height);
  const times: number[] = [];
  let planes: readonly Uint8Array[] = [];
  let confidence: number | undefined;
  for (let run = 0, spent = 0; run <= RUNS && spent < ENOUGH_MS; run++) {
    const begin = systemClock.now();
    const result = await engine.interpolate({ stream: 'self-test', a, b, timesteps: [0.5] });
    if (result.status !== 'done') throw new FrameliftError('engine.failed', `the test pair was ${result.reason}`);
    const ms = toMs(minus(systemClock.now(), begin));
    spent += ms;
    times.push(ms);
    ({ confidence } = result);
    planes = result.frames.flatMap(planesOf);
    for (const frame of result.frames) frame.release();
  }
  a.release();
  b.release();
  return { planes, confidence, pairMs: median(times.length > 1 ? times.slice(1) : times) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

async function probe(request: ProbeRequest): Promise<ProbeReply> {
  try {
    if (!listedProviders().includes(request.provider)) {
      throw new FrameliftError('provider.unusable', `this build of ONNX Runtime has no ${request.provider}`);
    }
    return { sample: await sample(request) };
  } catch (thrown) {
    return { failure: asFrameliftError(thrown, 'engine.failed').message };
  }
}

process.once('message', (request: ProbeRequest) => {
  // The answer is on its way once the callback runs. A runtime that hangs at its own end does not keep the process.
  void probe(request).then((reply) => process.send?.(reply, () => process.exit()));
});
// Nobody waits for the answer any more.
process.once('disconnect', () => process.exit());

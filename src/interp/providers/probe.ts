/**
 * Entry of a child process that tries one provider on the test pair. A process of its own: a
 * provider may abort the one it is in.
 */

import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { Arena } from '../../media/arena.ts';
import type { FrameSize } from '../../media/size.ts';
import { noEvents } from '../../metrics/events.ts';
import { minus, systemClock, toMs } from '../../time.ts';
import { InterpEngine } from '../engine/engine.ts';
import { readModel } from '../models/file.ts';
import type { IoShape } from '../networks/io.ts';
import { listedProviders, Network } from '../networks/onnx.ts';
import type { Sample } from './provider.ts';
import { planesOf, testPair } from './test-pair.ts';
import type { ProbeReply, ProbeRequest } from './trial.ts';

/** The pair that is compared with the CPU's. Luma samples. */
const SMALL: FrameSize = { width: 160, height: 96 };
/** The pair that is timed: a quarter of 720p, large enough for a GPU's speed to show. */
const LARGE: FrameSize = { width: 640, height: 360 };
/** What needs so long for the small pair (software Vulkan) is not tried on the large one. */
const HOPELESS_MS = 200;
/**
 * Runs that are timed, after one that is not; fewer when they take longer than {@link ENOUGH_MS}
 * together.
 */
const RUNS = 5;
const ENOUGH_MS = 1000;

/** The luma size that a network's file fixes. Flow networks see a quarter of it each way. */
function fixedSize(inputs: readonly IoShape[]): FrameSize | undefined {
  const image = inputs.find(({ shape }) => shape.length === 4);
  const [, , height, width] = image?.shape ?? [];
  if (typeof height !== 'number' || typeof width !== 'number') return undefined;
  const scale = image?.name === 'images' ? 4 : 1;
  return { width: width * scale, height: height * scale };
}

async function sample({ provider, model, threads }: ProbeRequest): Promise<Sample> {
  const { inputs } = await Network.open(model.id, await readModel(model), {
    provider: 'cpu',
    threads,
    clock: systemClock,
  });
  const arena = new Arena(512);
  const base = { arena, clock: systemClock, events: noEvents };
  await using engine = await InterpEngine.start({ ...base, model, provider, threads, grain: 0, batch: 1 });
  const fixed = fixedSize(inputs);
  if (fixed) return await measure(engine, arena, fixed);
  const small = await measure(engine, arena, SMALL);
  const hopeless = small.pairMs > HOPELESS_MS;
  return { ...small, pairMs: hopeless ? undefined : (await measure(engine, arena, LARGE)).pairMs };
}

/** The frame in the middle of a test pair of this size, and the time it takes. */
async function measure(engine: InterpEngine, arena: Arena, { width, height }: FrameSize) {
  const [a, b] = testPair(arena, width, height);
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
  // The answer is on its way once the callback runs. A runtime that hangs at its own end does not
  // keep the process.
  void probe(request).then((reply) => process.send?.(reply, () => process.exit()));
});
// Nobody waits for the answer any more.
process.once('disconnect', () => process.exit());

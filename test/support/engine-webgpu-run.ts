/** Interpolates pairs of four streams with the model and provider given as arguments, and prints what came out as JSON. A process of its own: Vulkan reads the environment once. */
import { createHash } from 'node:crypto';
import { InterpEngine } from '../../src/interp/engine/engine.ts';
import { findModel } from '../../src/interp/models/manifest.ts';
import type { Provider } from '../../src/interp/providers/provider.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import type { MetricEvent } from '../../src/metrics/events.ts';
import { systemClock, ZERO } from '../../src/time.ts';

const [model = '', provider = ''] = process.argv.slice(2);
const arena = new Arena(32);
const info = { pts: ZERO, arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };
const [a, b] = [7, 11].map((step) => {
  const frame = Frame.allocate(arena, 71, 45, info);
  for (let i = 0; i < frame.bytes.length; i++) frame.bytes[i] = (i * step) % 251;
  return frame;
});
if (!a || !b) throw new Error('no frames');
const events: MetricEvent[] = [];
const engine = await InterpEngine.start({
  arena,
  clock: systemClock,
  events: { emit: (event) => events.push(event) },
  model: await findModel(model),
  // Arguments of our own test.
  provider: provider as Provider,
});
await engine.warmUp(71, 45);
const rounds: string[] = [];
for (let round = 0; round < 2; round++) {
  const asked = ['s0', 's1', 's2', 's3'].map((stream, i) => {
    const [from, to] = i % 2 ? [b, a] : [a, b];
    return engine.interpolate({ stream, a: from, b: to, timesteps: [0.25, 0.5, 0.75] });
  });
  for (const result of await Promise.all(asked)) {
    if (result.status !== 'done') throw new Error(result.reason);
    const hash = createHash('md5');
    for (const frame of result.frames) {
      const { width, height, strideY } = frame.layout;
      for (let y = 0; y < height; y++) hash.update(frame.bytes.slice(y * strideY, y * strideY + width));
      frame.release();
    }
    rounds.push(`${hash.digest('hex')} ${result.confidence?.toFixed(4)}`);
  }
}
a.release();
b.release();
await engine.close();
const runs = events.flatMap((event) => (event.type === 'inference' ? [event.jobs] : []));
console.log(JSON.stringify({ rounds, runs, liveFrames: arena.liveFrames, usedBytes: arena.usedBytes }));

/** Times framelift's own interpolation, through the engine as the pipeline uses it. */
import { Arena } from '../src/arena.ts';
import { Frame, SOURCE } from '../src/frame.ts';
import { InterpEngine } from '../src/interp/engine.ts';
import type { ModelSpec } from '../src/interp/model.ts';
import type { ReferenceModel } from '../src/interp/reference.ts';
import { noEvents } from '../src/metrics/events.ts';
import { micros, systemClock } from '../src/time.ts';
import { quantile } from './statistics.ts';

/** Milliseconds per new frame, medians. */
export interface InterpolationTimes {
  /** Pyramids, block search, network inputs. */
  readonly searchMs: number;
  readonly networkMs: number;
  /** Warp and blend of the three planes. */
  readonly kernelMs: number;
  /** From the call to the frame, hand-over between threads included. */
  readonly totalMs: number;
}

function load(arena: Arena, clip: readonly Uint8Array[], width: number, height: number): Frame[] {
  return clip.map((tight, n) => {
    const at = micros(n * 33_333);
    const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
    const frame = Frame.allocate(arena, width, height, info);
    const { strideY, strideC, chromaWidth, chromaHeight, y, u, v } = frame.layout;
    let from = 0;
    for (const [offset, w, h, stride] of [
      [y, width, height, strideY],
      [u, chromaWidth, chromaHeight, strideC],
      [v, chromaWidth, chromaHeight, strideC],
    ] as const) {
      for (let row = 0; row < h; row++) {
        frame.bytes.set(tight.subarray(from, from + w), offset + row * stride);
        from += w;
      }
    }
    return frame;
  });
}

/** Doubles the frame rate of the clip `runs` times and reports the median of all new frames; one run more warms up. */
export async function timeInterpolation(
  model: ModelSpec | ReferenceModel,
  threads: number,
  clip: readonly Uint8Array[],
  width: number,
  height: number,
  runs: number,
): Promise<InterpolationTimes> {
  const arena = new Arena(1024);
  await using engine = await InterpEngine.start({ arena, clock: systemClock, events: noEvents, model, threads });
  await engine.warmUp(width, height);
  const frames = load(arena, clip, width, height);
  const times = { search: [] as number[], network: [] as number[], kernel: [] as number[], total: [] as number[] };
  for (let run = -1; run < runs; run++) {
    for (const [i, b] of frames.entries()) {
      const a = frames[i - 1];
      if (!a) continue;
      const begin = performance.now();
      const result = await engine.interpolate({ stream: 'bench', a, b, timesteps: [0.5] });
      const total = performance.now() - begin;
      if (result.status !== 'done') throw new Error(`the engine refused a pair: ${result.reason}`);
      for (const frame of result.frames) frame.release();
      if (run < 0) continue;
      times.total.push(total);
      times.search.push(result.spanMicros.search / 1000);
      times.network.push(result.spanMicros.network / 1000);
      times.kernel.push(result.spanMicros.kernel / 1000);
    }
  }
  for (const frame of frames) frame.release();
  return {
    searchMs: quantile(times.search, 0.5),
    networkMs: quantile(times.network, 0.5),
    kernelMs: quantile(times.kernel, 0.5),
    totalMs: quantile(times.total, 0.5),
  };
}

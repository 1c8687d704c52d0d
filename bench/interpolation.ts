/** Times framelift's own interpolation, through the engine as the pipeline uses it. */

import { FrameliftError } from '../src/errors.ts';
import { InterpEngine } from '../src/interp/engine/engine.ts';
import type { ModelSpec } from '../src/interp/models/manifest.ts';
import type { ReferenceModel } from '../src/interp/models/reference.ts';
import { Arena } from '../src/media/arena.ts';
import { Frame, SOURCE } from '../src/media/frame.ts';
import { noEvents } from '../src/metrics/events.ts';
import { micros, systemClock } from '../src/time.ts';
import { quantile } from './statistics.ts';

/** Milliseconds for an interpolated frame. */
export interface InterpolationTimes {
  /** Pyramids, block search, network inputs. */
  readonly searchMs: number;
  readonly networkMs: number;
  /** Warp and blend of the three planes. */
  readonly kernelMs: number;
  /** From the call to the frame, hand-over between threads included. */
  readonly totalMs: number;
}

/** Frames of a clip of tight I420 pictures, 1/30 s apart; the caller owns them. @throws FrameliftError `arena.full`. */
export function loadClip(arena: Arena, clip: readonly Uint8Array[], width: number, height: number): Frame[] {
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

/** The engine with a clip in its arena, ready to double its frame rate again and again. */
export class InterpolationTimer implements AsyncDisposable {
  readonly #engine: InterpEngine;
  readonly #frames: readonly Frame[];

  private constructor(engine: InterpEngine, frames: readonly Frame[]) {
    this.#engine = engine;
    this.#frames = frames;
  }

  /** Starts the engine with `threads` for an inference and warms it up by a run. @param clip tight I420 frames, at least two. @throws FrameliftError `model.*`, `engine.failed`. */
  static async start(
    model: ModelSpec | ReferenceModel,
    threads: number,
    clip: readonly Uint8Array[],
    width: number,
    height: number,
  ): Promise<InterpolationTimer> {
    const arena = new Arena(1024);
    const engine = await InterpEngine.start({ arena, clock: systemClock, events: noEvents, model, threads });
    const timer = new InterpolationTimer(engine, loadClip(arena, clip, width, height));
    try {
      await engine.warmUp(width, height);
      await timer.run();
      return timer;
    } catch (error) {
      await timer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Doubles the frame rate once: the times of each interpolated frame. @throws FrameliftError `engine.failed`. */
  async run(): Promise<InterpolationTimes[]> {
    const times: InterpolationTimes[] = [];
    for (const [i, b] of this.#frames.entries()) {
      const a = this.#frames[i - 1];
      if (!a) continue;
      const first = this.#frames[i - 2];
      const beside = first && { before: { frame: first, ratio: 1 } };
      const begin = performance.now();
      const result = await this.#engine.interpolate({ stream: 'bench', a, b, ...beside, timesteps: [0.5] });
      const totalMs = performance.now() - begin;
      if (result.status !== 'done') {
        throw new FrameliftError('engine.failed', `the engine refused pair ${i}: ${result.reason}`);
      }
      for (const frame of result.frames) frame.release();
      const { search, network, kernel } = result.spanMicros;
      times.push({ searchMs: search / 1000, networkMs: network / 1000, kernelMs: kernel / 1000, totalMs });
    }
    return times;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const frame of this.#frames) frame.release();
    await this.#engine[Symbol.asyncDispose]();
  }
}

/** The medians of many interpolated frames. */
export function medianTimes(times: readonly InterpolationTimes[]): InterpolationTimes {
  const median = (pick: keyof InterpolationTimes): number =>
    quantile(
      times.map((time) => time[pick]),
      0.5,
    );
  return {
    searchMs: median('searchMs'),
    networkMs: median('networkMs'),
    kernelMs: median('kernelMs'),
    totalMs: median('totalMs'),
  };
}

/** Doubles the frame rate of the clip `runs` times: medians of all interpolated frames. Errors: those of {@link InterpolationTimer.start}. */
export async function timeInterpolation(
  model: ModelSpec | ReferenceModel,
  threads: number,
  clip: readonly Uint8Array[],
  width: number,
  height: number,
  runs: number,
): Promise<InterpolationTimes> {
  await using timer = await InterpolationTimer.start(model, threads, clip, width, height);
  const times: InterpolationTimes[] = [];
  for (let run = 0; run < runs; run++) times.push(...(await timer.run()));
  return medianTimes(times);
}

/** Engines on networks that a test writes: an arena for each test, which must be empty after it, and a folder for the files. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { InterpEngine, type InterpEngineOptions } from '../../src/interp/engine/engine.ts';
import { findModel, type ModelSpec } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import type { Provenance } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { type Micros, systemClock } from '../../src/time.ts';
import { distance, type I420Image, samplesOf, toFrame } from './i420-images.ts';
import { temporaryFolder } from './media.ts';

/** A frame that an engine gave. */
interface GivenFrame {
  readonly samples: Uint8Array;
  readonly pts: Micros;
  readonly provenance: Provenance;
}

/** What {@link useEngines} gives. */
export interface EngineRig {
  /** Of the present test. */
  readonly arena: Arena;
  /** Writes a network's file. */
  model(bytes: Uint8Array, changes?: Partial<ModelSpec>): Promise<ModelSpec>;
  /** Starts an engine of one thread on a network. */
  start(bytes: Uint8Array, changes?: Partial<ModelSpec>, more?: Partial<InterpEngineOptions>): Promise<InterpEngine>;
  /** Interpolates between two images, 40 ms apart, and checks that the source frames are untouched. */
  ask(
    engine: InterpEngine,
    a: I420Image,
    b: I420Image,
    timesteps: readonly number[],
  ): Promise<{
    readonly frames: readonly GivenFrame[];
    readonly confidence: number | undefined;
    readonly networkMicros: number;
    readonly searchMicros: number;
  }>;
}

/** Provenance names the file of a network with each frame: by its hash, which looks like this. */
export const HASH: unknown = expect.stringMatching(/^[0-9a-f]{16}$/);

/** Call it once, outside of the tests. */
export function useEngines(arenaMb: number): EngineRig {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let arena: Arena;
  let written = 0;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.remove());
  beforeEach(() => {
    arena = new Arena(arenaMb);
  });
  afterEach(() => {
    expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  });

  const model: EngineRig['model'] = async (bytes, changes = {}) => {
    written += 1;
    const path = join(folder.path, `net${written}.onnx`);
    await writeFile(path, bytes);
    return { ...(await findModel(path)), ...changes };
  };
  return {
    get arena() {
      return arena;
    },
    model,
    async start(bytes, changes, more = {}) {
      const options = { arena, clock: systemClock, events: noEvents, threads: 1 };
      return InterpEngine.start({ ...options, model: await model(bytes, changes), ...more });
    },
    async ask(engine, a, b, timesteps) {
      const [from, to] = [toFrame(arena, a, 0), toFrame(arena, b, 40)];
      try {
        const result = await engine.interpolate({ stream: 's', a: from, b: to, timesteps });
        if (result.status !== 'done') throw new Error(`refused: ${result.reason}`);
        const frames = result.frames.map((f) => ({ samples: samplesOf(f), pts: f.pts, provenance: f.provenance }));
        for (const frame of result.frames) frame.release();
        expect([distance(samplesOf(from), a), distance(samplesOf(to), b)]).toEqual([0, 0]);
        const { network, search } = result.spanMicros;
        return { frames, confidence: result.confidence, networkMicros: network, searchMicros: search };
      } finally {
        from.release();
        to.release();
      }
    },
  };
}

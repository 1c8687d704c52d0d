import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WorkerSlot } from '../../src/interp/engine/worker-slot.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { Arena } from '../../src/media/arena.ts';
import { fromMs, ManualClock } from '../../src/time.ts';

const SCRIPT = new URL('../support/engine-scripted-worker.ts', import.meta.url);
const MEBIBYTE = 1_048_576;

/** Seconds until the next start, as the slot tells its users; undefined while they may wait. */
const restOf = ({ down }: WorkerSlot): number | undefined => {
  const seconds = down?.message.match(/next start in (\d+) s/)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
};

describe('WorkerSlot', () => {
  let arena: Arena;
  let clock: ManualClock;
  let slot: WorkerSlot;

  beforeEach(async () => {
    arena = new Arena(64);
    clock = new ManualClock();
    slot = new WorkerSlot({
      arena,
      clock,
      log: SILENT_LOG,
      index: 0,
      setup: { memory: arena.memory, model: 'blend', multiple: 32, threads: 1, provider: 'cpu', grain: 0, batch: 1 },
      limit: fromMs(10_000),
      scratchBytes: (width) => (width / 64) * MEBIBYTE,
      onIdle: () => {},
      script: SCRIPT,
    });
    await slot.start();
  });

  afterEach(async () => {
    await slot.close();
    expect(arena.usedBytes).toBe(0);
  });

  /** A timestep at which the scripted worker ends. */
  const CRASH = 0.25;
  const run = async (width: number, height: number, t = 0.5): Promise<void> => {
    const pyramid = { offset: 0, ready: false };
    const job = {
      width,
      height,
      a: 0,
      b: 0,
      timesteps: [t],
      outs: [0],
      pyramidA: pyramid,
      pyramidB: pyramid,
      grainSeeds: [0],
      minConfidence: 0,
      mode: 'whole' as const,
    };
    await slot.run(width, height, [job]);
  };
  const restarted = async (): Promise<void> => {
    clock.advance(fromMs((restOf(slot) ?? 0.1) * 1000));
    await vi.waitUntil(() => slot.idle, 10_000);
  };
  const heldMebibytes = (): number => arena.usedBytes / MEBIBYTE;

  it('keeps every size ready that streams use in turn', async () => {
    for (let round = 0; round < 3; round += 1) {
      for (let size = 1; size <= 5; size += 1) await run(64, size);
      clock.advance(fromMs(1000));
    }
    expect(heldMebibytes()).toBe(5);
  });

  it('gives up a size that was not used for 10 s when another comes', async () => {
    for (let size = 1; size <= 5; size += 1) await run(64, size);
    clock.advance(fromMs(6000));
    await run(64, 1);
    clock.advance(fromMs(6000));
    await run(64, 6);
    expect(heldMebibytes()).toBe(2);
  });

  it('keeps 16 sizes at most', async () => {
    for (let size = 1; size <= 20; size += 1) await run(64, size);
    expect(heldMebibytes()).toBe(16);
  });

  it('starts a worker that crashes again and again at ever longer intervals, and never gives it up', async () => {
    const rests: (number | undefined)[] = [];
    for (let crash = 1; crash <= 12; crash += 1) {
      await expect(run(64, 64, CRASH)).rejects.toMatchObject({ recoverable: true });
      rests.push(restOf(slot));
      await restarted();
      expect(slot.down).toBeUndefined();
    }
    expect(rests).toEqual([undefined, undefined, undefined, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
    expect(slot.restarts).toBe(12);
  });

  it('forgets the crashes of a worker that has run for a minute since', async () => {
    for (let crash = 1; crash <= 5; crash += 1) {
      await expect(run(64, 64, CRASH)).rejects.toThrow();
      await restarted();
    }
    clock.advance(fromMs(60_000));
    await expect(run(64, 64, CRASH)).rejects.toThrow();
    expect(slot.down).toBeUndefined();
  });

  it('gives up the oldest sizes when the arena is full, and says so when that does not help', async () => {
    await run(64 * 20, 1);
    await run(64 * 20, 2);
    await run(64 * 23, 3);
    await run(64 * 20, 4);
    expect(heldMebibytes()).toBe(63);
    await expect(run(64 * 100, 5)).rejects.toMatchObject({ code: 'arena.full' });
  });
});

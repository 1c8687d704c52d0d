import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Tier } from '../../src/interp/engine/job.ts';
import { EnginePool } from '../../src/interp/engine/pool.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { type Clock, fromMs, ManualClock, micros, systemClock } from '../../src/time.ts';

/** Real time, but timers only fire when told: those of the pool alone are set in these tests. */
class HeldClock implements Clock {
  readonly timers = new ManualClock();
  now = systemClock.now;
  wall = systemClock.wall;

  at(due: Parameters<Clock['at']>[0], fn: () => void): () => void {
    return this.timers.at(micros(due - this.now() + this.timers.now()), fn);
  }
}

let arena: Arena;
let clock: HeldClock;
let pool: EnginePool;

beforeEach(() => {
  arena = new Arena(64);
  clock = new HeldClock();
  pool = new EnginePool({ arena, clock, events: noEvents, threads: 1 });
});
afterEach(async () => {
  await pool[Symbol.asyncDispose]();
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

/** A bar on a gradient, moved by `shift` luma samples. */
function picture(shift: number): Frame {
  const at = micros(shift * 1000);
  const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, 128, 96, info);
  frame.bytes.fill(128);
  for (let y = 0; y < 96; y++) {
    for (let x = 0; x < 128; x++) {
      frame.bytes[y * frame.layout.strideY + x] = x >= 40 + shift && x < 56 + shift ? 220 : 40 + ((3 * y + x) % 40);
    }
  }
  return frame;
}

/** The luma of what a tier makes in the middle of a pair, and the model that it names. */
async function made(tier: Tier): Promise<{ model: string; luma: Uint8Array }> {
  const [a, b] = [picture(0), picture(8)];
  const result = await tier.interpolate({ stream: 's', a, b, timesteps: [0.5] });
  a.release();
  b.release();
  if (result.status !== 'done') throw new Error(result.reason);
  const [frame] = result.frames;
  if (!frame) throw new Error('no frame');
  const model = frame.provenance.kind === 'synthetic' ? frame.provenance.model : frame.provenance.kind;
  const luma = frame.bytes.slice(0, 96 * frame.layout.strideY);
  frame.release();
  return { model, luma };
}

describe('EnginePool', () => {
  it('tells which models cannot interpolate while their workers crash', async () => {
    const script = new URL('../support/engine-scripted-worker.ts', import.meta.url);
    await using crashing = new EnginePool({ arena, clock: systemClock, events: noEvents, workerScript: script });
    const lease = await crashing.acquire('blend');
    const a = picture(0);
    for (let crash = 0; crash < 4; crash += 1) {
      expect(crashing.faults).toEqual([]);
      await expect(lease.tiers[0]?.interpolate({ stream: 's', a, b: a, timesteps: [0.25] })).rejects.toThrow();
    }
    a.release();
    expect(crashing.faults).toEqual([{ model: 'blend', reason: expect.stringContaining('crashed 4 times in a row') }]);
    lease.release();
  });

  it('serves a flow network and, by the same worker, half the picture and the search alone: the very picture of the search model', async () => {
    const lease = await pool.acquire('flow-s');
    const alone = await pool.acquire('search');
    expect(lease.tiers.map(({ model }) => model)).toEqual(['flow-s', 'flow-s@0.5', 'search']);
    expect(alone.tiers.map(({ model }) => model)).toEqual(['search']);
    expect(pool.running).toEqual(['flow-s', 'search']);
    const [network, half, cheaper] = lease.tiers;
    const [search] = alone.tiers;
    if (!network || !half || !cheaper || !search) throw new Error('tiers are missing');
    const pictures = [];
    // In turn, so that one kind of job works in the scratch that the other has left.
    for (const tier of [network, cheaper, half, network, search, half]) pictures.push(await made(tier));
    expect(pictures.map(({ model }) => model)).toEqual([
      'flow-s',
      'search',
      'flow-s@0.5',
      'flow-s',
      'search',
      'flow-s@0.5',
    ]);
    const [first, second, third, fourth, fifth, sixth] = pictures.map(({ luma }) => luma);
    expect(second).toEqual(fifth);
    expect(fourth).toEqual(first);
    expect(sixth).toEqual(third);
    expect(second).not.toEqual(first);
    expect(third).not.toEqual(first);
    expect(third).not.toEqual(second);
    lease.release();
    alone.release();
  });

  it('puts the search below a network that does not search by itself, and nothing below a reference model', async () => {
    const zoo = await pool.acquire('dvf');
    expect(zoo.tiers.map(({ model }) => model)).toEqual(['dvf', 'search']);
    expect(pool.running).toEqual(['dvf', 'search']);
    const blend = await pool.acquire('blend');
    expect(blend.tiers.map(({ model }) => model)).toEqual(['blend']);
    zoo.release();
    blend.release();
  });

  it('shares one engine between users, and closes it 30 s after the last has left', async () => {
    const [one, two] = await Promise.all([pool.acquire('search'), pool.acquire('search')]);
    expect(one.tiers[0]).toBe(two.tiers[0]);
    one.release();
    one.release();
    clock.timers.advance(fromMs(40_000));
    expect(pool.running).toEqual(['search']);
    two.release();
    clock.timers.advance(fromMs(29_000));
    const again = await pool.acquire('search');
    clock.timers.advance(fromMs(10_000));
    expect(again.tiers[0]).toBe(one.tiers[0]);
    again.release();
    clock.timers.advance(fromMs(30_001));
    expect(pool.running).toEqual([]);
  });

  it('keeps nothing of a model that cannot be had, and tries it anew', async () => {
    for (let i = 0; i < 2; i++) {
      await expect(pool.acquire('no-such-model')).rejects.toMatchObject({ code: 'model.not-found' });
      expect(pool.running).toEqual([]);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { FrameliftError } from '../../../../src/errors.ts';
import { chooseModel } from '../../../../src/interp/engine/auto-select.ts';
import type { Tier } from '../../../../src/interp/engine/job.ts';
import type { ModelLease } from '../../../../src/interp/engine/pool.ts';
import { resolveModel } from '../../../../src/interp/models/manifest.ts';
import { repeatNearer } from '../../../../src/interp/models/reference.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { fromMs } from '../../../../src/time.ts';

/** Chooses among models whose runs take so many ms each; a text is why it cannot be had. The third run is a stall. */
async function choose(
  costs: Record<string, number | string>,
  options: { gpu?: boolean; timesteps?: number; roomMs?: number } = {},
): Promise<{ model: string; measured: string[]; held: string[]; runs: Record<string, number>; sizes: string[] }> {
  const { gpu = false, timesteps = 1, roomMs = 40 } = options;
  const arena = new Arena(16);
  const held: string[] = [];
  const runs: Record<string, number> = {};
  const sizes: string[] = [];
  const acquire = async (name: string): Promise<ModelLease> => {
    const cost = costs[name];
    if (typeof cost === 'string') throw new FrameliftError('model.invalid', cost);
    held.push(name);
    const tier: Tier = {
      model: name,
      times: 'any',
      extrapolates: true,
      workers: 1,
      warmUp: async (width, height) => void sizes.push(`${name} ${width}x${height}`),
      async interpolate({ a, b, timesteps: times }) {
        expect(times).toHaveLength(timesteps);
        runs[name] = (runs[name] ?? 0) + 1;
        const ms = runs[name] === 3 ? 500 : (cost ?? 0);
        const frames = times.map((t) => repeatNearer(a, b, t, 'no-model'));
        return {
          status: 'done',
          frames,
          confidence: 1,
          spanMicros: { search: fromMs(1), network: 0, kernel: fromMs(ms - 1) },
        };
      },
    };
    return {
      model: name,
      provider: gpu ? 'webgpu' : 'cpu',
      tiers: [tier],
      release: () => held.splice(held.indexOf(name), 1),
    };
  };
  const limits = { headroom: fromMs(roomMs), period: fromMs(1000 / 30) };
  const { lease, measured } = await chooseModel({
    pool: { acquire, providerOf: async (name) => (gpu && name === 'flow-s-fp32' ? 'webgpu' : 'cpu') },
    arena,
    stream: 's',
    width: 50,
    height: 38,
    timesteps,
    limits,
  });
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  return { model: lease.model, measured: measured.map(({ model, result }) => `${model} ${result}`), held, runs, sizes };
}

describe('chooseModel', () => {
  it('takes the best model that leaves a fifth of the interval, and runs none behind it', async () => {
    const { model, measured, held, runs, sizes } = await choose({ 'flow-s': 26, search: 9 });
    expect([model, measured, held, runs]).toEqual(['flow-s', ['flow-s 26 ms'], ['flow-s'], { 'flow-s': 5 }]);
    expect(sizes).toEqual(['flow-s 50x38']);
  });

  it('takes half the picture or the search where the network is too slow for the interval, or for the budget', async () => {
    const slow = await choose({ 'flow-s': 58, 'flow-s@0.5': 28, search: 18 });
    expect([slow.model, slow.measured, slow.held]).toEqual([
      'search',
      ['flow-s 58 ms', 'flow-s@0.5 28 ms', 'search 18 ms'],
      ['search'],
    ]);
    expect((await choose({ 'flow-s': 40, 'flow-s@0.5': 20, search: 9 }, { roomMs: 20 })).model).toBe('search');
    expect((await choose({ 'flow-s': 28, 'flow-s@0.5': 12, search: 9 })).model).toBe('flow-s@0.5');
  });

  it('takes the cheapest where none is in time: the ladder holds', async () => {
    expect((await choose({ 'flow-s': 300, 'flow-s@0.5': 95, search: 90 })).model).toBe('search');
  });

  it('tries the float model on a graphics processor alone', async () => {
    const gpu = await choose({ 'flow-s-fp32': 12, 'flow-s': 8, search: 9 }, { gpu: true, timesteps: 3 });
    expect([gpu.model, gpu.measured, gpu.held]).toEqual(['flow-s-fp32', ['flow-s-fp32 12 ms'], ['flow-s-fp32']]);
    expect((await choose({ 'flow-s-fp32': 12, 'flow-s': 8, search: 9 })).model).toBe('flow-s');
  });

  it('goes on behind a model that cannot be run, and says why', async () => {
    const { model, measured } = await choose({ 'flow-s-fp32': 'out of memory', 'flow-s': 8, search: 9 }, { gpu: true });
    expect([model, measured]).toEqual(['flow-s', ['flow-s-fp32 out of memory', 'flow-s 8 ms']]);
  });

  it('tries models that there are', async () => {
    const slow = { 'flow-s-fp32': 90, 'flow-s': 90, 'flow-s@0.5': 90, search: 90 };
    const { measured } = await choose(slow, { gpu: true });
    const names = measured.map((line) => line.replace(/ 90 ms$/, ''));
    expect(names).toEqual(Object.keys(slow));
    const found = await Promise.all(names.map(resolveModel));
    expect(found.map((model) => (typeof model === 'string' ? model : model.id))).toEqual(names);
  });

  it('throws when not even the last one can be had, and holds nothing', async () => {
    await expect(choose({ 'flow-s': 50, 'flow-s@0.5': 30, search: 'no memory' })).rejects.toThrow('no memory');
  });
});

import { describe, expect, it } from 'vitest';
import { perform, type Task } from '../../src/interp/kernel/tasks.ts';
import { FlowNetwork } from '../../src/interp/networks/flow-session.ts';
import { Network } from '../../src/interp/networks/onnx.ts';
import { BlockSearch } from '../../src/interp/worker/block-search.ts';
import type { FlowMode, WireJob } from '../../src/interp/worker/protocol.ts';
import { RowThreads } from '../../src/interp/worker/row-threads.ts';
import { flowLayout, flowLayoutOfPair, halfFlowLayout } from '../../src/interp/worker/scratch-layout.ts';
import { systemClock } from '../../src/time.ts';
import { FLOW_PLANES, pickingNetwork, seedNetwork } from '../support/engine-onnx.ts';
import { decibels, FlowRig, texture } from '../support/flow-rig.ts';

const scene = (x: number, y: number, t: number): number => texture(x - 8 * t - 5 * t * t, y + 3 * t);

async function opened(bytes: Uint8Array): Promise<FlowNetwork> {
  const options = { threads: 1, provider: 'cpu', clock: systemClock } as const;
  return new FlowNetwork(await Network.open('tiny', { bytes, external: [] }, options));
}

/** What each plane of a flow network's inputs shall be for a job, made from the kernel's functions one by one. */
function expectedPlanes(rig: FlowRig, job: WireJob, half: boolean): Map<number, Float32Array> {
  const whole = flowLayout(rig.width, rig.height, 32, false, 1, 2, false);
  const layout = half ? halfFlowLayout(rig.width, rig.height, 32, 1, 2, whole, false) : undefined;
  const path = layout?.path ?? whole;
  const { gridWidth, gridHeight, paddedWidth, paddedHeight } = path;
  const cells = gridWidth * gridHeight;
  const scratch = rig.allocate(layout?.bytes ?? whole.bytes);
  const search = new BlockSearch(rig.kernel, new RowThreads(rig.kernel, rig.arena.memory, 1), rig.arena.memory);
  const own = { ...job, scratch };
  search.search(own, path, layout);
  search.fine(own, path);
  const places = [job.before?.seed.offset ?? 0, job.before?.ratio ?? 1, job.after?.seed.offset ?? 0] as const;
  const motion = scratch + path.motion;
  const sides = [...places, job.after?.ratio ?? 1, motion, gridWidth, gridHeight] as const;
  rig.kernel.motionPlanes(scratch + path.seed, ...sides, 0, gridHeight);
  rig.kernel.smoothMotion(motion, gridWidth, gridHeight, scratch + path.rowScratch, 0, gridHeight);
  const [p0, p1] = [job.pyramidA.offset, job.pyramidB.offset];
  const candidates = [scratch + path.seed, scratch + path.fine, motion, scratch + path.costs] as const;
  const task: Task = ['costs', p0, p1, paddedWidth, paddedHeight, ...candidates, scratch + path.rowScratch, 0];
  const [name, ...numbers] = task;
  for (let row = 0; row < gridHeight; row++) perform(rig.kernel, name, Int32Array.from(numbers), 0, row, row + 1);
  const planes = new Map<number, Float32Array>();
  for (const input of ['seed', 'fine', 'motion', 'costs'] as const) {
    const count = { seed: 3, fine: 3, motion: 8, costs: 28 }[input];
    for (let i = 0; i < count; i++) {
      const at = scratch + path[input] + 4 * i * cells;
      planes.set(FLOW_PLANES[input] + i, new Float32Array(rig.arena.memory.buffer, at, cells));
    }
  }
  return planes;
}

/** Every plane is in one of these. */
const PICKS = [0, 12, 24, 30].map((from) => Array.from({ length: 12 }, (_, i) => from + i));

describe('the inputs of a flow network', () => {
  it.each([
    ['whole', false],
    ['half', false],
    ['whole', true],
  ] as const)('are what the kernel makes of each pair of a run, mode %s, none beside: %s', async (mode, alone) => {
    for (const picked of PICKS) {
      const network = await opened(pickingNetwork(picked, { batches: true }));
      const rig = new FlowRig(scene, { mode: mode satisfies FlowMode, network, pairs: 2 });
      const beside = (job: Pick<WireJob, 'before' | 'after'>) => (alone ? {} : job);
      const jobs = [
        rig.wire({ times: [0, 1], ...beside({ before: rig.neighbour(-1) }) }),
        rig.wire({ times: [1, 2], ...beside({ before: rig.neighbour(0), after: rig.neighbour(4, 2) }) }),
      ];
      await rig.interpolator.run(jobs);
      const whole = flowLayout(rig.width, rig.height, 32, false, 1, 2, false);
      const path = mode === 'half' ? halfFlowLayout(rig.width, rig.height, 32, 1, 2, whole, false).path : whole;
      const cells = path.gridWidth * path.gridHeight;
      for (const [i, job] of jobs.entries()) {
        const field = job.scratch + flowLayoutOfPair(path, i, network).field;
        const got = new Float32Array(rig.arena.memory.buffer, field, 12 * cells).slice();
        const expected = expectedPlanes(rig, job, mode === 'half');
        for (const [channel, plane] of picked.entries()) {
          const is = got.subarray(channel * cells, (channel + 1) * cells);
          const shall = expected.get(plane) ?? new Float32Array();
          expect(Math.max(...shall.map((v, n) => Math.abs(v - (is[n] ?? Number.NaN))))).toBeLessThan(1e-4);
        }
      }
      await rig.interpolator.close();
    }
  });

  it.each([
    ['whole', 3],
    ['half', 2],
  ] as const)('of one that takes no motion: its field is accelerated, mode %s', async (mode, atLeast) => {
    const network = await opened(seedNetwork());
    const rig = new FlowRig(scene, { mode, network });
    const [alone] = await rig.lumas({ times: [0, 1] });
    const [helped] = await rig.lumas({ times: [0, 1], before: rig.neighbour(-1) });
    const [without, with_] = [alone, helped].map((luma) => rig.error(luma ?? new Uint8Array(), 0.5));
    expect(decibels(with_ ?? 0, without ?? 0)).toBeGreaterThan(atLeast);
    await rig.interpolator.close();
  });
});

import { describe, expect, it } from 'vitest';
import type { FlowMode } from '../../../../src/interp/worker/protocol.ts';
import type { SampleForm } from '../../../../src/media/deep-layout.ts';
import { planeLayout } from '../../../../src/media/frame.ts';
import { decibels, FlowRig, type MovingScene, texture } from '../../../support/flow-rig.ts';

const TEN_BITS: SampleForm = { model: 'yuv', bits: 10, shiftX: 1, shiftY: 1, alpha: false };
const MODES: FlowMode[] = ['search', 'half'];

/** A texture that is moved along by so many samples at each time. */
const pan =
  (x: (time: number) => number, y: (time: number) => number = () => 0): MovingScene =>
  (px, py, time) =>
    texture(px - x(time), py - y(time));

/** A textured patch that crosses a still texture. */
const patch =
  (x: (time: number) => number): MovingScene =>
  (px, py, time) => {
    const left = 60 + x(time);
    const inside = px >= left && px < left + 72 && py >= 32 && py < 96;
    return inside ? texture(1.3 * (px - left) + 500, 1.1 * py) : texture(px, py);
  };

const accelerating = pan(
  (t) => 8 * t + 5 * t * t,
  (t) => -3 * t - 2 * t * t,
);

/** The error of the frame in the middle of times 0 and 1, alone and with its neighbours. */
async function errors(scene: MovingScene, mode: FlowMode, beside: { before?: boolean; after?: boolean }) {
  const rig = new FlowRig(scene, { mode });
  const [alone] = await rig.lumas({ times: [0, 1] });
  const [helped] = await rig.lumas({
    times: [0, 1],
    ...(beside.before ? { before: rig.neighbour(-1) } : {}),
    ...(beside.after ? { after: rig.neighbour(2) } : {}),
  });
  if (!alone || !helped) throw new Error('no frame');
  return { alone: rig.error(alone, 0.5), helped: rig.error(helped, 0.5) };
}

describe.each(MODES)('a scene whose motion grows evenly, mode %s', (mode) => {
  it.each([
    ['the pair before', { before: true }],
    ['the pair after', { after: true }],
    ['both', { before: true, after: true }],
  ])('is interpolated nearer to the truth with %s', async (_, beside) => {
    const { alone, helped } = await errors(accelerating, mode, beside);
    expect(decibels(helped, alone)).toBeGreaterThan(2);
  });

  it('is nearer to the truth at other times, too', async () => {
    const rig = new FlowRig(accelerating, { mode });
    const timesteps = [0.125, 0.25, 0.75];
    const alone = await rig.lumas({ times: [0, 1], timesteps });
    const helped = await rig.lumas({ times: [0, 1], timesteps, before: rig.neighbour(-1) });
    for (const [i, t] of timesteps.entries()) {
      const [without, with_] = [alone[i], helped[i]].map((luma) => rig.error(luma ?? new Uint8Array(), t));
      expect(decibels(with_ ?? 0, without ?? 0)).toBeGreaterThan(1);
    }
  });

  it('minds the intervals: uneven times give the same gain', async () => {
    const rig = new FlowRig(accelerating, { mode });
    const [alone] = await rig.lumas({ times: [0, 1] });
    const [helped] = await rig.lumas({ times: [0, 1], before: rig.neighbour(-2, 2), after: rig.neighbour(1.5, 0.5) });
    const [without, with_] = [alone, helped].map((luma) => rig.error(luma ?? new Uint8Array(), 0.5));
    expect(decibels(with_ ?? 0, without ?? 0)).toBeGreaterThan(3);
  });
});

describe.each(MODES)('a motion that breaks, mode %s', (mode) => {
  const from = (t: number): number => Math.max(t, 0);
  it.each([
    ['a pan that starts', pan((t) => 9 * from(t))],
    ['a pan that stops', pan((t) => 9 * Math.min(t, 0))],
    ['a patch that starts', patch((t) => 11 * from(t))],
    ['a patch that stops', patch((t) => 11 * Math.min(t, 0))],
  ])('%s is no worse with the pair before', async (_, scene) => {
    const { alone, helped } = await errors(scene, mode, { before: true });
    expect(decibels(helped, alone)).toBeGreaterThan(-0.05);
  });

  it.each([
    ['a pan that starts after it', pan((t) => 9 * from(t - 1))],
    ['a pan that stops after it', pan((t) => 9 * Math.min(t, 1))],
    ['a patch that stops after it', patch((t) => 11 * Math.min(t, 1))],
  ])('%s is no worse with the pair after', async (_, scene) => {
    const { alone, helped } = await errors(scene, mode, { after: true });
    expect(decibels(helped, alone)).toBeGreaterThan(-0.05);
  });
});

describe('frames of more than 8 bits', () => {
  it('get the same motion', async () => {
    const rig = new FlowRig(accelerating, { form: TEN_BITS });
    const jobs = [rig.wire({ times: [0, 1] }), rig.wire({ times: [0, 1], before: rig.neighbour(-1) })];
    const wrong = [];
    for (const job of jobs) {
      await rig.interpolator.run([job]);
      const made = rig.deepLuma(job.deep?.outs[0] ?? 0);
      const luma = rig.luma(job.outs[0] ?? 0);
      expect(Math.max(...made.map((value, i) => Math.abs(value - (luma[i] ?? 0))))).toBeLessThan(2);
      wrong.push(rig.error(Uint8Array.from(made, Math.round), 0.5));
    }
    expect(decibels(wrong[1] ?? 0, wrong[0] ?? 0)).toBeGreaterThan(3);
  });
});

describe('a pair without neighbours', () => {
  it('is what the search and the warp make of it alone', async () => {
    const rig = new FlowRig(accelerating);
    const seed = rig.seed();
    const [got] = await rig.lumas({ times: [0, 1], seed });
    const [gridWidth, gridHeight] = [rig.width / 8, rig.height / 8];
    const field = rig.allocate(24 * gridWidth * gridHeight);
    const out = rig.allocate(planeLayout(rig.width, rig.height).bytes);
    const scratch = rig.allocate(1 << 16);
    rig.kernel.seedField(seed.offset, field, gridWidth * gridHeight);
    const place = [rig.frame(0), rig.frame(1), out, rig.width, rig.height, field, gridWidth, gridHeight] as const;
    rig.kernel.warpBlend(...place, scratch, 0, rig.height, 0);
    expect(Buffer.compare(rig.luma(out), got ?? new Uint8Array())).toBe(0);
  });
});

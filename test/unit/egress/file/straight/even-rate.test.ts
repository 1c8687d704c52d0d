import { afterEach, describe, expect, it } from 'vitest';
import { EvenRate } from '../../../../../src/egress/file/straight/even-rate.ts';
import type { VideoOutput } from '../../../../../src/egress/file/writer.ts';
import { Arena } from '../../../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../../../src/media/frame.ts';
import { type Micros, micros, ZERO } from '../../../../../src/time.ts';

const arena = new Arena(16);
afterEach(() => expect(arena.liveFrames).toBe(0));

class Sink implements VideoOutput {
  readonly kept = 0;
  readonly written: { pts: Micros; pixels: number }[] = [];
  fails = false;

  async write(frame: Frame): Promise<void> {
    this.written.push({ pts: frame.pts, pixels: frame.pixels });
    frame.release();
    if (this.fails) throw new Error('full');
  }

  get frames(): number {
    return this.written.length;
  }

  async endStep(): Promise<undefined> {}

  async finish(): Promise<void> {}

  async stop(): Promise<undefined> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

const frameAt = (pts: number): Frame =>
  Frame.allocate(arena, 2, 2, {
    pts: micros(pts),
    arrival: ZERO,
    capture: ZERO,
    discontinuity: false,
    provenance: SOURCE,
  });

async function through(times: readonly number[], fps: { num: number; den: number }) {
  const sink = new Sink();
  await using even = new EvenRate(sink, fps);
  for (const time of times) await even.write(frameAt(time));
  await even.finish();
  return { written: sink.written, notes: even.notes(times.length) };
}

describe('EvenRate', () => {
  it('leaves an even rate as it is, from any start, and says nothing', async () => {
    const times = Array.from({ length: 300 }, (_, i) => Math.round(5_000_000 + (i * 1001e6) / 60_000));
    const { written, notes } = await through(times, { num: 60_000, den: 1001 });
    expect(written.map(({ pts }) => pts)).toEqual(times);
    expect(notes).toEqual([]);
  });

  it('takes the nearest point of the grid for jitter', async () => {
    const { written, notes } = await through([0, 36_000, 88_000, 121_000], { num: 25, den: 1 });
    expect(written.map(({ pts }) => pts)).toEqual([0, 40_000, 80_000, 120_000]);
    expect(notes).toEqual([]);
  });

  it('fills gaps with the frame before, and says so', async () => {
    const { written, notes } = await through([0, 40_000, 200_000], { num: 25, den: 1 });
    expect(written.map(({ pts }) => pts)).toEqual([0, 40_000, 80_000, 120_000, 160_000, 200_000]);
    expect(new Set(written.slice(1, 5).map(({ pixels }) => pixels)).size).toBe(1);
    expect(notes).toEqual(['the output holds one rate only: 3 frames were repeated to fill gaps']);
  });

  it('leaves out what finds its place taken, and says so', async () => {
    const { written, notes } = await through([0, 10_000, 40_000], { num: 25, den: 1 });
    expect(written.map(({ pts }) => pts)).toEqual([0, 40_000]);
    expect(notes).toEqual([
      expect.stringContaining('1 of 3 source frames'),
      'the output holds one rate only: 1 frames too many for it were left out',
    ]);
  });

  it('loses no frame where the output fails', async () => {
    const sink = new Sink();
    await using even = new EvenRate(sink, { num: 25, den: 1 });
    await even.write(frameAt(0));
    sink.fails = true;
    await expect(even.write(frameAt(120_000))).rejects.toThrow('full');
  });
});

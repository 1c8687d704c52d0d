import { describe, expect, it } from 'vitest';
import type { InterpResult, Tier } from '../../../../src/interp/engine/job.ts';
import { lumaOnly } from '../../../../src/interp/engine/luma-only.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, type Provenance, SOURCE } from '../../../../src/media/frame.ts';
import { micros } from '../../../../src/time.ts';

const INTERPOLATED: Provenance = { kind: 'synthetic', t: 0.5, model: 'm', confidence: undefined };

/** A frame of one luma and one chroma level. */
function frame(arena: Arena, luma: number, chroma: number, provenance: Provenance = SOURCE): Frame {
  const info = { pts: micros(0), arrival: micros(0), capture: micros(0), discontinuity: false, provenance };
  const made = Frame.allocate(arena, 35, 21, info);
  made.bytes.fill(luma, 0, made.layout.u);
  made.bytes.fill(chroma, made.layout.u);
  return made;
}

/** Chroma of a frame, read from the last sample of both planes. */
function chroma({ bytes, layout }: Frame): number[] {
  const { u, v, strideC, chromaWidth, chromaHeight } = layout;
  const last = (chromaHeight - 1) * strideC + chromaWidth - 1;
  return [bytes[u] ?? 0, bytes[u + last] ?? 0, bytes[v] ?? 0, bytes[v + last] ?? 0];
}

/** A model that makes frames of luma 50 and chroma 77. */
const tier = (arena: Arena, provenance: Provenance): Tier => ({
  model: 'm',
  times: 'any',
  extrapolates: true,
  workers: 2,
  warmUp: async () => {},
  interpolate: async ({ timesteps }) => ({
    status: 'done',
    frames: timesteps.map(() => frame(arena, 50, 77, provenance)),
    confidence: undefined,
    spanMicros: { search: 0, network: 0, kernel: 0 },
  }),
});

describe('lumaOnly', () => {
  const arena = new Arena(16);

  async function run(provenance: Provenance): Promise<{ chroma: number[][]; luma: (number | undefined)[] }> {
    const [a, b] = [frame(arena, 10, 128), frame(arena, 20, 140)];
    const result = await lumaOnly(tier(arena, provenance)).interpolate({ stream: 's', a, b, timesteps: [0.25, 0.75] });
    if (result.status !== 'done') throw new Error('refused');
    const seen = { chroma: result.frames.map(chroma), luma: result.frames.map(({ bytes }) => bytes[0]) };
    for (const each of [a, b, ...result.frames]) each.release();
    expect(arena.liveFrames).toBe(0);
    return seen;
  }

  it('gives interpolated frames the chroma of the nearer parent, and leaves their luma', async () => {
    expect(await run(INTERPOLATED)).toEqual({
      chroma: [
        [128, 128, 128, 128],
        [140, 140, 140, 140],
      ],
      luma: [50, 50],
    });
  });

  it('touches no source frame that is shown again', async () => {
    const { chroma } = await run({ kind: 'repeated', t: 0.5, reason: 'no-model' });
    expect(chroma.flat()).toEqual(Array(8).fill(77));
  });

  it('passes refusals on, and what the model is', async () => {
    const refused: InterpResult = { status: 'refused', reason: 'late' };
    const wrapped = lumaOnly({ ...tier(arena, INTERPOLATED), interpolate: async () => refused });
    const [a, b] = [frame(arena, 0, 0), frame(arena, 0, 0)];
    expect(await wrapped.interpolate({ stream: 's', a, b, timesteps: [0.5] })).toBe(refused);
    expect(wrapped).toMatchObject({ model: 'm', times: 'any', workers: 2 });
    for (const each of [a, b]) each.release();
  });
});

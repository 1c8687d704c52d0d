import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameliftError } from '../../../../src/errors.ts';
import type { InterpJob, Tier } from '../../../../src/interp/engine/job.ts';
import { withinArea } from '../../../../src/interp/engine/within-area.ts';
import { Arena } from '../../../../src/media/arena.ts';
import type { SampleForm } from '../../../../src/media/deep-layout.ts';
import { Frame, type Provenance, SOURCE } from '../../../../src/media/frame.ts';
import type { PictureArea } from '../../../../src/media/picture-area.ts';
import { micros } from '../../../../src/time.ts';
import { samplesOf } from '../../../support/i420-images.ts';

const SYNTHETIC: Provenance = { kind: 'synthetic', t: 0.25, model: 'm', confidence: 0.7 };
const INFO = { pts: micros(0), arrival: micros(0), capture: micros(0), discontinuity: false, provenance: SOURCE };
/** Odd edges: chroma samples belong to bar and picture. */
const AREA: PictureArea = { left: 5, top: 3, right: 58, bottom: 37 };
const [WIDTH, HEIGHT] = [66, 40];

let arena: Arena;
beforeEach(() => {
  arena = new Arena(16);
});
afterEach(() => {
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

/** Every sample of every plane tells its place and its frame. */
function marked(seed: number, form?: SampleForm): Frame {
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, INFO, form);
  frame.bytes.forEach((_, i) => {
    frame.bytes[i] = (i * 7 + seed * 91 + (i >> 6)) % 256;
  });
  frame.deep?.bytes.forEach((_, i, bytes) => {
    bytes[i] = (i * 5 + seed * 47 + (i >> 7)) % 256;
  });
  return frame;
}

/** A model that makes frames of one level, and remembers the sizes that it sees. */
function levels(seen: string[]): Tier {
  return {
    model: 'm',
    times: 'any',
    extrapolates: true,
    workers: 1,
    warmUp: async (width, height) => void seen.push(`warm ${width}x${height}`),
    async interpolate({ a, timesteps }) {
      seen.push(`${a.width}x${a.height}`);
      const frames = timesteps.map(() => {
        const frame = Frame.allocate(arena, a.width, a.height, { ...INFO, provenance: SYNTHETIC }, a.deep?.layout.form);
        frame.bytes.fill(200);
        frame.deep?.bytes.fill(201);
        return frame;
      });
      return { status: 'done', frames, confidence: 0.7, spanMicros: { search: 0, network: 0, kernel: 0 } };
    },
  };
}

/** Runs a job on two marked frames; gives the frames made as bytes. */
async function run(tier: Tier, changes: Partial<InterpJob> = {}, form?: SampleForm) {
  const [a, b] = [marked(1, form), marked(2, form)];
  const parents = [samplesOf(a), samplesOf(b)] as const;
  const deepParents = [a.deep?.bytes.slice(), b.deep?.bytes.slice()] as const;
  try {
    const result = await tier.interpolate({ stream: 's', a, b, timesteps: [0.25, 0.75], area: AREA, ...changes });
    if (result.status !== 'done') throw new Error(result.reason);
    const made = result.frames.map((frame) => ({
      samples: samplesOf(frame),
      deep: frame.deep && { bytes: frame.deep.bytes.slice(), layout: frame.deep.layout },
      provenance: frame.provenance,
    }));
    for (const frame of result.frames) frame.release();
    return { made, parents, deepParents, confidence: result.confidence };
  } finally {
    a.release();
    b.release();
  }
}

describe('withinArea', () => {
  it('shows the model the picture alone, and puts what it makes between the bars of the nearer frame', async () => {
    const seen: string[] = [];
    const { made, parents, confidence } = await run(withinArea(levels(seen), { arena, wait: true }));
    expect(seen).toEqual(['warm 54x36', '54x36']);
    expect(confidence).toBe(0.7);
    expect(made).toHaveLength(2);
    for (const [i, { samples, provenance }] of made.entries()) {
      expect(provenance).toEqual(SYNTHETIC);
      const parent = parents[i] ?? new Uint8Array();
      const wrong = { luma: 0, chroma: 0 };
      for (let y = 0; y < HEIGHT; y++) {
        for (let x = 0; x < WIDTH; x++) {
          const inside = x >= AREA.left && x < AREA.right && y >= AREA.top && y < AREA.bottom;
          const at = y * WIDTH + x;
          if (samples[at] !== (inside ? 200 : parent[at])) wrong.luma += 1;
        }
      }
      for (let plane = 0; plane < 2; plane++) {
        for (let y = 0; y < HEIGHT / 2; y++) {
          for (let x = 0; x < WIDTH / 2; x++) {
            const inside = x >= 2 && x < 29 && y >= 1 && y < 19;
            const at = WIDTH * HEIGHT + (plane * WIDTH * HEIGHT) / 4 + (y * WIDTH) / 2 + x;
            if (samples[at] !== (inside ? 200 : parent[at])) wrong.chroma += 1;
          }
        }
      }
      expect(wrong).toEqual({ luma: 0, chroma: 0 });
    }
  });

  it.each<SampleForm>([
    { model: 'yuv', bits: 10, shiftX: 1, shiftY: 0, alpha: false },
    { model: 'yuv', bits: 10, shiftX: 2, shiftY: 0, alpha: false },
    { model: 'yuv', bits: 12, shiftX: 0, shiftY: 0, alpha: true },
    { model: 'rgb', bits: 10, shiftX: 0, shiftY: 0, alpha: false },
    { model: 'grey', bits: 16, shiftX: 0, shiftY: 0, alpha: false },
  ])('does the same with a picture in its own form: %j', async (form) => {
    const { made, deepParents } = await run(withinArea(levels([]), { arena, wait: true }), {}, form);
    for (const [i, { deep }] of made.entries()) {
      const parent = deepParents[i];
      if (!deep || !parent) throw new Error('no picture in its own form');
      let [bars, inside] = [0, 0];
      for (const [index, { offset, width, height, stride }] of deep.layout.planes.entries()) {
        const isChroma = form.model === 'yuv' && (index === 1 || index === 2);
        const [shiftX, shiftY] = isChroma ? [form.shiftX, form.shiftY] : [0, 0];
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const [from, below] = [x << shiftX, y << shiftY];
            const [right, bottom] = [from + (1 << shiftX), below + (1 << shiftY)];
            const isBar = right <= AREA.left || from >= AREA.right || bottom <= AREA.top || below >= AREA.bottom;
            const isPicture = from >= AREA.left && right <= AREA.right && below >= AREA.top && bottom <= AREA.bottom;
            const at = offset + y * stride + 2 * x;
            if (isBar && deep.bytes[at] !== parent[at]) bars += 1;
            if (isPicture && deep.bytes[at] !== 201) inside += 1;
          }
        }
      }
      expect({ bars, inside }).toEqual({ bars: 0, inside: 0 });
    }
  });

  it('passes pairs without bars on as they are', async () => {
    const seen: string[] = [];
    const tier = withinArea(levels(seen), { arena, wait: true });
    await run(tier, { area: { left: 0, top: 0, right: WIDTH, bottom: HEIGHT } });
    const [a, b] = [marked(1), marked(2)];
    const result = await tier.interpolate({ stream: 's', a, b, timesteps: [0.5] });
    for (const frame of [a, b, ...(result.status === 'done' ? result.frames : [])]) frame.release();
    expect(seen).toEqual(['66x40', '66x40']);
  });

  it('does not let a live stream wait for a new size: bars are picture until it is ready', async () => {
    const seen: string[] = [];
    let ready = (): void => {};
    const slow: Tier = {
      ...levels(seen),
      warmUp: (width, height) => {
        seen.push(`warm ${width}x${height}`);
        return new Promise<void>((resolve) => {
          ready = resolve;
        });
      },
    };
    const tier = withinArea(slow, { arena, wait: false });
    await run(tier);
    await run(tier);
    expect(seen).toEqual(['warm 54x36', '66x40', '66x40']);
    ready();
    await Promise.resolve();
    await Promise.resolve();
    await run(tier);
    expect(seen.at(-1)).toBe('54x36');
    expect(seen.filter((what) => what.startsWith('warm'))).toHaveLength(1);
  });

  it('tries to prepare a size again after a failure, and passes failures and refusals on', async () => {
    const seen: string[] = [];
    const failing: Tier = {
      ...levels(seen),
      warmUp: async () => {
        seen.push('warm');
        throw new FrameliftError('engine.failed', 'no');
      },
    };
    const live = withinArea(failing, { arena, wait: false });
    await run(live);
    await run(live);
    expect(seen.filter((what) => what === 'warm')).toHaveLength(2);
    await expect(run(withinArea(failing, { arena, wait: true }))).rejects.toThrow('no');
    const refusing: Tier = { ...levels([]), interpolate: async () => ({ status: 'refused', reason: 'late' }) };
    await expect(run(withinArea(refusing, { arena, wait: true }))).rejects.toThrow('late');
    const broken: Tier = { ...levels([]), interpolate: () => Promise.reject(new Error('broken')) };
    await expect(run(withinArea(broken, { arena, wait: true }))).rejects.toThrow('broken');
  });
});

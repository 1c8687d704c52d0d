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
  for (const tier of tiers.splice(0)) tier[Symbol.dispose]();
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

/** What was made by {@link withinArea} in a test. */
const tiers: Disposable[] = [];
function within(...[tier, options]: Parameters<typeof withinArea>): ReturnType<typeof withinArea> {
  const made = withinArea(tier, options);
  tiers.push(made);
  return made;
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
    const { made, parents, confidence } = await run(within(levels(seen), { arena, wait: true }));
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
    const { made, deepParents } = await run(within(levels([]), { arena, wait: true }), {}, form);
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
    const tier = within(levels(seen), { arena, wait: true });
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
    const tier = within(slow, { arena, wait: false });
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
    const live = within(failing, { arena, wait: false });
    await run(live);
    await run(live);
    expect(seen.filter((what) => what === 'warm')).toHaveLength(2);
    await expect(run(within(failing, { arena, wait: true }))).rejects.toThrow('no');
    const refusing: Tier = { ...levels([]), interpolate: async () => ({ status: 'refused', reason: 'late' }) };
    await expect(run(within(refusing, { arena, wait: true }))).rejects.toThrow('late');
    const broken: Tier = { ...levels([]), interpolate: () => Promise.reject(new Error('broken')) };
    await expect(run(within(broken, { arena, wait: true }))).rejects.toThrow('broken');
  });

  /** Jobs of consecutive pairs with the pairs beside; what the model sees of each, as numbers of pixels. */
  async function beside(wait: boolean, areas: readonly PictureArea[], failAt = -1): Promise<Record<string, number>[]> {
    const seen: Record<string, number>[] = [];
    let done = 0;
    const inner: Tier = {
      ...levels([]),
      interpolate: async ({ a, b, before, after, timesteps }) => {
        for (const part of [a, b, before?.frame, after?.frame]) expect(part?.width ?? a.width).toBe(a.width);
        const pairs = { ...(before && { before: before.frame.pixels }), ...(after && { after: after.frame.pixels }) };
        seen.push({ a: a.pixels, b: b.pixels, ...pairs });
        if (done++ === failAt) throw new Error('broken');
        const frames = timesteps.map(() =>
          Frame.allocate(arena, a.width, a.height, { ...INFO, provenance: SYNTHETIC }),
        );
        return { status: 'done', frames, confidence: 1, spanMicros: { search: 0, network: 0, kernel: 0 } };
      },
    };
    const tier = within(inner, { arena, wait });
    const frames = [1, 2, 3, 4, 5, 6].map((i) => marked(i));
    await Promise.resolve();
    // A live stream's first job prepares the size.
    const [first, second] = frames;
    if (!wait && first && second) {
      const result = await tier.interpolate({ stream: 's', a: first, b: second, timesteps: [], area: AREA });
      expect(result.status).toBe('done');
      seen.length = 0;
    }
    for (const [i, area] of areas.entries()) {
      const [before, a, b, after] = frames.slice(i, i + 4);
      if (!before || !a || !b || !after) throw new Error('too few frames');
      const pairs = { before: { frame: before, ratio: 1 }, ...(wait ? { after: { frame: after, ratio: 1 } } : {}) };
      const running = tier.interpolate({ stream: 's', a, b, ...pairs, timesteps: [0.5], area });
      const result = await running.catch(() => undefined);
      if (result?.status === 'done') for (const frame of result.frames) frame.release();
    }
    for (const frame of frames) frame.release();
    return seen;
  }

  it('crops a frame once for all pairs that it belongs to, so that what is known of it is found again', async () => {
    const [one, two, three] = await beside(true, [AREA, AREA, AREA], 1);
    expect([two?.before, two?.a, two?.b]).toEqual([one?.a, one?.b, one?.after]);
    expect([three?.before, three?.a, three?.b]).toEqual([two?.a, two?.b, two?.after]);
    // Four frames of the last pair.
    expect(arena.liveFrames).toBe(4);
  });

  it('crops all anew where the area is another one', async () => {
    const [one, two] = await beside(true, [AREA, { ...AREA, top: 9 }]);
    expect(new Set([...Object.values(one ?? {}), ...Object.values(two ?? {})]).size).toBe(8);
    expect(arena.liveFrames).toBe(4);
  });

  it('live: tells of the pair before only where its frames were cropped alike', async () => {
    const [one, two, three] = await beside(false, [AREA, AREA, { ...AREA, left: 3, right: 56 }]);
    expect(one).not.toHaveProperty('before');
    expect(two).toMatchObject({ before: one?.a, a: one?.b });
    expect(three).not.toHaveProperty('before');
    expect(arena.liveFrames).toBe(2);
  });

  it('holds nothing where there are no bars any more, and nothing once it is disposed of', async () => {
    const tier = within(levels([]), { arena, wait: true });
    await run(tier);
    expect(arena.liveFrames).toBe(2);
    await run(tier, { area: { left: 0, top: 0, right: WIDTH, bottom: HEIGHT } });
    expect(arena.liveFrames).toBe(0);
    tier[Symbol.dispose]();
    tier[Symbol.dispose]();
    await run(tier);
    expect(arena.liveFrames).toBe(0);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Enlarger, enlargedTraits } from '../../../../src/commands/convert/enlarger.ts';
import type { InterpJob, InterpResult } from '../../../../src/interp/engine/job.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../../src/media/frame.ts';
import type { PictureTraits } from '../../../../src/media/picture-traits.ts';
import { micros } from '../../../../src/time.ts';

const [WIDTH, HEIGHT] = [8, 4];
let arena: Arena;
/** What was asked of the network: numbers of both frames, and times. */
let asked: [a: number, b: number, times: readonly number[]][];
let output: { frames: number; kept: number };
let enlarger: Enlarger;

/** A source frame whose first sample is its number. */
function source(n: number): Frame {
  const at = micros(n * 1000);
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, {
    pts: at,
    arrival: at,
    capture: at,
    discontinuity: false,
    provenance: SOURCE,
  });
  frame.bytes[0] = n;
  return frame;
}

const first = (frame: Frame | undefined): number => frame?.bytes[0] ?? -1;

/** A network whose frames say what they were made of: 100·t + 10·a + b. */
async function network({ a, b, timesteps }: InterpJob): Promise<InterpResult> {
  asked.push([first(a), first(b), timesteps]);
  const frames = timesteps.map((t) => {
    const { pts, arrival, capture } = b;
    const provenance =
      t === 1
        ? ({ kind: 'enlarged', model: 'm' } as const)
        : ({ kind: 'synthetic', t, model: 'm', confidence: undefined } as const);
    const frame = Frame.allocate(arena, 2 * WIDTH, 2 * HEIGHT, {
      pts,
      arrival,
      capture,
      discontinuity: false,
      provenance,
    });
    frame.bytes[0] = 100 * t + 10 * first(a) + first(b);
    return frame;
  });
  return { status: 'done', frames, confidence: undefined, spanMicros: { search: 0, network: 0, kernel: 0 } };
}

beforeEach(() => {
  arena = new Arena(16);
  asked = [];
  output = { frames: 0, kept: 0 };
  enlarger = new Enlarger({ tier: { interpolate: network }, scale: 2, arena, output });
});
afterEach(() => {
  enlarger[Symbol.dispose]();
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

/** What is shown of a source frame. */
async function show(frame: Frame): Promise<number> {
  using shown = new DisposableStack();
  const made = await enlarger.enlarge(frame.share());
  shown.defer(() => made.release());
  expect([made.width, made.height]).toEqual([2 * WIDTH, 2 * HEIGHT]);
  return first(made);
}

async function pair(a: Frame, b: Frame, timesteps = [0.5]): Promise<number[]> {
  const result = await enlarger.interpolate({ stream: 's', a, b, timesteps });
  if (result.status !== 'done') throw new Error('refused');
  const made = result.frames.map(first);
  for (const frame of result.frames) frame.release();
  return made;
}

describe('source frames are enlarged', () => {
  it('with the frame before where they are a pair, in the same run; the first of a scene by itself', async () => {
    const [a, b] = [source(1), source(2)];
    expect(await show(a)).toBe(100 + 10 + 1);
    expect(await pair(a, b)).toEqual([50 + 10 + 2]);
    expect(await show(b)).toBe(100 + 10 + 2);
    expect(asked).toEqual([
      [1, 1, [1]],
      [1, 2, [0.5, 1]],
    ]);
    for (const frame of [a, b]) frame.release();
  });

  it('and at other times the middle is made, which is all that such a network knows', async () => {
    const [a, b] = [source(1), source(2)];
    expect(await pair(a, b, [0.2, 0.8])).toEqual([62, 62]);
    expect(asked).toEqual([[1, 2, [0.5, 0.5, 1]]]);
    for (const frame of [a, b]) frame.release();
  });

  it('once: what is repeated is the same picture, with the time and the reason of the repeat', async () => {
    const a = source(1);
    await show(a);
    const repeat = a.share({ pts: micros(77), provenance: { kind: 'repeated', t: 0.5, reason: 'cut' } });
    const shown = await enlarger.enlarge(repeat);
    expect(first(shown)).toBe(111);
    expect([shown.pts, shown.provenance.kind]).toEqual([77, 'repeated']);
    expect(asked).toHaveLength(1);
    shown.release();
    a.release();
  });

  it('and say that they are no source frames any more', async () => {
    const a = source(3);
    const shown = await enlarger.enlarge(a.share());
    expect(shown.provenance).toEqual({ kind: 'enlarged', model: 'm' });
    expect(shown.pts).toBe(a.pts);
    for (const frame of [a, shown]) frame.release();
  });
});

describe('frames that the output keeps', () => {
  it('are not computed, but have the right size', async () => {
    output.kept = 3;
    const [a, b] = [source(1), source(2)];
    await show(a);
    output.frames = 1;
    await pair(a, b);
    output.frames = 2;
    await show(b);
    expect(asked).toEqual([]);
    for (const frame of [a, b]) frame.release();
  });

  it('are made as in the run before where a later frame repeats one of them', async () => {
    output.kept = 2;
    const [a, b] = [source(1), source(2)];
    output.frames = 1;
    await pair(a, b);
    output.frames = 2;
    // The run before had it from its pair, not by itself.
    expect(await show(b)).toBe(112);
    expect(asked).toEqual([[1, 2, [1]]]);
    for (const frame of [a, b]) frame.release();
  });
});

describe('what is told of enlarged pictures', () => {
  const codes = { matrix: 2, primaries: 2, transfer: 2, range: undefined, chromaLocation: 0 } as const;
  const form = { model: 'yuv', bits: 8, shiftX: 1, shiftY: 1, alpha: false } as const;
  const traits: PictureTraits = { colour: { matrix: 'bt601', range: 'limited' }, stored: { form, codes } };

  it('has the matrix that the source was taken to have: by its lines players would now guess another', () => {
    expect(enlargedTraits(traits)?.stored?.codes.matrix).toBe(6);
    expect(enlargedTraits(traits)?.stored?.codes.primaries).toBe(2);
  });

  it('is otherwise as of the source', () => {
    const tagged = { ...traits, stored: { form, codes: { ...codes, matrix: 9 } } };
    expect(enlargedTraits(tagged)).toBe(tagged);
    const live: PictureTraits = { colour: { matrix: 'bt709', range: 'full' } };
    expect(enlargedTraits(live)).toBe(live);
    expect(enlargedTraits(undefined)).toBeUndefined();
  });
});

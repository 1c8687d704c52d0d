import { describe, expect, it } from 'vitest';
import { Finisher } from '../../../../src/interp/finish/finisher.ts';
import { finishLayout } from '../../../../src/interp/finish/layout.ts';
import { loadKernel } from '../../../../src/interp/kernel/kernel.ts';
import type { WireJob } from '../../../../src/interp/worker/protocol.ts';
import { RowThreads } from '../../../../src/interp/worker/row-threads.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { deepLayout, deepWords, type SampleForm } from '../../../../src/media/deep-layout.ts';
import { Frame, type FrameInfo, SOURCE } from '../../../../src/media/frame.ts';
import { ZERO } from '../../../../src/time.ts';
import { dots, drawText, type Luma, readDigit, scene, windowOf } from '../../../support/overlay.ts';
import { seededRandom } from '../../../support/random.ts';

const [WIDTH, HEIGHT] = [162, 90];
/** Samples that the scene moves between two source frames. */
const STEP = 12;
const [LEFT, TOP, SCALE] = [21, 30, 2];
const INFO: FrameInfo = { pts: ZERO, arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };
const YUV10: SampleForm = { model: 'yuv', bits: 10, shiftX: 1, shiftY: 1, alpha: false };

const wide = scene(400, HEIGHT + 6);
/** The scene at a time in source intervals, with text over it. */
function shot(time: number, text = ''): Luma {
  const picture = windowOf(wide, 100 + STEP * time, WIDTH, HEIGHT);
  drawText(picture, text, LEFT, TOP, SCALE);
  return picture;
}

/** What a model makes that takes text for a part of the scene: both parents' text, moved by half a step, half as strong. */
function ghosted(a: Luma, b: Luma): Luma {
  const at = ({ samples }: Luma, x: number, y: number): number =>
    samples[y * WIDTH + Math.min(Math.max(x, 0), WIDTH - 1)] ?? 0;
  const samples = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    return (at(a, x + STEP / 2, y) + at(b, x - STEP / 2, y) + 1) >> 1;
  });
  return { width: WIDTH, height: HEIGHT, samples };
}

interface Scene {
  readonly before?: Luma;
  readonly a: Luma;
  readonly b: Luma;
  readonly after?: Luma;
  readonly made: Luma;
}

/** The frame made, finished; with all of `form` where it is given. */
function finish({ before, a, b, after, made }: Scene, t = 0.5, form?: SampleForm): { luma: Luma; frame: Frame } {
  const arena = new Arena(16);
  const frame = (picture: Luma): Frame => filled(arena, picture, form);
  const [parentA, parentB, out] = [frame(a), frame(b), frame(made)];
  const deep = form && {
    deep: {
      form,
      a: parentA.deep?.offset ?? 0,
      b: parentB.deep?.offset ?? 0,
      outs: [out.deep?.offset ?? 0],
    },
  };
  const job: WireJob = {
    ...{ width: WIDTH, height: HEIGHT, a: parentA.offset, b: parentB.offset, timesteps: [t], outs: [out.offset] },
    ...deep,
    ...(before ? { frameBefore: frame(before).offset } : {}),
    ...(after ? { frameAfter: frame(after).offset } : {}),
    ...{ scratch: 0, pyramidA: { offset: 0, ready: false }, pyramidB: { offset: 0, ready: false } },
    ...{ grainSeeds: [0], minConfidence: 0, mode: 'whole' },
  };
  const { bytes } = finishLayout(WIDTH, HEIGHT);
  const block = arena.allocate(bytes + 64);
  arena.u8.fill(0xa5, block.offset, block.offset + bytes + 64);
  const kernel = loadKernel(arena.memory);
  new Finisher(kernel, new RowThreads(kernel, arena.memory, 1)).finish(job, block.offset);
  const guard = arena.u8.subarray(block.offset + bytes, block.offset + bytes + 64);
  expect(guard.every((byte) => byte === 0xa5)).toBe(true);
  return { luma: lumaOf(out), frame: out };
}

function filled(arena: Arena, { samples }: Luma, form: SampleForm | undefined): Frame {
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, INFO, form);
  const { strideY } = frame.layout;
  // Padding and chroma that nobody may take for picture.
  frame.bytes.fill(0x55);
  for (let y = 0; y < HEIGHT; y++) frame.bytes.set(samples.subarray(y * WIDTH, (y + 1) * WIDTH), y * strideY);
  if (frame.deep && form) {
    const [plane] = deepLayout(form, WIDTH, HEIGHT).planes;
    const words = plane && deepWords(frame.deep, plane);
    for (const [i, v] of samples.entries()) {
      if (words && plane) words[(Math.floor(i / WIDTH) * plane.stride) / 2 + (i % WIDTH)] = 4 * v;
    }
  }
  return frame;
}

function lumaOf({ bytes, layout }: Frame): Luma {
  const samples = Uint8Array.from(
    { length: WIDTH * HEIGHT },
    (_, i) => bytes[Math.floor(i / WIDTH) * layout.strideY + (i % WIDTH)] ?? 0,
  );
  return { width: WIDTH, height: HEIGHT, samples };
}

/** Largest difference at the dots of a text. */
function textError({ samples }: Luma, truth: Luma, text: string): number {
  const all = [...dots(text, SCALE)].map(([x, y]) => (TOP + y) * WIDTH + LEFT + x);
  return Math.max(...all.map((i) => Math.abs((samples[i] ?? 0) - (truth.samples[i] ?? 0))));
}

/** Samples that differ, farther than a few samples from where text is, or where the model put it. */
function changedBeside({ samples }: Luma, made: Luma, text: string): number {
  const [right, bottom] = [LEFT + 6 * SCALE * text.length, TOP + 7 * SCALE];
  return samples.reduce((sum, v, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const isText = x >= LEFT - 3 - STEP / 2 && x < right + 3 + STEP / 2 && y >= TOP - 3 && y < bottom + 3;
    return sum + (isText || v === made.samples[i] ? 0 : 1);
  }, 0);
}

/** A ramp of light that creeps sideways, with text over it: few samples differ from one frame to the next by much. */
function calm(time: number, text: string): Luma {
  const samples = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => 80 + ((i % WIDTH) + 8 * time) / 4);
  const picture = { width: WIDTH, height: HEIGHT, samples };
  drawText(picture, text, LEFT, TOP, SCALE);
  return picture;
}

/** A scene of dots of all levels, with text over it. */
function grainy(text: string): Luma {
  const next = seededRandom(3);
  const columns = WIDTH / 2;
  const levels = Array.from({ length: columns * Math.ceil(HEIGHT / 2) }, () => 30 + Math.round(150 * next()));
  const samples = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    return levels[Math.floor(i / WIDTH / 2) * columns + Math.floor((i % WIDTH) / 2)] ?? 0;
  });
  const picture = { width: WIDTH, height: HEIGHT, samples };
  drawText(picture, text, LEFT, TOP, SCALE);
  return picture;
}

function brighter({ samples, ...size }: Luma): Luma {
  return { ...size, samples: samples.map((v) => v + 60) };
}

/** Share of the samples, away from the border, that are the same in two pictures. */
function same({ samples }: Luma, other: Luma): number {
  const inside = [...samples.keys()].filter((i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    return x >= 8 && x < WIDTH - 8 && y >= 8 && y < HEIGHT - 8;
  });
  return inside.filter((i) => samples[i] === other.samples[i]).length / inside.length;
}

/** The mean of five samples of a row each. */
function blurred({ samples, ...size }: Luma): Luma {
  const at = (i: number): number => samples[Math.min(Math.max(i, 0), samples.length - 1)] ?? 0;
  const mean = (i: number): number => (at(i - 2) + at(i - 1) + at(i) + at(i + 1) + at(i + 2)) / 5;
  return { ...size, samples: samples.map((_, i) => mean(i)) };
}

/** A pan under a clock that changes only where it is told to. */
function pan(
  texts: readonly [before: string, a: string, b: string],
): Required<Pick<Scene, 'before' | 'a' | 'b' | 'made'>> {
  const [before, a, b] = [shot(-1, texts[0]), shot(0, texts[1]), shot(1, texts[2])];
  return { before, a, b, made: ghosted(a, b) };
}

describe('text over a picture that moves', () => {
  const CLOCK = '09:41:27';
  const truth = shot(0.5, CLOCK);

  it.each([
    ['with the frame before', pan([CLOCK, CLOCK, CLOCK])],
    ['with the frame after', { ...pan([CLOCK, CLOCK, CLOCK]), before: undefined, after: shot(2, CLOCK) }],
    ['with both', { ...pan([CLOCK, CLOCK, CLOCK]), after: shot(2, CLOCK) }],
    ['with the parents alone', { ...pan([CLOCK, CLOCK, CLOCK]), before: undefined }],
    ['when it has just come', pan(['', CLOCK, CLOCK])],
  ])('stays as both parents have it, %s', (_, { before, ...of }) => {
    expect(textError(of.made, truth, CLOCK)).toBeGreaterThan(40);
    const { luma } = finish(before ? { ...of, before } : of);
    expect(textError(luma, truth, CLOCK)).toBe(0);
    expect(changedBeside(luma, of.made, CLOCK)).toBeLessThan(0.015 * WIDTH * HEIGHT);
  });

  it.each([
    ['with the frame before', true],
    ['with the parents alone', false],
  ])('stays sharp where little moves behind it and a model blurs it, %s', (_, third) => {
    const [before, a, b] = [calm(-1, CLOCK), calm(0, CLOCK), calm(1, CLOCK)];
    const made = blurred(calm(0.5, CLOCK));
    expect(textError(made, truth, CLOCK)).toBeGreaterThan(40);
    const { luma } = finish({ a, b, made, ...(third ? { before } : {}) });
    expect(textError(luma, truth, CLOCK)).toBe(0);
  });

  it('stays in the planes of full depth', () => {
    const { frame } = finish(pan([CLOCK, CLOCK, CLOCK]), 0.5, YUV10);
    const [plane] = deepLayout(YUV10, WIDTH, HEIGHT).planes;
    if (!frame.deep || !plane) throw new Error('no picture of full depth');
    const words = deepWords(frame.deep, plane);
    const found = [...dots(CLOCK, SCALE)].map(([x, y]) => words[((TOP + y) * plane.stride) / 2 + LEFT + x]);
    expect(new Set(found)).toEqual(new Set([4 * 235]));
  });

  it('may be the darkest there is', () => {
    const dark = ({ samples, ...size }: Luma): Luma => ({ ...size, samples: samples.map((v) => 255 - v) });
    const { before, a, b, made } = pan([CLOCK, CLOCK, CLOCK]);
    const { luma } = finish({ before: dark(before), a: dark(a), b: dark(b), made: dark(made) });
    expect(textError(luma, dark(truth), CLOCK)).toBe(0);
  });

  it('may have noise', () => {
    const noisy = ({ samples, ...size }: Luma): Luma => ({
      ...size,
      samples: samples.map((v, i) => v + ((i * 7) % 5) - 2),
    });
    const { before, a, b, made } = pan([CLOCK, CLOCK, CLOCK]);
    const { luma } = finish({ before, a: noisy(a), b, made });
    expect(textError(luma, truth, CLOCK)).toBeLessThanOrEqual(2);
  });
});

describe('detail that stands still and that a model blurs', () => {
  const still = grainy('');

  it('is as both parents have it where all known frames agree, whatever it is', () => {
    const made = blurred(still);
    const { luma } = finish({ before: still, a: still, b: still, made });
    expect(same(made, still)).toBeLessThan(0.1);
    expect(same(luma, still)).toBeGreaterThan(0.95);
  });

  it('is left alone where the parents alone agree and it is no writing', () => {
    const made = blurred(still);
    expect(finish({ a: still, b: still, made }).luma.samples).toEqual(made.samples);
    expect(finish({ before: brighter(still), a: still, b: still, made }).luma.samples).toEqual(made.samples);
  });

  it('is kept where writing has just come among other detail', () => {
    const written = grainy('09:41:27');
    const made = blurred(written);
    expect(textError(made, written, '09:41:27')).toBeGreaterThan(40);
    const { luma } = finish({ before: brighter(still), a: written, b: written, made });
    expect(textError(luma, written, '09:41:27')).toBeLessThan(20);
  });
});

describe('a counter over a picture that moves', () => {
  it.each([
    ['DAP 00692', 'DAP 00729'],
    ['DAP 00729', 'DAP 00730'],
    ['F 01187', 'F 01189'],
  ])('shows one of %s and %s', (from, to) => {
    const of = pan([from, from, to]);
    for (const [t, wanted] of [
      [0.25, from],
      [0.75, to],
    ] as const) {
      const { luma } = finish(of, t);
      const shown = [...wanted].map((c, i) => (/\d/.test(c) ? readDigit(luma, LEFT + 12 * i, TOP, SCALE) : c)).join('');
      expect(shown).toBe(wanted);
    }
  });
});

describe('what is no text', () => {
  it('a still scene made right is left alone', () => {
    const a = shot(0, '09:41:27');
    const { luma } = finish({ before: a, a, b: a, after: a, made: a });
    expect(luma.samples).toEqual(a.samples);
  });

  it('a pan alone is left alone', () => {
    const made = shot(0.5);
    const { luma } = finish({ before: shot(-1), a: shot(0), b: shot(1), made });
    expect(luma.samples).toEqual(made.samples);
  });

  it.each([
    ['with the frame before', true],
    ['with the parents alone', false],
  ])('a small object that passes over still detail leaves no holes, %s', (_, third) => {
    const still = shot(0, '09:41:27');
    const ball = (time: number): Luma => {
      const samples = still.samples.slice();
      for (let y = 0; y < 12; y++) {
        for (let x = 0; x < 12; x++)
          samples[(TOP + y) * WIDTH + 40 + Math.round(30 * time) + x] = 60 + 9 * ((x + y) % 3);
      }
      return { width: WIDTH, height: HEIGHT, samples };
    };
    const made = ball(0.5);
    const { luma } = finish({ a: ball(0), b: ball(1), made, ...(third ? { before: ball(-1) } : {}) });
    expect(luma.samples).toEqual(made.samples);
  });

  it('a texture that moves by its period is left alone', () => {
    const stripes = (time: number): Luma => ({
      ...{ width: WIDTH, height: HEIGHT },
      samples: Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) =>
        ((i % WIDTH) + STEP * time + 1200) % STEP < STEP / 2 ? 40 : 200,
      ),
    });
    const made = stripes(0.5);
    const { luma } = finish({ before: stripes(-1), a: stripes(0), b: stripes(1), made });
    expect(luma.samples).toEqual(made.samples);
  });

  it.each([
    ['that lies', [STEP, 0], true],
    ['that stands', [0, STEP], true],
    ['that lies, of the parents alone,', [STEP, 0], false],
    ['that stands, of the parents alone,', [0, STEP], false],
  ] as const)('reflections beside a bright edge %s and moves along itself are left alone', (_, step, third) => {
    const made = sliding(0.5, step);
    const { luma } = finish({
      ...{ a: sliding(0, step), b: sliding(1, step), made },
      ...(third ? { before: sliding(-1, step) } : {}),
    });
    const changed = [...luma.samples.keys()].filter((i) => luma.samples[i] !== made.samples[i]);
    expect(changed.filter((i) => fromEdge(i, step) > 5)).toEqual([]);
  });
});

const large = scene(400, 240, 2);
/** A scene with bright specks that moves, all of it, along an edge as bright. */
function sliding(time: number, [stepX, stepY]: readonly [x: number, y: number]): Luma {
  const samples = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const [sceneX, sceneY] = [60 + x + stepX * time, 60 + y + stepY * time];
    const isSpeck = sceneX % 31 < 3 && sceneY % 23 < 3;
    return fromEdge(i, [stepX, stepY]) <= 1 || isSpeck ? 235 : (large.samples[sceneY * large.width + sceneX] ?? 0);
  });
  return { width: WIDTH, height: HEIGHT, samples };
}

/** How far a sample is from the edge. */
function fromEdge(i: number, [, stepY]: readonly [x: number, y: number]): number {
  return Math.abs(stepY === 0 ? Math.floor(i / WIDTH) - 45 : (i % WIDTH) - 80);
}

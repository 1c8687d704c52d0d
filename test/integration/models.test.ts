/** Every network of the manifest is opened and makes pictures: none is listed that does not run. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InterpEngine } from '../../src/interp/engine/engine.ts';
import { type ModelSpec, readManifest } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { micros, systemClock } from '../../src/time.ts';

/** The text in the corner of the large picture: black and white blocks of 6 × 12 in no order. */
const CAPTION = { x: 96, y: 64, width: 320, height: 48 };

const [WIDTH, HEIGHT, MOVED] = [256, 192, 8];
const arena = new Arena(96);
const models = await readManifest();

/** Texture that has moved to the right by `shift` samples, over grey chroma. */
function picture(shift: number, ms: number): Frame {
  const at = micros(ms * 1000);
  const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, info);
  const { bytes } = frame;
  bytes.fill(128);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const value = 128 + 45 * Math.sin((x - shift) / 5 + y / 17) + 45 * Math.cos(y / 6 - (x - shift) / 13);
      bytes[y * frame.layout.strideY + x] = value;
    }
  }
  return frame;
}

function psnr(made: Frame, truth: Frame): number {
  let sum = 0;
  for (let y = 24; y < HEIGHT - 24; y++) {
    const row = y * truth.layout.strideY;
    for (let x = 24; x < WIDTH - 24; x++) sum += ((made.bytes[row + x] ?? 0) - (truth.bytes[row + x] ?? 0)) ** 2;
  }
  return 10 * Math.log10((65025 * (WIDTH - 48) * (HEIGHT - 48)) / sum);
}

interface Made {
  readonly psnr: number;
  /** Mean error, padding of rows included. */
  readonly chroma: number;
  readonly confidence: number | undefined;
}

const TIMES = [0.5, 0.25] as const;

/** The pictures at TIMES. */
async function make(model: ModelSpec | 'blend'): Promise<Made[]> {
  await using engine = await InterpEngine.start({ arena, clock: systemClock, events: noEvents, model, threads: 1 });
  const found: Made[] = [];
  for (const t of TIMES) {
    const frames = [picture(0, 0), picture(MOVED, 40), picture(MOVED * t, 40 * t)] as const;
    const [a, b, truth] = frames;
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [t] });
    if (result.status !== 'done') throw new Error(`refused: ${result.reason}`);
    const [made] = result.frames;
    if (!made) throw new Error('no frame');
    const { u, strideC, chromaHeight } = made.layout;
    const chroma = made.bytes.subarray(u, u + strideC * chromaHeight * 2);
    found.push({
      psnr: psnr(made, truth),
      chroma: chroma.reduce((sum, v) => sum + Math.abs(v - 128), 0) / chroma.length,
      confidence: result.confidence,
    });
    for (const frame of [...result.frames, ...frames]) frame.release();
  }
  return found;
}

afterAll(() => expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]));

describe('a network of the same size', () => {
  let blended: Made[] = [];
  beforeAll(async () => {
    blended = await make('blend');
  });
  const ofOneSize = models.filter(({ scale = 1 }) => scale === 1);

  it.each(ofOneSize.map((model) => [model.id, model] as const))('%s makes pictures', async (id, model) => {
    for (const [i, made] of (await make(model)).entries()) {
      const blend = blended[i]?.psnr ?? 0;
      console.log(`${id} t ${TIMES[i]}: ${made.psnr.toFixed(1)} dB, blend ${blend.toFixed(1)} dB`);
      // Our own models find this motion. The published ones are small and were trained for minutes: held to a plausible picture, not to a good one.
      const own = /^(flow|fluoro)-/.test(id);
      expect(made.chroma).toBeLessThanOrEqual(own ? 1 : 40);
      expect(made.psnr).toBeGreaterThan(own ? blend + 10 : blend - 8);
      if (model.kind === 'flow') expect(made.confidence).toBeGreaterThan(0);
    }
  });
});

/** The mean luma of each square of `scale` samples. */
function shrunk({ bytes, layout }: Frame, scale: number): number[] {
  return Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [x, y] = [scale * (i % WIDTH), scale * Math.floor(i / WIDTH)];
    let sum = 0;
    for (let k = 0; k < scale * scale; k++)
      sum += bytes[(y + Math.floor(k / scale)) * layout.strideY + x + (k % scale)] ?? 0;
    return sum / scale ** 2;
  });
}

it.each(models.filter(({ scale = 1 }) => scale > 1).map((model) => [model.id, model] as const))(
  '%s makes both pictures and the middle, larger',
  async (id, model) => {
    await using engine = await InterpEngine.start({ arena, clock: systemClock, events: noEvents, model, threads: 1 });
    const { scale = 1 } = model;
    expect(engine.scale).toBe(scale);
    const [a, b, truth] = [picture(0, 0), picture(MOVED, 40), picture(MOVED / 2, 20)];
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0, 0.5, 1] });
    if (result.status !== 'done') throw new Error(`refused: ${result.reason}`);
    for (const [i, wanted] of [a, truth, b].entries()) {
      const made = result.frames[i];
      if (!made) throw new Error('no frame');
      expect([made.width, made.height]).toEqual([scale * WIDTH, scale * HEIGHT]);
      const differences = shrunk(made, scale).map((v, k) =>
        Math.abs(v - (wanted.bytes[Math.floor(k / WIDTH) * wanted.layout.strideY + (k % WIDTH)] ?? 0)),
      );
      const mean = differences.reduce((sum, d) => sum + d, 0) / differences.length;
      console.log(`${id}, frame ${i}: ${mean.toFixed(2)} grey levels`);
      // The middle is not found well by who was trained for minutes; what was given is to be seen again.
      expect(mean).toBeLessThan(i === 1 ? 30 : 5);
    }
    for (const frame of [...result.frames, a, b, truth]) frame.release();
  },
);

/** Smooth noise without a period: octaves of random values on grids, bilinear between them. */
function landscape(seed: number): (x: number, y: number) => number {
  const random = (octave: number, i: number, j: number): number => {
    let h = (i * 374761393 + j * 668265263 + octave * 2147483647 + seed * 974634) | 0;
    h = Math.imul(h ^ (h >>> 13), 1274126177);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
  };
  return (x, y) => {
    let sum = 0;
    for (const pitch of [48, 20, 9]) {
      const [i, j] = [Math.floor(x / pitch), Math.floor(y / pitch)];
      const [u, v] = [x / pitch - i, y / pitch - j];
      const across = (row: number): number => random(pitch, i, row) * (1 - u) + random(pitch, i + 1, row) * u;
      sum += (across(j) * (1 - v) + across(j + 1) * v) * (pitch === 48 ? 110 : pitch === 20 ? 80 : 60);
    }
    return sum;
  };
}

function letters(x: number, y: number): number {
  let h = Math.imul(Math.floor(x / 6) + 1, 374761393) + Math.imul(Math.floor(y / 12) + 1, 668265263);
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

describe('flow-s at 1280 × 720', () => {
  const [width, height] = [1280, 720];
  const scene = landscape(7);
  const frameAt = (dx: number, dy: number, ms: number): Frame => {
    const at = micros(ms * 1000);
    const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
    const frame = Frame.allocate(arena, width, height, info);
    const { bytes, layout } = frame;
    bytes.fill(128);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) bytes[y * layout.strideY + x] = scene(x - dx, y - dy);
    }
    for (let y = CAPTION.y; y < CAPTION.y + CAPTION.height; y++) {
      for (let x = CAPTION.x; x < CAPTION.x + CAPTION.width; x++) {
        bytes[y * layout.strideY + x] = letters(x, y) > 0.5 ? 235 : 20;
      }
    }
    return frame;
  };

  it.each([
    [48, 0],
    [-48, 0],
    [0, 48],
    [34, -34],
  ])('follows a pan by (%d, %d) pixels and leaves a caption where it is', async (dx, dy) => {
    const model = models.find((m) => m.id === 'flow-s');
    if (!model) throw new Error('flow-s is not in the manifest');
    await using engine = await InterpEngine.start({ arena, clock: systemClock, events: noEvents, model });
    const frames = [frameAt(0, 0, 0), frameAt(dx, dy, 33), frameAt(dx / 2, dy / 2, 16)] as const;
    const [a, b, truth] = frames;
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0.5] });
    if (result.status !== 'done') throw new Error('refused');
    const [made] = result.frames;
    const stride = truth.layout.strideY;
    const error = (inside: (x: number, y: number) => boolean): number => {
      let [sum, count] = [0, 0];
      for (let y = 64; y < height - 64; y++) {
        for (let x = 64; x < width - 64; x++) {
          if (!inside(x, y)) continue;
          sum += Math.abs((made?.bytes[y * stride + x] ?? 0) - (truth.bytes[y * stride + x] ?? 0));
          count += 1;
        }
      }
      return sum / count;
    };
    const { x: left, y: top } = CAPTION;
    const away = (x: number, y: number, margin: number): boolean =>
      x < left - margin || x >= left + CAPTION.width + margin || y < top - margin || y >= top + CAPTION.height + margin;
    const [panned, still] = [error((x, y) => away(x, y, 96)), error((x, y) => !away(x, y, -8))];
    console.log(`pan (${dx}, ${dy}): mean error ${panned.toFixed(2)} grey levels, caption ${still.toFixed(2)}`);
    expect(panned).toBeLessThan(2);
    expect(still).toBeLessThan(2);
    for (const frame of [...result.frames, ...frames]) frame.release();
  });
});

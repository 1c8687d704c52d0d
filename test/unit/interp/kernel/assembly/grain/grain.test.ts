import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  grainScratchBytes,
  gridSize,
  loadKernel,
  warpScratchBytes,
} from '../../../../../../src/interp/kernel/kernel.ts';
import { Arena, type Block } from '../../../../../../src/media/arena.ts';
import { planeLayout } from '../../../../../../src/media/frame.ts';
import { type Field, random } from '../../../../../support/kernel-scalar.ts';
import { scalarGrain, scalarMeasure, scalarTile } from '../../../../../support/kernel-scalar-grain.ts';

const arena = new Arena(64);
const kernel = loadKernel(arena.memory);
const GUARD = 64;
const TILE = 64 + 16_384 + 576 + 131_072;

/** Bytes in the arena between guards. */
class Guarded {
  readonly #block: Block;
  readonly offset: number;
  readonly bytes: Uint8Array;
  constructor(size: number) {
    this.#block = arena.allocate(size + 2 * GUARD);
    arena.u8.fill(0xa5, this.#block.offset, this.#block.offset + this.#block.bytes);
    this.offset = this.#block.offset + GUARD;
    this.bytes = arena.u8.subarray(this.offset, this.offset + size);
  }
  intact(): boolean {
    const { offset, bytes } = this.#block;
    const end = this.offset + this.bytes.length;
    const around = [...arena.u8.subarray(offset, this.offset), ...arena.u8.subarray(end, offset + bytes)];
    return around.every((v) => v === 0xa5);
  }
  free(): void {
    arena.free(this.#block);
  }
}

/** Normally distributed. */
function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

type Picture = (x: number, y: number) => number;
/** Grey from 20 to 220, smooth. */
const SMOOTH: Picture = (x, y) => 120 + 70 * Math.sin(x / 37) * Math.cos(y / 29) + 25 * Math.sin((x + y) / 71);
/** Quantum noise: its power is in proportion to the grey. */
const deviation = (grey: number): number => Math.sqrt(0.5 + grey / 12);

function frame(width: number, height: number, picture: Picture, noise?: () => number): Guarded {
  const { strideY, bytes } = planeLayout(width, height);
  const made = new Guarded(bytes);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const grey = picture(x, y);
      const value = grey + (noise ? deviation(grey) * normal(noise) : 0);
      made.bytes[y * strideY + x] = Math.min(Math.max(Math.round(value), 0), 255);
    }
  }
  return made;
}

function fieldOf(width: number, height: number, channels: number, value: (c: number, i: number) => number) {
  const grid = gridSize(width, height, 8);
  const cells = grid.width * grid.height;
  const guarded = new Guarded(4 * channels * cells);
  const data = new Float32Array(arena.memory.buffer, guarded.offset, channels * cells);
  data.forEach((_, i) => {
    data[i] = value(Math.floor(i / cells), i % cells);
  });
  const field: Field = { ...grid, data };
  return { ...field, guarded };
}

/** Measures a pair and adds grain to a copy of `made`. */
function grained(
  a: Guarded,
  b: Guarded,
  made: Uint8Array,
  [width, height]: readonly [number, number],
  field: ReturnType<typeof fieldOf>,
  { motions = 1, strength = 1, seed = 7 } = {},
): { bytes: Uint8Array; rho: number; levels: number[]; tile: Buffer } {
  const grain = new Guarded(grainScratchBytes(field.width * field.height));
  const out = new Guarded(made.length);
  out.bytes.set(made);
  const before = [a.bytes.slice(), b.bytes.slice(), field.guarded.bytes.slice()];
  kernel.grainStart(grain.offset);
  const at = [width, height, field.guarded.offset, field.width, field.height] as const;
  kernel.grainMeasure(a.offset, b.offset, ...at, grain.offset);
  kernel.grainAdd(out.offset, ...at, motions, strength, seed, grain.offset);
  expect([a, b, out, grain, field.guarded].map((g) => g.intact())).toEqual([true, true, true, true, true]);
  expect([a, b, field.guarded].every((g, i) => Buffer.compare(g.bytes, before[i]!) === 0)).toBe(true);
  const view = new DataView(arena.memory.buffer, grain.offset);
  const tile = Buffer.alloc(256 * 256);
  for (let y = 0; y < 256; y++) {
    tile.set(grain.bytes.subarray(TILE + y * 272, TILE + y * 272 + 256), y * 256);
  }
  const result = {
    bytes: out.bytes.slice(),
    rho: view.getFloat32(16, true),
    levels: [...grain.bytes.subarray(0, 16)],
    tile,
  };
  out.free();
  grain.free();
  return result;
}

/** The visible luma samples. */
function luma(bytes: Uint8Array, width: number, height: number): number[] {
  const { strideY } = planeLayout(width, height);
  return Array.from({ length: width * height }, (_, i) => bytes[Math.floor(i / width) * strideY + (i % width)] ?? 0);
}

const FIELDS: Record<string, (next: () => number) => (c: number) => number> = {
  still: () => (c) => (c % 6 === 4 ? 0.5 : c === 11 ? 0.3 : 0),
  'small random flow': (next) => (c) => (c % 6 < 4 ? next() * 6 - 3 : next()),
  'flow beyond the frame': (next) => (c) => (c % 6 < 4 ? (next() - 0.5) * 200 : next() * 3 - 1),
  'flow and weights that are no numbers': (next) => () =>
    [Number.NaN, Infinity, -Infinity, 1e30, -1e30, 0.5, 0.1][Math.floor(next() * 7)] ?? 0,
};

/** Written by models/training/phantom/grain_fixture.py. */
interface Case {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly strength: number;
  readonly seed: number;
  readonly luma0: string;
  readonly luma1: string;
  readonly made: string;
  readonly out: string;
  readonly field: string;
  readonly rho: number;
  readonly levels: readonly number[];
}
// Our own file, written by the script above.
const { cases } = JSON.parse(readFileSync(new URL('../../../../../fixtures/grain.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

describe('grain', () => {
  it.each(cases)('equals the Python form: $name', (c) => {
    const size = [c.width, c.height] as const;
    const picture = (base64: string): Guarded => {
      const bytes = Buffer.from(base64, 'base64');
      return frame(...size, (x, y) => bytes[y * c.width + x] ?? 0);
    };
    const [a, b, made] = [c.luma0, c.luma1, c.made].map(picture) as [Guarded, Guarded, Guarded]; // three in, three out
    const values = Buffer.from(c.field, 'base64');
    const cells = (c.width * c.height) / 64;
    const channels = values.length / 4 / cells;
    const field = fieldOf(...size, channels, (channel, i) => values.readFloatLE(4 * (channel * cells + i)));
    const { strength, seed } = c;
    const result = grained(a, b, made.bytes, size, field, { motions: channels / 6, strength, seed });
    expect({ rho: result.rho, levels: result.levels }).toEqual({ rho: c.rho, levels: c.levels });
    expect(luma(result.bytes, ...size)).toEqual([...Buffer.from(c.out, 'base64')]);
    for (const g of [a, b, made, field.guarded]) g.free();
  });

  describe.each(Object.keys(FIELDS))('%s', (name) => {
    it.each([
      [2, 2],
      [9, 7],
      [16, 16],
      [65, 67],
      [131, 87],
      [200, 120],
      [256, 192],
      [1040, 536],
    ])('equals the plain form at %d × %d, with one motion and with two', (width, height) => {
      const next = random(width * 1000 + height);
      const [a, b] = [frame(width, height, SMOOTH, next), frame(width, height, SMOOTH, next)];
      for (const motions of [1, 2]) {
        const field = fieldOf(width, height, 6 * motions, FIELDS[name]!(next));
        const options = { motions, strength: motions === 1 ? 1 : 0.8, seed: Math.floor(next() * 2 ** 32) };
        const result = grained(a, b, a.bytes, [width, height], field, options);
        const known = scalarMeasure(a.bytes, b.bytes, width, height, field);
        expect({ rho: result.rho, levels: result.levels }).toEqual(known);
        const { strength, seed } = options;
        const plain = scalarGrain(a.bytes, width, height, field, motions, strength, seed, known);
        expect(luma(result.bytes, width, height)).toEqual(luma(plain, width, height));
        expect(Buffer.compare(result.tile, Buffer.from(scalarTile(known.rho)))).toBe(0);
        const chroma = planeLayout(width, height).u;
        expect(Buffer.compare(result.bytes.subarray(chroma), a.bytes.subarray(chroma))).toBe(0);
        field.guarded.free();
      }
      for (const g of [a, b]) g.free();
    });
  });

  it.each([
    [0, 0],
    [0.3, 0.3],
    [0.5, 0.5],
    // Three taps give no more.
    [0.7, 0.64],
  ])('its tile for a correlation of %d has %d, and deviation 32', (asked, rho) => {
    const tile = scalarTile(asked);
    const mean = tile.reduce((s, v) => s + v, 0) / tile.length;
    const power = tile.reduce((s, v) => s + v * v, 0) / tile.length;
    const near = tile.reduce((s, v, i) => s + v * (tile[(i & ~255) | ((i + 1) & 255)] ?? 0), 0) / tile.length;
    expect(Math.abs(mean)).toBeLessThan(1);
    expect(Math.abs(Math.sqrt(power) - 32)).toBeLessThan(1);
    expect(Math.abs(near / power - rho)).toBeLessThan(0.02);
  });

  /** The middle frame of a pair, and that with grain. */
  const middle = (a: Guarded, b: Guarded, size: readonly [number, number], field: ReturnType<typeof fieldOf>) => {
    const out = new Guarded(a.bytes.length);
    const scratch = new Guarded(warpScratchBytes(size[0]));
    const at = [...size, field.guarded.offset, field.width, field.height] as const;
    kernel.warpBlend(a.offset, b.offset, out.offset, ...at, scratch.offset, 0, size[1], 0);
    const blend = out.bytes.slice();
    for (const g of [out, scratch]) g.free();
    return { blend, ...grained(a, b, blend, size, field) };
  };

  /** Noise power over `clean` by dark, middle and bright, and the correlation of neighbours, 16 samples from the border. */
  const noiseOf = (bytes: Uint8Array, [width, height]: readonly [number, number], clean: Picture) => {
    const { strideY } = planeLayout(width, height);
    const [sums, counts] = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    const at = (x: number, y: number): number => (bytes[y * strideY + x] ?? 0) - clean(x, y);
    let [near, all] = [0, 0];
    for (let y = 16; y < height - 16; y++) {
      for (let x = 16; x < width - 16; x++) {
        const k = Math.min(Math.floor(clean(x, y) / 80), 2);
        sums[k]! += at(x, y) ** 2;
        counts[k]! += 1;
        near += at(x, y) * at(x + 1, y);
        all += at(x, y) ** 2;
      }
    }
    return { power: sums.map((v, k) => v / counts[k]!), rho: near / all };
  };

  it.each([
    ['stands still', 0, 0, 0.6],
    ['moves by whole samples', 1, 0, 0.6],
    ['moves by a quarter of a sample', 0.25, 0, 0.35],
    ['grows', 0, 1 / 60, 0.4],
  ])('gives a frame a real one’s noise at every grey, where the picture %s', (_, shift, growth, most) => {
    const size = [512, 384] as const;
    const next = random(99);
    /** The picture half an interval before or after. */
    const moved =
      (sign: number): Picture =>
      (x, y) =>
        SMOOTH(x + sign * (shift + growth * (x - 256)), y + sign * (shift + growth * (y - 192)));
    const a = frame(...size, moved(1), next);
    const b = frame(...size, moved(-1), next);
    const columns = gridSize(...size, 8).width;
    const field = fieldOf(...size, 6, (c, i) => {
      const from = c % 2 === 0 ? 8 * (i % columns) + 3.5 - 256 : 8 * Math.floor(i / columns) + 3.5 - 192;
      const sign = c < 2 ? 1 : -1;
      return c === 4 ? 0.5 : (-sign * (shift + growth * from)) / (1 + sign * growth);
    });
    const { blend, bytes } = middle(a, b, size, field);
    const real = noiseOf(a.bytes, size, moved(1));
    const [made, without] = [bytes, blend].map((p) => noiseOf(p, size, SMOOTH));
    expect(Math.abs(made!.rho)).toBeLessThan(0.25);
    for (const [k, power] of real.power.entries()) {
      expect(Math.abs(made!.power[k]! / power - 1)).toBeLessThan(0.15);
      expect(without!.power[k]! / power).toBeLessThan(most);
    }
    for (const g of [a, b, field.guarded]) g.free();
  });

  it.each([0, 0.3, 1, 2.7])('adds nothing to a picture without noise that moves by %d', (shift) => {
    const size = [256, 192] as const;
    const a = frame(...size, (x, y) => SMOOTH(x + shift, y + shift));
    const b = frame(...size, (x, y) => SMOOTH(x - shift, y - shift));
    const field = fieldOf(...size, 6, (c) => [-shift, -shift, shift, shift, 0.5, 0][c] ?? 0);
    const { blend, bytes } = middle(a, b, size, field);
    expect(Buffer.compare(bytes, blend)).toBe(0);
    for (const g of [a, b, field.guarded]) g.free();
  });

  it('gives the same grain for the same seed, another one for another', () => {
    const size = [256, 192] as const;
    const next = random(5);
    const [a, b] = [frame(...size, SMOOTH, next), frame(...size, SMOOTH, next)];
    const field = fieldOf(...size, 6, (c) => (c === 4 ? 0.5 : 0));
    const [one, again, other] = [1, 1, 2].map((seed) => grained(a, b, a.bytes, size, field, { seed }).bytes);
    expect(Buffer.compare(one!, again!)).toBe(0);
    expect(Buffer.compare(one!, other!)).not.toBe(0);
    for (const g of [a, b, field.guarded]) g.free();
  });
});
